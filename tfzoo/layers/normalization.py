"""Layer normalization."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfzoo")
class LayerNormalization(keras.layers.Layer):
    """Layer normalization over the last axis (https://arxiv.org/abs/1607.06450).

    Computes in float32 whatever the compute dtype.

    Args:
        epsilon: added to the variance; BERT has 1e-12, and the outputs show it.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 3.0]])
    >>> print(keras.ops.convert_to_numpy(LayerNormalization()(x)))
    [[-1.  1.]]
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones", autocast=False)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros", autocast=False)

    def call(self, x: Any) -> Any:
        unit = _standardized(self.epsilon)(ops.cast(x, "float32"))
        gamma, beta = ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32")
        return ops.cast(unit * gamma + beta, x.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "epsilon": self.epsilon}


def _standardized(epsilon: float) -> Callable:
    """The function that gives the last axis mean 0 and variance 1, with its gradient by hand.

    Differentiated step by step it would keep and pass over twice as many tensors.
    """

    @ops.custom_gradient
    def standardized(x: Any) -> Any:
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        scale = ops.rsqrt(variance + epsilon)
        unit = centered * scale

        def grad(upstream: Any) -> Any:
            along_mean = ops.mean(upstream, axis=-1, keepdims=True)
            along_unit = ops.mean(upstream * unit, axis=-1, keepdims=True)
            return (upstream - along_mean - unit * along_unit) * scale

        return unit, grad

    return standardized
