"""Token, position and segment embeddings."""

from typing import Any

import keras
from keras import ops

from tfzoo.layers.dense import Dense
from tfzoo.layers.dropout import DropoutSeeds, draw_seed
from tfzoo.layers.initializers import BertInitializer
from tfzoo.layers.int8 import Int8Matrix
from tfzoo.layers.normalization import LayerNormalization


@keras.saving.register_keras_serializable(package="tfzoo")
class Embedding(Int8Matrix, keras.layers.Embedding):
    """`keras.layers.Embedding` whose table serves as the matrix of a product, also when int8.

    Args:
        args, kwargs: those of `keras.layers.Embedding`.

    Example:

    >>> Embedding(10, 4)(keras.ops.array([[1, 2, 3]])).shape
    TensorShape([1, 3, 4])
    """

    @property
    def embeddings(self) -> Any:
        """The table (rows, width), in floating point."""
        table = super().embeddings
        if self.quantization_mode == "int8":
            scale = ops.expand_dims(self.embeddings_scale, -1)
            table = ops.cast(table, self.compute_dtype) / scale
        return table


@keras.saving.register_keras_serializable(package="tfzoo")
class TransformerEmbedding(keras.layers.Layer):
    """Sum of token, learned position and segment embeddings, LayerNorm, dropout, as in BERT.

    https://arxiv.org/abs/1810.04805, figure 2.

    Args:
        vocabulary_size: number of tokens V.
        hidden_dim: size H of an embedding.
        max_sequence_length: number of positions P.
        num_segments: number of token types; 0 where the model has none.
        dropout: share dropped in training.
        layer_norm_epsilon: added to the variance.
        embedding_dim: size E of the embeddings where a dense layer takes them to H, as in ALBERT
            (https://arxiv.org/abs/1909.11942, section 3.1); None for H, without such a layer.
        padding_id: the id of padding in models that count positions from it on, and only for real
            tokens, as RoBERTa's; None for models that take columns for positions.
        has_layer_norm: False leaves LayerNorm out, as in GPT.
        shared: a built embedding of the same sizes, but for H, whose tables and LayerNorm are this
            one's too, as in the generator and the discriminator of ELECTRA
            (https://arxiv.org/abs/2003.10555, section 3.2); None for its own.

    Call arguments:
        token_ids: (B, S) integers below V, S at most P.
        segment_ids: (B, S) integers below `num_segments`; None means zeros.
        sequence_ids: (B, S) integers; positions start again at each new id of a packed row, where
            S may be larger than P.
        position_ids: (B, S) integers below P in place of what follows from the columns.

    Returns:
        (B, S, H) float.

    Example:

    >>> embedding = TransformerEmbedding(vocabulary_size=10, hidden_dim=4, max_sequence_length=8)
    >>> embedding(keras.ops.array([[1, 2, 3]])).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        max_sequence_length: int,
        num_segments: int = 2,
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-12,
        embedding_dim: int | None = None,
        padding_id: int | None = None,
        has_layer_norm: bool = True,
        shared: "TransformerEmbedding | None" = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.embedding_dim = embedding_dim
        self.padding_id = padding_id
        self.has_layer_norm = has_layer_norm
        self.seed_generator = keras.random.SeedGenerator()
        self._has_own_tables = shared is None
        if shared is not None:
            self.token_embedding = shared.token_embedding
            self.position_embedding = shared.position_embedding
            if num_segments:
                self.segment_embedding = shared.segment_embedding
            self.layer_norm = shared.layer_norm

    def build(self, input_shape: tuple) -> None:
        size = self.embedding_dim or self.hidden_dim
        if self._has_own_tables:
            self._build_tables(input_shape, size)
        if self.embedding_dim is not None:
            self.projection = Dense(self.hidden_dim, dtype=self.dtype_policy, name="projection")
            self.projection.build((*input_shape, size))

    def _build_tables(self, input_shape: tuple, size: int) -> None:
        unused = 0 if self.padding_id is None else self.padding_id + 1
        self.token_embedding = self._table("token_embedding", self.vocabulary_size)
        self.position_embedding = self._table(
            "position_embedding", self.max_sequence_length + unused
        )
        if self.num_segments:
            self.segment_embedding = self._table("segment_embedding", self.num_segments)
        if self.has_layer_norm:
            self.layer_norm = LayerNormalization(
                self.layer_norm_epsilon, dtype=self.dtype_policy, name="layer_norm"
            )
            self.layer_norm.build((*input_shape, size))

    def _table(self, name: str, rows: int) -> Embedding:
        size = self.embedding_dim or self.hidden_dim
        table = Embedding(rows, size, BertInitializer(), dtype=self.dtype_policy, name=name)
        table.build()
        return table

    def call(
        self,
        token_ids: Any,
        segment_ids: Any = None,
        sequence_ids: Any = None,
        position_ids: Any = None,
        training: bool | None = None,
    ) -> Any:
        if position_ids is None:
            position_ids = positions(token_ids, sequence_ids, self.padding_id)
        x = self.token_embedding(token_ids) + self.position_embedding(position_ids)
        if self.num_segments:
            if segment_ids is None:
                segment_ids = ops.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        if self.has_layer_norm:
            x = self.layer_norm(x)
        drop = DropoutSeeds(draw_seed(self.seed_generator, training))
        x = drop(x, self.dropout)  # (B, S, E)
        return x if self.embedding_dim is None else self.projection(x)  # (B, S, H)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "dropout": self.dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "embedding_dim": self.embedding_dim,
            "padding_id": self.padding_id,
            "has_layer_norm": self.has_layer_norm,
        }


def positions(token_ids: Any, sequence_ids: Any = None, padding_id: int | None = None) -> Any:
    """Positions of a row's tokens, which start again with each packed sequence.

    Args:
        token_ids: (B, S).
        sequence_ids: (B, S) integers, 0 for padding, or None for one sequence per row.
        padding_id: None for column indices. Otherwise only tokens other than this one are counted,
            from `padding_id + 1` on, and padding has the position `padding_id`.

    Returns:
        (B, S) int32; (1, S) for column indices of rows of one sequence.

    >>> ids = ops.convert_to_tensor([[1, 1, 1, 2, 2, 0, 0]])
    >>> print(ops.convert_to_numpy(positions(ids, ids)))
    [[0 1 2 0 1 0 0]]
    >>> print(ops.convert_to_numpy(positions(ops.convert_to_tensor([[7, 1, 8, 1]]), padding_id=1)))
    [[2 1 3 1]]
    """
    columns = ops.arange(ops.shape(token_ids)[1], dtype="int32")
    if sequence_ids is None and padding_id is None:
        return columns[None]
    counted = columns[None, None, :] < columns[None, :, None]  # (1, S, S), the columns before
    if sequence_ids is not None:
        counted = counted & (sequence_ids[:, :, None] == sequence_ids[:, None, :])
    if padding_id is None:
        # However much padding a row of several sequences has, there is a position for it.
        return ops.where(sequence_ids == 0, 0, ops.sum(ops.cast(counted, "int32"), axis=-1))
    real = token_ids != padding_id
    count = ops.sum(ops.cast(counted & real[:, None, :], "int32"), axis=-1) + 1
    return ops.where(real, count, 0) + padding_id
