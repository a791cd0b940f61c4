"""Matrices of int8 numbers, with a scale for each column of a product or each row of a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from tfzoo.errors import ConfigError

_int8 = ContextVar("int8", default=False)


class Int8Matrix:
    """What the layers have in common whose matrix can be int8 numbers; mixed into one of Keras'.

    Only what is stored is int8: whoever uses the matrix has it in floating point. Keras quantizes
    the inputs of products too, and multiplies integers; on a CPU that takes six to eight times as
    long as a product in float32, and is half as exact.
    """

    def build(self, input_shape: Any = None) -> None:
        """`keras.layers.Layer.build`, of an int8 matrix in a model that is."""
        if _int8.get():
            self.dtype_policy = quantized_policy("int8", self.dtype_policy)
        super().build(input_shape)

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """`keras.layers.Layer.quantize`, for "int8" alone."""
        quantized_policy(mode, self.dtype_policy)  # raises where there is none
        # Keras refuses subclasses, unless told that they are no different.
        super().quantize(mode, type_check=False, config=config)


def quantized_policy(mode: str | None, policy: keras.DTypePolicy) -> keras.DTypePolicy:
    """The policy of a quantized layer in a model of a floating-point policy.

    Raises:
        ConfigError: the mode is not "int8", or the model computes in float16, where Keras has none.

    >>> quantized_policy("int8", keras.DTypePolicy("mixed_bfloat16")).name
    'int8_from_mixed_bfloat16'
    """
    if mode != "int8":
        raise ConfigError(f"The mode of quantization is {mode!r}; there is 'int8' alone.")
    if policy.compute_dtype == "float16":
        raise ConfigError(
            "A model that computes in float16 cannot be int8; choose dtype='float32' or "
            "'mixed_bfloat16'."
        )
    return keras.dtype_policies.get(f"int8_from_{policy.name}")


@contextmanager
def int8_matrices() -> Iterator[None]:
    """Makes the matrices of layers built inside int8, because such numbers will be loaded.

    >>> from tfzoo.layers import Dense
    >>> with int8_matrices():
    ...     layer = Dense(2)
    ...     layer.build((None, 3))
    >>> [f"{weight.name} {weight.dtype}" for weight in layer.weights]
    ['bias float32', 'kernel int8', 'kernel_scale float32']
    """
    token = _int8.set(True)
    try:
        yield
    finally:
        _int8.reset(token)
