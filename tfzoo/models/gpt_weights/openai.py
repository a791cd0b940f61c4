"""GPT in OpenAI's original code, whose files hold nothing but numbers and their shapes.

Dropout is of the training alone and is not stated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, Transform, under
from tfzoo.weights.settings import unsayable
from tfzoo.weights.source import Source

IMPLIED = {"activation": "gelu_tanh", "layer_norm_epsilon": 1e-5}
_HEAD_DIM = 64  # in the published model; no file says it


def _with_width_of_kernel(array: np.ndarray) -> np.ndarray:
    return array[None] if array.ndim == 2 else array


# Kernels are those of convolutions of width 1, (1, in, out); biases share their row.
_convolution = Transform(
    read=lambda array: array.reshape(array.shape[-2:]), write=_with_width_of_kernel
)
ROWS = [
    ("embeddings/token_embedding/embeddings", "model/wte"),
    ("embeddings/position_embedding/embeddings", "model/wpe"),
    *under(
        "decoder/layer_{i}/",
        "model/h{i}/",
        ("attention/query_key_value/{kernel,bias}", "attn/c_attn/{w,b}", _convolution),
        ("attention/output/{kernel,bias}", "attn/c_proj/{w,b}", _convolution),
        ("attention_norm/{gamma,beta}", "ln_1/{g,b}"),
        ("intermediate/{kernel,bias}", "mlp/c_fc/{w,b}", _convolution),
        ("output/{kernel,bias}", "mlp/c_proj/{w,b}", _convolution),
        ("output_norm/{gamma,beta}", "ln_2/{g,b}"),
    ),
]
_TABLE = Table(*ROWS)


def check_intermediate_dim(config: Mapping[str, Any]) -> None:
    """Raises a ConfigError if the feed-forward networks are not four times as wide as the rest."""
    if config["intermediate_dim"] != 4 * config["hidden_dim"]:
        raise unsayable("intermediate_dim", config["intermediate_dim"])


def _config(source: Source) -> dict[str, Any]:
    """The sizes are those of the arrays, but for that of a head."""
    vocabulary, hidden = source.shape("model/wte", 2)
    return {
        "vocabulary_size": vocabulary,
        "num_layers": source.count(r"model/h(\d+)/"),
        **({} if hidden % _HEAD_DIM else {"num_heads": hidden // _HEAD_DIM}),
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
        "max_sequence_length": source.shape("model/wpe", 2)[0],
        **IMPLIED,
    }


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing is written; what readers take for granted must be so."""
    check_intermediate_dim(config)
    for name, value in {**IMPLIED, "num_heads": config["hidden_dim"] / _HEAD_DIM}.items():
        if config[name] != value:
            raise unsayable(name, config[name])
    return {}


OPENAI = Format(config=_config, table=lambda config: _TABLE, describe=_describe)
