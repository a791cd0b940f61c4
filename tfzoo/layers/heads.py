"""What stands on top of a backbone: pooler, classification and masked-LM heads."""

from typing import Any

import keras
from keras import ops

from tfzoo.layers.dense import Dense
from tfzoo.layers.dropout import DropoutSeeds, draw_seed
from tfzoo.layers.normalization import LayerNormalization


def gather_positions(x: Any, positions: Any) -> Any:
    """The vectors of `x` (B, S, H) at `positions` (B, P): (B, P, H).

    >>> x = ops.reshape(ops.arange(6.0), (1, 3, 2))
    >>> print(ops.convert_to_numpy(gather_positions(x, ops.array([[2]]))))
    [[[4. 5.]]]
    """
    batch, length, size = ops.shape(x)
    rows = ops.cast(positions, "int32") + ops.arange(batch, dtype="int32")[:, None] * length
    return ops.take(ops.reshape(x, (-1, size)), rows, axis=0)


def first_tokens(x: Any, cls_positions: Any = None) -> Any:
    """The vectors of the first tokens of `x` (B, S, H): (B, H).

    Args:
        x: (B, S, H) float.
        cls_positions: (B, K) columns of the first tokens of packed sequences, for a result
            (B, K, H); None means column 0.

    >>> first_tokens(ops.ones((2, 3, 4))).shape
    TensorShape([2, 4])
    """
    return x[:, 0] if cls_positions is None else gather_positions(x, cls_positions)


def last_tokens(x: Any, padding_mask: Any = None) -> Any:
    """The vectors of the last real tokens of `x` (B, S, H): (B, H).

    Args:
        x: (B, S, H) float.
        padding_mask: (B, S), 1 for a real token; None means all real.

    >>> x = ops.reshape(ops.arange(6.0), (1, 3, 2))
    >>> print(ops.convert_to_numpy(last_tokens(x, ops.array([[1, 1, 0]]))))
    [[2. 3.]]
    """
    if padding_mask is None:
        return x[:, -1]
    columns = ops.arange(ops.shape(x)[1], dtype="int32")
    last = ops.max(ops.where(ops.cast(padding_mask, "bool"), columns, 0), axis=1)  # (B,)
    return gather_positions(x, last[:, None])[:, 0]


def sequence_vectors(outputs: dict[str, Any], cls_positions: Any = None) -> Any:
    """A backbone's `pooled_output` (B, H), or where it has no pooler, its `first_tokens`.

    >>> sequence_vectors({"sequence_output": ops.ones((2, 3, 4))}).shape
    TensorShape([2, 4])
    """
    if "pooled_output" in outputs:
        return outputs["pooled_output"]
    return first_tokens(outputs["sequence_output"], cls_positions)


@keras.saving.register_keras_serializable(package="tfzoo")
class Pooler(keras.layers.Layer):
    """BERT's summary of a sequence: the first token's vector, a dense layer, tanh.

    Call arguments:
        x: (B, S, H) float.
        cls_positions: (B, K) columns of the first tokens of packed sequences; None means column 0.

    Returns:
        (B, H), or (B, K, H) with `cls_positions`.

    Example:

    >>> Pooler()(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 4])
    """

    def build(self, input_shape: tuple) -> None:
        self.dense = Dense(input_shape[-1], "tanh", dtype=self.dtype_policy, name="dense")
        self.dense.build((None, input_shape[-1]))

    def call(self, x: Any, cls_positions: Any = None) -> Any:
        return self.dense(first_tokens(x, cls_positions))


@keras.saving.register_keras_serializable(package="tfzoo")
class ClassificationHead(keras.layers.Layer):
    """Dropout and a dense layer: one vector in, `num_classes` logits out, in float32.

    Args:
        num_classes: number of logits C.
        dropout: share of the input dropped in training.
        hidden_activation: of one more dense layer before, with dropout of its own, in families
            whose backbone has no pooler, such as RoBERTa; None for none.
        use_bias: whether the logits have a bias.

    Example:

    >>> ClassificationHead(num_classes=3)(keras.ops.ones((2, 4))).shape
    TensorShape([2, 3])
    """

    def __init__(
        self,
        num_classes: int,
        dropout: float = 0.0,
        hidden_activation: str | None = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.dropout = dropout
        self.hidden_activation = hidden_activation
        self.use_bias = use_bias
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple) -> None:
        if self.hidden_activation is not None:
            self.dense = Dense(
                input_shape[-1], self.hidden_activation, dtype=self.dtype_policy, name="dense"
            )
            self.dense.build(input_shape)
        self.logits = Dense(
            self.num_classes, use_bias=self.use_bias, dtype=self.dtype_policy, name="logits"
        )
        self.logits.build(input_shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        drop = DropoutSeeds(draw_seed(self.seed_generator, training))
        if self.hidden_activation is not None:
            x = self.dense(drop(x, self.dropout), training=training)
        return ops.cast(self.logits(drop(x, self.dropout)), "float32")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "hidden_activation": self.hidden_activation,
            "use_bias": self.use_bias,
        }


@keras.saving.register_keras_serializable(package="tfzoo")
class MaskedLMHead(keras.layers.Layer):
    """Logits over the vocabulary, in float32, by a transform and the token embeddings.

    https://arxiv.org/abs/1810.04805, section 3.1. The output matrix is the embedding matrix.

    Args:
        vocabulary_size: number of tokens V.
        activation: of the transform.
        layer_norm_epsilon: added to the variance.

    Call arguments:
        x: (B, S, H) float.
        embeddings: (V, E), the token embeddings; E may differ from H.
        positions: (B, P) columns to predict; None means all.

    Returns:
        (B, P, V) float32, or (B, S, V).

    Example:

    >>> head = MaskedLMHead(vocabulary_size=10, activation="gelu")
    >>> head.build((None, None, 4), (10, 4))
    >>> head(ops.ones((2, 3, 4)), ops.ones((10, 4)), ops.array([[0], [2]])).shape
    TensorShape([2, 1, 10])
    """

    def __init__(
        self,
        vocabulary_size: int,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-12,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon

    def build(self, x_shape: tuple, embeddings_shape: tuple) -> None:
        policy, size = self.dtype_policy, embeddings_shape[-1]
        self.dense = Dense(size, self.activation, dtype=policy, name="dense")
        self.dense.build(x_shape)
        self.layer_norm = LayerNormalization(
            self.layer_norm_epsilon, dtype=policy, name="layer_norm"
        )
        self.layer_norm.build((*x_shape[:-1], size))
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.vocabulary_size,), initializer="zeros"
        )

    def call(self, x: Any, embeddings: Any, positions: Any = None) -> Any:
        if positions is not None:
            x = gather_positions(x, positions)  # (B, P, H)
        x = self.layer_norm(self.dense(x))  # (B, P, E)
        leading = ops.shape(x)[:-1]
        flat = ops.reshape(x, (-1, x.shape[-1]))
        logits = ops.matmul(flat, ops.transpose(ops.cast(embeddings, x.dtype)))
        logits = ops.cast(logits + self.output_bias, "float32")
        return ops.reshape(logits, (*leading, self.vocabulary_size))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "activation": self.activation,
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }
