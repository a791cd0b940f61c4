"""Teaches MiniLM (6 layers, 22.7M parameters), which knows English, where a Ukrainian text belongs.

  python configs/data/tatoeba_pairs.py data/tatoeba
  python -m tfzoo.train --config=configs/minilm_tatoeba_embedder.py --workdir=runs/tatoeba

The first command writes 11,500 sentences of Tatoeba with their translations (a download of 85 MB).

Measured on 2 cores of an AMD EPYC with avx512_bf16 (so precision is mixed_bfloat16): 233 s for the
second command, downloads not included.

Test split, 1,000 English sentences that look for their own translation among all 1,000, one seed:

|                             | recall at 1 | MRR    |
|-----------------------------|-------------|--------|
| this config                 | 0.7230      | 0.8099 |
| MiniLM as published         | 0.0100      | 0.0207 |
| TF-IDF of 2 to 5 characters | 0.0070      | 0.0198 |

The last two are from `python benchmarks/tatoeba_retrieval.py`; the languages share no letters, so
that names and numbers are all that TF-IDF can find.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config

FOLDER = "data/tatoeba"


def get_config() -> ConfigDict:
    config = default_config()
    config.preset = "minilm_l6_en_uncased"
    config.task = "BertEmbedder"
    config.model.sequence_length = 64

    config.data.train = f"{FOLDER}/train.jsonl"
    config.data.validation = f"{FOLDER}/validation.jsonl"
    config.data.test = f"{FOLDER}/test.jsonl"

    config.train.epochs = 2
    config.train.batch_size = 64
    config.train.learning_rate = 2e-4

    config.export.texts = (
        "The weather is nice today.",
        "Сьогодні гарна погода.",
        "I have lost my keys.",
    )
    return config
