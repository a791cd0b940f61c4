"""Fine-tunes BERT-base on SQuAD v1.1 or v2.0.

  python -m tfzoo.train --config=configs/bert_squad.py:v1.1 --workdir=runs/squad
  python -m tfzoo.train --config=configs/bert_squad.py:v2.0 --workdir=runs/squad2

The files of SQuAD, or others in their format, do as well:

  ... --config.data.train=train-v1.1.json --config.data.test=dev-v1.1.json

Settings are those of BERT's paper (https://arxiv.org/abs/1810.04805, sections 4.2 and 4.3) and the
windows those of run_squad.py in google-research/bert. 5% of the contexts of the training split are
kept out for validation; the test split is SQuAD's development set.

Never run: TensorFlow Datasets downloads SQuAD, which could not be reached from where this was
written; what was tested is that its features are read, from a local dataset that has them. The
paper's scores of BERT-base on v1.1 are 80.8 exact and 88.5 F1 (development set); for v2.0 it gives
those of BERT-large alone, 78.7 and 81.9.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config
from tfzoo.errors import ConfigError

EPOCHS_AND_BATCH_SIZE = {"v1.1": (3, 32), "v2.0": (2, 48)}


def get_config(version: str = "v1.1") -> ConfigDict:
    if version not in EPOCHS_AND_BATCH_SIZE:
        raise ConfigError(f"{version!r} is no version of SQuAD; choose v1.1 or v2.0.")
    config = default_config()
    config.preset = "bert_base_en_uncased"
    config.task = "BertQuestionAnswerer"
    config.model.sequence_length = 384
    config.model.doc_stride = 128
    if version == "v2.0":
        config.model.null_threshold = 0.0

    config.data.train = f"tfds:squad/{version}:train"
    config.data.test = f"tfds:squad/{version}:validation"
    config.data.fractions = (0.9, 0.05, 0.05)  # nothing goes to test, which has its own source

    config.train.epochs, config.train.batch_size = EPOCHS_AND_BATCH_SIZE[version]
    config.train.learning_rate = 5e-5
    return config
