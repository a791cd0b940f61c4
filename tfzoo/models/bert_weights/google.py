"""BERT in Google's original code: checkpoints, and TF1 hub modules, which have the same names."""

from collections.abc import Mapping
from typing import Any

from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.saved_model import num_heads
from tfzoo.weights.settings import Option, Settings
from tfzoo.weights.source import Source

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu", "tanh": "tanh", "linear": "linear"}
SETTINGS = Settings(
    sizes=SIZES,
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("activation", "hidden_act", "gelu", _ACTIVATIONS),
    ),
    implied={"layer_norm_epsilon": 1e-12},
)
# Rows below the scope of a model, which BERT's kin have too.
EMBEDDINGS = under(
    "embeddings/",
    "embeddings/",
    ("token_embedding/embeddings", "word_embeddings"),
    ("position_embedding/embeddings", "position_embeddings"),
    ("segment_embedding/embeddings", "token_type_embeddings"),
    ("layer_norm/{gamma,beta}", "LayerNorm/{gamma,beta}"),
)
LAYERS = under(
    "encoder/layer_{i}/",
    "encoder/layer_{i}/",
    (
        "attention/query_key_value/{kernel,bias}",
        "attention/self/{query+key+value}/{kernel,bias}",
    ),
    ("attention/output/{kernel,bias}", "attention/output/dense/{kernel,bias}"),
    ("attention_norm/{gamma,beta}", "attention/output/LayerNorm/{gamma,beta}"),
    ("intermediate/{kernel,bias}", "intermediate/dense/{kernel,bias}"),
    ("output/{kernel,bias}", "output/dense/{kernel,bias}"),
    ("output_norm/{gamma,beta}", "output/LayerNorm/{gamma,beta}"),
)
TABLE = Table(
    *under("", "bert/", *EMBEDDINGS, *LAYERS),
    ("pooler/dense/{kernel,bias}", "bert/pooler/dense/{kernel,bias}"),
    optional=("pooler/*",),
    ignore=("bert/pooler/*", "cls/*", "output_weights", "output_bias"),
)
HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "cls/predictions/",
            ("dense/{kernel,bias}", "transform/dense/{kernel,bias}"),
            ("layer_norm/{gamma,beta}", "transform/LayerNorm/{gamma,beta}"),
            ("output_bias", "output_bias"),
        )
    ),
    "next_sentence_head": Table(
        (
            "next_sentence_head/logits/{kernel,bias}",
            "cls/seq_relationship/output_{weights,bias}",
            transpose,
        )
    ),
    "classification_head": Table(
        ("classification_head/logits/{kernel,bias}", "output_{weights,bias}", transpose)
    ),
    "span_head": Table(
        ("span_head/logits/{kernel,bias}", "cls/squad/output_{weights,bias}", transpose)
    ),
}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **SETTINGS.write(config),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


def _module_config(source: Source) -> dict[str, Any]:
    """A TF1 hub module has no configuration: sizes are in its variables, heads in its graph."""
    shape = source.shape
    vocabulary, hidden = shape("bert/embeddings/word_embeddings", 2)
    heads = num_heads(source.graph, hidden)
    return {
        "vocabulary_size": vocabulary,
        "num_layers": source.count(r"bert/encoder/layer_(\d+)/"),
        **({} if heads is None else {"num_heads": heads}),
        "hidden_dim": hidden,
        "intermediate_dim": shape("bert/encoder/layer_0/intermediate/dense/bias", 1)[0],
        "max_sequence_length": shape("bert/embeddings/position_embeddings", 2)[0],
        "num_segments": shape("bert/embeddings/token_type_embeddings", 2)[0],
    }


GOOGLE = Format(config=SETTINGS.read, table=lambda config: TABLE, heads=HEADS, describe=_describe)
HUB1 = Format(
    config=_module_config,
    table=lambda config: TABLE,
    heads=HEADS,
    marks=("bert/encoder/layer_0/attention/self/query/kernel",),
)
