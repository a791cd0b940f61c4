"""Fine-tunes cased BERT-base to find the named entities of CoNLL-2003.

  python -m tfzoo.train --config=configs/bert_conll2003.py --workdir=runs/conll2003

Files in CoNLL's columns do as well, with the words in the first column and the tags in the last:

  ... --config.data.train=eng.train --config.data.validation=eng.testa --config.data.test=eng.testb
      --config.data.text=0 --config.data.label=-1

Settings lie in the ranges of BERT's paper (https://arxiv.org/abs/1810.04805, appendix A.3).

Never run: TensorFlow Datasets downloads CoNLL-2003, which could not be reached from where this was
written; what was tested is that columns and labels are those of its builder. The paper's scores of
BERT-base are F1 96.4 (development set) and 92.4 (test set), with the document around each sentence
as context, which this config does not have.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.preset = "bert_base_en_cased"
    config.task = "BertTokenClassifier"
    config.model.sequence_length = 128

    config.data.train = "tfds:conll2003:train"
    config.data.validation = "tfds:conll2003:dev"
    config.data.test = "tfds:conll2003:test"
    config.data.text, config.data.label = "tokens", "ner"

    config.train.epochs = 3
    config.train.batch_size = 32
    config.train.learning_rate = 5e-5
    return config
