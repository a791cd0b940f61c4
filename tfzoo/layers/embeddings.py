"""Token, position and segment embeddings."""

from typing import Any

import keras
from keras import ops

from tfzoo.layers.dropout import DropoutSeeds, draw_seed
from tfzoo.layers.initializers import bert_initializer
from tfzoo.layers.normalization import LayerNormalization


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

    Call arguments:
        token_ids: (B, S) integers below V, S at most P.
        segment_ids: (B, S) integers below `num_segments`; None means zeros.
        sequence_ids: (B, S) integers; positions start again at each new id of a packed row.

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple) -> None:
        self.token_embedding = self._table("token_embedding", self.vocabulary_size)
        self.position_embedding = self._table("position_embedding", self.max_sequence_length)
        if self.num_segments:
            self.segment_embedding = self._table("segment_embedding", self.num_segments)
        self.layer_norm = LayerNormalization(
            self.layer_norm_epsilon, dtype=self.dtype_policy, name="layer_norm"
        )
        self.layer_norm.build((*input_shape, self.hidden_dim))

    def _table(self, name: str, rows: int) -> keras.layers.Embedding:
        table = keras.layers.Embedding(
            rows, self.hidden_dim, bert_initializer(), dtype=self.dtype_policy, name=name
        )
        table.build()
        return table

    def call(
        self,
        token_ids: Any,
        segment_ids: Any = None,
        sequence_ids: Any = None,
        training: bool | None = None,
    ) -> Any:
        x = self.token_embedding(token_ids) + self.position_embedding(
            positions(token_ids, sequence_ids)
        )
        if self.num_segments:
            if segment_ids is None:
                segment_ids = ops.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        drop = DropoutSeeds(draw_seed(self.seed_generator, training))
        return drop(self.layer_norm(x), self.dropout)  # (B, S, H)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "dropout": self.dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }


def positions(token_ids: Any, sequence_ids: Any = None) -> Any:
    """Positions of a row's tokens: column indices, which restart with each packed sequence.

    Args:
        token_ids: (B, S).
        sequence_ids: (B, S) integers, or None for one sequence per row.

    Returns:
        (1, S) int32, or (B, S) for packed rows.

    >>> ids = ops.convert_to_tensor([[1, 1, 1, 2, 2, 0]])
    >>> print(ops.convert_to_numpy(positions(ids, ids)))
    [[0 1 2 0 1 0]]
    """
    columns = ops.arange(ops.shape(token_ids)[1], dtype="int32")
    if sequence_ids is None:
        return columns[None]
    same = sequence_ids[:, :, None] == sequence_ids[:, None, :]  # (B, S, S)
    earlier = columns[None, :] < columns[:, None]  # (S, S)
    return ops.sum(ops.cast(same & earlier, "int32"), axis=-1)
