"""The dense layer that every product with a weight matrix goes through."""

from typing import Any

import keras
from keras import ops

from tfzoo.layers.activations import activate, get_activation
from tfzoo.layers.backend import product
from tfzoo.layers.initializers import BertInitializer
from tfzoo.layers.int8 import Int8Matrix


@keras.saving.register_keras_serializable(package="tfzoo")
class Dense(Int8Matrix, keras.layers.Dense):
    """`keras.layers.Dense` that multiplies one flat (tokens, features) matrix.

    A product of a 3-D tensor with a matrix becomes a batched product in TensorFlow, whose kernel
    gradient is a batched product and a sum; the flat one is a single product both ways.

    `enable_lora` is that of Keras; `quantize("int8")` makes the kernel, and nothing else, int8.

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

    @property
    def kernel(self) -> Any:
        """The matrix (inputs, units) of the product, in floating point and with LoRA's change."""
        kernel = self._kernel
        if self.quantization_mode == "int8":
            kernel = ops.cast(kernel, self.compute_dtype) / self.kernel_scale
        if self.lora_enabled:
            change = ops.matmul(self.lora_kernel_a, self.lora_kernel_b)
            kernel = kernel + ops.cast(self.lora_alpha / self.lora_rank * change, kernel.dtype)
        return kernel

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        leading = ops.shape(inputs)[:-1]
        x = product(ops.reshape(inputs, (-1, inputs.shape[-1])), self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        if self.activation is not None:
            x = activate(self.activation, x, training)
        return ops.reshape(x, (*leading, self.units))

    _int8_call = call  # what Keras calls in its place, once it is quantized

    # Keras would save LoRA's change as a part of the kernel, and load zeros in its place, which no
    # gradient leaves again.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables
