"""Sequences of ids to batches in which every token is predicted from those before it."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfzoo.data.bucketing import Batcher
from tfzoo.errors import DataError
from tfzoo.tokenizers.preprocessor import rectangle

_TOKENS = 8192  # of a batch, unless a row has more


def next_token_batches(
    sequences: Sequence[np.ndarray], positions: int, batch_size: int | None = None
) -> tuple[tf.data.Dataset, np.ndarray]:
    """Batches of sequences, the longest first.

    Args:
        sequences: N int32 arrays of two ids or more, and of at most one more than `positions`.
        positions: the longest row.
        batch_size: sequences per batch; by default, as many as have 8,192 tokens, but at least one
            of full length.

    Returns:
        The dataset of `token_ids`, `padding_mask` and `labels`, (B, S) int32, and the indices of
        the sequences in its order.

    Raises:
        ConfigError: `batch_size` is less than one.

    Example:
        >>> sequences = [np.array([7, 8]), np.array([1, 2, 3])]
        >>> batches, order = next_token_batches(sequences, positions=4)
        >>> (batch,) = batches.as_numpy_iterator()
        >>> batch["token_ids"].tolist(), batch["labels"].tolist(), order.tolist()
        ([[1, 2], [7, 0]], [[2, 3], [8, 0]], [1, 0])
    """
    tokens = max(positions, _TOKENS) if batch_size is None else None
    batcher = Batcher(_NextTokens(positions), batch_size, tokens_per_batch=tokens)
    lengths = [len(each) for each in sequences]
    rows = tf.RaggedTensor.from_row_lengths(np.concatenate(sequences), lengths)
    dataset, order = batcher.longest_first(rows)
    return dataset, order.numpy()


@tf.autograph.experimental.do_not_convert
def with_weights(features: dict[str, tf.Tensor]) -> tuple:
    """A batch as a language model is trained on it: features, labels, and 0 for padding.

    Raises:
        DataError: there are no labels.
    """
    if "labels" not in features:
        raise DataError(
            "A language model learns from features that have labels, the next tokens; add them, or "
            "give it texts or batches of tfzoo.data.packing.packed_documents."
        )
    labels = features["labels"]
    mask = features.get("padding_mask", tf.ones_like(labels))
    return features, labels, tf.cast(mask, tf.float32)


class _NextTokens:
    """What a `Batcher` asks of a preprocessor, for ids."""

    def __init__(self, positions: int):
        self.sequence_length = positions

    def encode(self, rows: tf.RaggedTensor) -> dict[str, tf.RaggedTensor]:
        return {"token_ids": rows[:, :-1], "labels": rows[:, 1:]}

    def pad(self, encoded: dict[str, tf.RaggedTensor], length: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = {**encoded, "padding_mask": tf.ones_like(encoded["token_ids"])}
        return {name: rectangle(rows, 0, length) for name, rows in columns.items()}
