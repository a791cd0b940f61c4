"""ELECTRA in Google's original code: one checkpoint holds discriminator and generator."""

from collections.abc import Mapping
from typing import Any

from tfzoo.errors import ConfigError
from tfzoo.models.bert_weights.google import EMBEDDINGS, LAYERS
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, under
from tfzoo.weights.source import Source

_HEAD_DIM = 64  # in every published model; no file says it
_FIXED = {"dropout": 0.1, "layer_norm_epsilon": 1e-12}
_PROJECTION = ("embeddings/projection/{kernel,bias}", "embeddings_project/{kernel,bias}")
_TABLE = Table(
    *under("", "electra/", *EMBEDDINGS, _PROJECTION, *LAYERS),
    ignore=("generator/*", "*_predictions/*", "temperature"),
)
_HEADS = {
    "generator": Table(
        *under("generator/", "generator/", _PROJECTION, *LAYERS),
        *under(
            "generator/masked_lm_head/",
            "generator_predictions/",
            ("dense/{kernel,bias}", "dense/{kernel,bias}"),
            ("layer_norm/{gamma,beta}", "LayerNorm/{gamma,beta}"),
            ("output_bias", "output_bias"),
        ),
    ),
    "discriminator_head": Table(
        *under(
            "discriminator_head/",
            "discriminator_predictions/",
            ("dense/{kernel,bias}", "dense/{kernel,bias}"),
            ("logits/{kernel,bias}", "dense_1/{kernel,bias}"),
        )
    ),
}


def _config(source: Source) -> dict[str, Any]:
    """The folder has no configuration: sizes are in its variables, but for that of a head."""
    vocabulary, width = source.shape("electra/embeddings/word_embeddings", 2)
    hidden, intermediate = source.shape("electra/encoder/layer_0/intermediate/dense/kernel", 2)
    return {
        "vocabulary_size": vocabulary,
        "num_layers": source.count(r"electra/encoder/layer_(\d+)/"),
        "num_heads": _num_heads(hidden),
        "hidden_dim": hidden,
        "intermediate_dim": intermediate,
        "embedding_dim": width,
        "max_sequence_length": source.shape("electra/embeddings/position_embeddings", 2)[0],
        "num_segments": source.shape("electra/embeddings/token_type_embeddings", 2)[0],
        **_FIXED,
    }


def _num_heads(hidden_dim: int) -> int:
    return max(1, hidden_dim // _HEAD_DIM)


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing is written; what readers take for granted must be so."""
    for name, value in {**_FIXED, "num_heads": _num_heads(config["hidden_dim"])}.items():
        if config[name] != value:
            raise ConfigError(
                f"Google's checkpoints of ELECTRA do not state {name}, which readers take to be "
                f"{value} where this model has {config[name]}; choose another format."
            )
    return {}


GOOGLE = Format(
    config=_config,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
)
