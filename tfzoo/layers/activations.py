"""Activations that Keras does not name."""

from collections.abc import Callable
from typing import Any

import keras

from tfzoo.errors import ConfigError


@keras.saving.register_keras_serializable(package="tfzoo")
def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation, as in Google's BERT and in GPT (https://arxiv.org/abs/1606.08415)."""
    return keras.ops.gelu(x, approximate=True)


def get_activation(name: str | Callable) -> Callable:
    """The activation function called `name`: "gelu_tanh", or any that Keras knows.

    Raises:
        ConfigError: nobody knows it.

    >>> get_activation("gelu_tanh").__name__, get_activation("gelu").__name__
    ('gelu_tanh', 'gelu')
    """
    try:
        return gelu_tanh if name == "gelu_tanh" else keras.activations.get(name)
    except ValueError:
        raise ConfigError(
            f"There is no activation {name!r}; choose gelu, gelu_tanh, or another one of Keras."
        ) from None
