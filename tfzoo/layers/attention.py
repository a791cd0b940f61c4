"""Multi-head attention."""

from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers.backend import write_columns
from tfzoo.layers.dense import Dense
from tfzoo.layers.dropout import DropoutSeeds, draw_seed
from tfzoo.layers.initializers import BertInitializer


@keras.saving.register_keras_serializable(package="tfzoo")
class MultiHeadAttention(keras.layers.Layer):
    """Scaled dot-product self-attention (https://arxiv.org/abs/1706.03762, section 3.2).

    Query, key and value come from one product with a fused matrix (H, 3 x heads x head_dim), kept
    in that order.

    Args:
        num_heads: number of heads N.
        head_dim: size D of a head; None means hidden size / heads.
        dropout: share of the attention probabilities dropped in training.
        output_stddev: standard deviation of the initial weights of the output's matrix.

    Call arguments:
        x: (B, Q, H) float.
        bias: added to the scores before the softmax, broadcast to (B, N, Q, K); see
            `tfzoo.layers.masks.attention_bias`.
        cache: keys and values of the columns so far when decoding, (B, N, K, D) each.
        cache_index: the column of `cache` at which the Q new keys and values are written.
        dropout_seeds: the dropout of the surrounding layer; None draws from this layer's own.
        return_probabilities: also return the attention probabilities (B, N, Q, K).

    Returns:
        The output (B, Q, H); a tuple (output, cache) with a cache, (output, probabilities) when
        they are asked for, (output, cache, probabilities) with both.

    Example:

    >>> attention = MultiHeadAttention(num_heads=2)
    >>> attention(keras.random.normal((1, 5, 8))).shape
    TensorShape([1, 5, 8])
    """

    def __init__(
        self,
        num_heads: int,
        head_dim: int | None = None,
        dropout: float = 0.0,
        output_stddev: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.dropout = dropout
        self.output_stddev = output_stddev
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple) -> None:
        hidden_dim = input_shape[-1]
        if self.head_dim is None and hidden_dim % self.num_heads:
            raise ConfigError(
                f"A width of {hidden_dim} cannot be divided among {self.num_heads} heads; choose "
                "another number of heads, or set head_dim."
            )
        self.size = self.head_dim or hidden_dim // self.num_heads
        inner = self.num_heads * self.size
        self.query_key_value = Dense(3 * inner, dtype=self.dtype_policy, name="query_key_value")
        self.query_key_value.build(input_shape)
        self.output_dense = Dense(
            hidden_dim,
            kernel_initializer=BertInitializer(stddev=self.output_stddev),
            dtype=self.dtype_policy,
            name="output",
        )
        self.output_dense.build((*input_shape[:-1], inner))

    def call(
        self,
        x: Any,
        bias: Any = None,
        cache: Any = None,
        cache_index: Any = None,
        dropout_seeds: DropoutSeeds | None = None,
        return_probabilities: bool = False,
        training: bool | None = None,
    ) -> Any:
        drop = dropout_seeds or DropoutSeeds(draw_seed(self.seed_generator, training))
        batch, length = ops.shape(x)[:2]
        is_step = x.shape[1] == 1  # when a transposition of columns and heads moves nothing
        fused = self.query_key_value(x)  # (B, Q, 3 N D)
        if is_step:
            fused = ops.reshape(fused, (batch, 3, self.num_heads, 1, self.size))
            query, key, value = ops.unstack(fused, axis=1)
        else:
            fused = ops.reshape(fused, (batch, length, 3, self.num_heads, self.size))
            fused = ops.transpose(fused, (2, 0, 3, 1, 4))  # (3, B, N, Q, D)
            query, key, value = ops.unstack(fused)  # its gradient is one copy, a slice's is three
        if cache is not None:
            key, value = cache = [
                write_columns(old, new, cache_index)
                for old, new in zip(cache, (key, value), strict=True)
            ]
        scores = ops.matmul(query * self.size**-0.5, ops.swapaxes(key, -1, -2))  # (B, N, Q, K)
        if bias is not None:
            scores = scores + ops.cast(bias, scores.dtype)
        probabilities = ops.softmax(scores)
        context = ops.matmul(drop(probabilities, self.dropout), value)  # (B, N, Q, D)
        if not is_step:
            context = ops.transpose(context, (0, 2, 1, 3))
        context = ops.reshape(context, (batch, length, self.num_heads * self.size))
        extras = [] if cache is None else [cache]
        if return_probabilities:
            extras.append(probabilities)
        output = self.output_dense(context)
        return (output, *extras) if extras else output

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "dropout": self.dropout,
            "output_stddev": self.output_stddev,
        }
