"""Activations that Keras does not name."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError


@keras.saving.register_keras_serializable(package="tfzoo")
def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation, as in Google's BERT and in GPT (https://arxiv.org/abs/1606.08415)."""
    return ops.gelu(x, approximate=True)


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


def activate(activation: Callable, x: Any, training: bool | None) -> Any:
    """`activation(x)`, in training in a form whose gradient takes fewer passes over memory.

    In inference the usual form is the faster one: TensorFlow fuses it with the product before it.

    >>> x = ops.convert_to_tensor([-1.0, 0.0, 2.0])
    >>> both = [activate(gelu_tanh, x, training) for training in (False, True)]
    >>> bool(ops.all(ops.isclose(*both)))
    True
    """
    return _gelu_tanh_in_training(x) if training and activation is gelu_tanh else activation(x)


@ops.custom_gradient
def _gelu_tanh_in_training(x: Any) -> Any:
    """(1 + tanh(u)) / 2 is sigmoid(2u), so the approximation is x sigmoid(x (a x^2 + b))."""
    a, b = 0.0713548162726, 1.5957691216057308  # 0.044715 and 1, times 2 sqrt(2 / pi)
    square = ops.square(x)
    gate = ops.sigmoid(x * (a * square + b))

    def grad(upstream: Any) -> Any:
        return upstream * gate * (1 + (1 - gate) * x * (3 * a * square + b))

    return x * gate, grad
