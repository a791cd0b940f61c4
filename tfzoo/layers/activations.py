"""Activations that Keras does not name."""

from collections.abc import Callable
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="tfzoo")
def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation, as in Google's BERT and in GPT (https://arxiv.org/abs/1606.08415)."""
    return keras.ops.gelu(x, approximate=True)


def get_activation(name: str | Callable) -> Callable:
    """The activation function called `name`: "gelu_tanh", or any that Keras knows.

    >>> get_activation("gelu_tanh").__name__, get_activation("gelu").__name__
    ('gelu_tanh', 'gelu')
    """
    return gelu_tanh if name == "gelu_tanh" else keras.activations.get(name)
