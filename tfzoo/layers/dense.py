"""The dense layer that every product with a weight matrix goes through."""

from typing import Any

import keras
from keras import ops

from tfzoo.layers.activations import activate, get_activation
from tfzoo.layers.initializers import BertInitializer


@keras.saving.register_keras_serializable(package="tfzoo")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense` that multiplies one flat (tokens, features) matrix.

    A product of a 3-D tensor with a matrix becomes a batched product in TensorFlow, whose kernel
    gradient is a batched product and a sum; the flat one is a single product both ways. LoRA and
    int8 quantization work as in Keras.

    Args:
        units: size of the last axis of the output.
        activation: name or function; "gelu" is exact, "gelu_tanh" the tanh approximation.
        kernel_initializer: by default a normal truncated at two standard deviations of 0.02, as
            in BERT.
        kwargs: those of `keras.layers.Dense`.

    Example:

    >>> Dense(4)(keras.ops.ones((2, 3, 8))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=get_activation(activation),
            kernel_initializer=kernel_initializer or BertInitializer(),
            **kwargs,
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        leading = ops.shape(inputs)[:-1]
        x = ops.matmul(ops.reshape(inputs, (-1, inputs.shape[-1])), self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        if self.activation is not None:
            x = activate(self.activation, x, training)
        return ops.reshape(x, (*leading, self.units))

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        # Keras refuses subclasses, unless told that they are no different.
        super().quantize(mode, type_check=False, config=config)
