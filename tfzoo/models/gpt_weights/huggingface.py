"""GPT in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.gpt_weights.openai import check_intermediate_dim
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings
from tfzoo.weights.source import Source

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layer",
    "num_heads": "n_head",
    "hidden_dim": "n_embd",
    "max_sequence_length": "n_positions",
}
DROPOUT = Option("dropout", "resid_pdrop", 0.1)
LAYER_NORM_EPSILON = Option("layer_norm_epsilon", "layer_norm_epsilon", 1e-5)
_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu", "silu": "silu", "swish": "silu"}
_SETTINGS = Settings(
    sizes=SIZES,
    options=(DROPOUT, LAYER_NORM_EPSILON, Option("activation", "afn", "gelu", _ACTIVATIONS)),
    required={"tie_word_embeddings": True},
)
# Kernels are those of convolutions of width 1 and lie as ours do.
LAYERS = under(
    "decoder/layer_{i}/",
    "transformer.h.{i}.",
    ("attention/query_key_value/{kernel,bias}", "attn.c_attn.{weight,bias}"),
    ("attention/output/{kernel,bias}", "attn.c_proj.{weight,bias}"),
    ("attention_norm/{gamma,beta}", "ln_1.{weight,bias}"),
    ("intermediate/{kernel,bias}", "mlp.c_fc.{weight,bias}"),
    ("output/{kernel,bias}", "mlp.c_proj.{weight,bias}"),
    ("output_norm/{gamma,beta}", "ln_2.{weight,bias}"),
)
# What lies beside a backbone: causal masks, a tied or another head.
OTHERS = Table(
    ignore=(
        "*.attn.bias",
        "*.attn.masked_bias",
        "*position_ids",
        "lm_head.*",
        "multiple_choice_head.*",
        "score.*",
        "classifier.*",
        "qa_outputs.*",
    ),
    spellings=({"transformer.": ""},),
)
CLASSIFICATION_HEAD = Table(("classification_head/logits/kernel", "score.weight", transpose))
_TABLE = OTHERS + Table(
    ("embeddings/token_embedding/embeddings", "transformer.tokens_embed.weight"),
    ("embeddings/position_embedding/embeddings", "transformer.positions_embed.weight"),
    *LAYERS,
)


def describe_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration says of dropout and of initial weights besides."""
    return {
        "embd_pdrop": config["dropout"],
        "attn_pdrop": config["dropout"],
        "initializer_range": 0.02,
    }


def _config(source: Source) -> dict[str, Any]:
    config = _SETTINGS.read(source)
    return {**config, "intermediate_dim": 4 * config["hidden_dim"]}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    check_intermediate_dim(config)
    return {**_SETTINGS.write(config), **describe_training(config)}


def _describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {"tokenizer_class": "OpenAIGPTTokenizer"}


HUGGINGFACE = Format(
    config=_config,
    table=lambda config: _TABLE,
    heads={"classification_head": CLASSIFICATION_HEAD},
    describe=_describe,
    describe_tokenizer=_describe_tokenizer,
)
