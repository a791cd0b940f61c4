"""Pre-trains GPT-3, in the eight sizes of the paper and with its settings.

  python -m tfzoo.prepare --input='text/*.jsonl.gz' --tokenizer=gpt2_base_en --format=causal \\
      --sequence_length=2048 --processes=16 --output=data/pretraining_gpt3/train
  python -m tfzoo.train --config=configs/gpt3_pretrain.py:125m --workdir=runs/gpt3_125m

The first command makes data/pretraining_gpt3/valid and data/pretraining_gpt3/test as well, of text
that is kept out. Any vocabulary of a GPT2Tokenizer will do, such as one of your own; see
configs/gpt2_pretrain.py. Sizes from 1.3b on need several devices (`--strategy`), and
--config.train.accumulation_steps where a batch does not fit into memory.

Batch size and learning rate are those of table 2.1 (https://arxiv.org/abs/2005.14165), the rest of
appendix B: Adam with beta_1 = 0.9, beta_2 = 0.95 and epsilon = 1e-8, gradients clipped at 1, weight
decay 0.1, a warm-up over 375 million tokens, and a cosine down to a tenth over 260 billion. The
paper goes on to 300 billion at that rate, lets the batch grow over the first 4 to 12 billion, and
lets documents that share a row see one another, which is not done here.

Never run so far; what was tested is that these configs are accepted.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config
from tfzoo.errors import ConfigError
from tfzoo.models import GPT3Backbone

LENGTH = 2048
BATCH_AND_RATE = {  # rows of that length, for 0.5, 1, 2 and 3.2 million tokens; the learning rate
    "125m": (256, 6e-4),
    "350m": (256, 3e-4),
    "760m": (256, 2.5e-4),
    "1.3b": (512, 2e-4),
    "2.7b": (512, 1.6e-4),
    "6.7b": (1024, 1.2e-4),
    "13b": (1024, 1e-4),
    "175b": (1536, 0.6e-4),
}
WARMUP, DECAY = 375e6, 260e9  # tokens
EPOCHS = 260  # each ends with a validation


def get_config(size: str = "125m") -> ConfigDict:
    if size not in BATCH_AND_RATE:
        raise ConfigError(f"{size!r} is no size; choose one of {', '.join(BATCH_AND_RATE)}.")
    config = default_config()
    config.task = "GPT3CausalLM"
    sizes = dict(GPT3Backbone.presets[f"gpt3_{size}_en"].sizes)
    del sizes["vocabulary_size"]  # that of the rows
    config.model.update(sizes, max_sequence_length=LENGTH)

    config.data.train = "data/pretraining_gpt3/train"
    config.data.validation = "data/pretraining_gpt3/valid"
    config.data.test = "data/pretraining_gpt3/test"

    config.train.batch_size, rate = BATCH_AND_RATE[size]
    tokens = config.train.batch_size * LENGTH
    config.train.epochs, config.train.steps_per_epoch = EPOCHS, round(DECAY / EPOCHS / tokens)
    config.train.learning_rate, config.train.final = rate, rate / 10
    config.train.warmup = round(WARMUP / tokens)
    config.train.decay = "cosine"
    config.train.weight_decay = 0.1
    config.train.beta_2, config.train.epsilon = 0.95, 1e-8
    return config
