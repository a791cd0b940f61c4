"""Losses and metrics of embeddings of pairs of texts."""

from typing import Any

import keras
from keras import ops

_NEVER = -1e9  # the score of what is neither the pair nor a negative


@keras.saving.register_keras_serializable(package="tfzoo")
class RankingLoss(keras.losses.Loss):
    """Each text is to be closest to its own pair, among those of the batch.

    Cross-entropy of cosines, divided by a temperature: which second text belongs to a first one
    (https://arxiv.org/abs/1705.00652, section 4.4; MultipleNegativesRankingLoss of
    sentence-transformers), and which first text to a second one, averaged, as in CLIP
    (https://arxiv.org/abs/2103.00020, figure 3). The negatives are those of the batch, under a
    `tf.distribute` strategy of the replica's part of it; a pair that shares a text with another one
    is none of its negatives.

    Args:
        temperature: that cosines are divided by; above 0.
        kwargs: those of `keras.losses.Loss`.

    Call arguments:
        y_true: (B, 2) numbers below 2**24 (float32 holds no more) that are equal for equal texts.
        y_pred: (B, 2, H) embeddings of pairs; their lengths do not matter.

    Returns:
        A loss (B,), before reduction.

    Example:

    >>> pairs = ops.convert_to_tensor([[[1.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]])
    >>> loss = RankingLoss(temperature=1.0)(ops.array([[1, 2], [3, 4]]), pairs)
    >>> round(float(loss), 3)  # log(1 + exp(0 - 1))
    0.313
    """

    def __init__(self, temperature: float = 0.05, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        scores = _scores(y_true, y_pred) / self.temperature  # (B, B)
        of_first, of_second = (ops.logsumexp(scores, axis=axis) for axis in (1, 0))
        return (of_first + of_second) / 2 - ops.diagonal(scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="tfzoo")
class SimilarityLoss(keras.losses.Loss):
    """Squared error of the cosine of a pair (https://arxiv.org/abs/1908.10084, section 3).

    Args:
        kwargs: those of `keras.losses.Loss`.

    Call arguments:
        y_true: (B,) or (B, 1), the cosines that are wanted.
        y_pred: (B, 2, H) embeddings of pairs.

    Returns:
        A loss (B,), before reduction.

    Example:

    >>> pairs = ops.convert_to_tensor([[[1.0, 0.0], [3.0, 4.0]]])
    >>> round(float(SimilarityLoss()(ops.array([1.0]), pairs)), 3)  # (0.6 - 1)**2
    0.16
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        cosines = ops.sum(ops.prod(ops.normalize(y_pred, axis=-1), axis=1), axis=-1)
        return ops.square(cosines - ops.reshape(y_true, (-1,)))


@keras.saving.register_keras_serializable(package="tfzoo")
class RetrievalAccuracy(keras.metrics.Mean):
    """Share of first texts whose closest second text in the batch is their own.

    Args:
        name, dtype: those of `keras.metrics.Mean`.

    Example:

    >>> pairs = ops.convert_to_tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [1.0, 2.0]]])
    >>> metric = RetrievalAccuracy()
    >>> metric.update_state(ops.array([[1, 2], [3, 4]]), pairs)
    >>> float(metric.result())
    0.0
    """

    def __init__(self, name: str = "retrieval_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; the arguments are those of `RankingLoss`."""
        found = ops.argmax(_scores(y_true, y_pred), axis=1)
        super().update_state(found == ops.arange(ops.shape(found)[0]), sample_weight)


def _scores(ids: Any, embeddings: Any) -> Any:
    """Cosines (B, B) of first texts, the rows, and second ones; equal texts are no negatives."""
    units = ops.normalize(embeddings, axis=-1)
    equal = ids[:, None, :, None] == ids[None, :, None, :]  # (B, B, 2, 2), either text with either
    shares = ops.any(equal, axis=(2, 3))
    is_other = shares & ~ops.eye(ops.shape(ids)[0], dtype="bool")
    return ops.where(is_other, _NEVER, ops.matmul(units[:, 0], ops.transpose(units[:, 1])))
