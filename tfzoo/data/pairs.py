"""Pairs of texts that are encoded each on its own, both in one row."""

from typing import Any

import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS
from tfzoo.errors import DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.strings import text_tensors

_IDS = 2**24  # float32, in which Keras hands them to a loss, holds all numbers up to it


class PairRows:
    """Packs the texts of a pair into one row: `[CLS] a [SEP] [CLS] b [SEP]`.

    `sequence_ids` keep the texts from seeing each other, so that each gets the hidden states that
    it has alone, and a long text and a short one take no more room than they need.

    Args:
        preprocessor: makes rows of single texts.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> rows = PairRows(TextPreprocessor(tokenizer, sequence_length=8))
        >>> features = rows((["a a"], ["b"]))
        >>> features["token_ids"].numpy().tolist(), features["sequence_ids"].numpy().tolist()
        ([[2, 5, 5, 3, 2, 6, 3]], [[1, 1, 1, 1, 2, 2, 2]])
        >>> features["cls_positions"].numpy().tolist()
        [[0, 4]]
    """

    def __init__(self, preprocessor: TextPreprocessor):
        self.sequence_length = 2 * preprocessor.sequence_length
        self._preprocessor = preprocessor

    def __call__(self, texts: Any) -> dict[str, tf.Tensor]:
        """Turns pairs into features: `pad(encode(texts))`."""
        return self.pad(self.encode(texts))

    def encode(self, texts: Any) -> dict[str, tf.RaggedTensor]:
        """Tokenizes and truncates both columns of B texts, each text for itself.

        Returns:
            `token_ids`, `segment_ids` and `sequence_ids`, ragged int32 tensors (B, None).
        """
        rows = [self._preprocessor.encode(column) for column in text_tensors(texts)]
        for number, row in enumerate(rows, start=1):
            row["sequence_ids"] = tf.ones_like(row["token_ids"]) * number
        return {name: tf.concat([row[name] for row in rows], axis=1) for name in rows[0]}

    def pad(
        self, encoded: dict[str, tf.RaggedTensor], length: int | tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """`TextPreprocessor.pad`, which adds `sequence_ids` (B, S) and `cls_positions` (B, 2)."""
        features = self._preprocessor.pad(encoded, length)
        shape = tf.shape(features["token_ids"])
        numbers = encoded["sequence_ids"].to_tensor(shape=shape)
        second = tf.reduce_sum(tf.cast(numbers == 1, tf.int32), axis=1)
        features["sequence_ids"] = tf.ensure_shape(numbers, features["token_ids"].shape)
        features["cls_positions"] = tf.stack([tf.zeros_like(second), second], axis=1)
        return features


def is_pairs(x: Any) -> bool:
    """Whether texts, or those in a dataset, are pairs.

    Example:
        >>> is_pairs((["a"], ["b"])), is_pairs(["a"])
        (True, False)
    """
    spec = getattr(x, "element_spec", None)
    if spec is not None:
        x = spec[0] if isinstance(spec, tuple) else spec
    return isinstance(x, tuple)


def labelled(x: Any, y: Any, takes_labels: bool) -> tuple[Any, Any]:
    """Pairs, and what the loss wants to know of them.

    Args:
        x: a tuple of two columns of N texts, or a dataset of pairs.
        y: labels of N pairs; None without any, or where `x` is a dataset, which holds its own.
        takes_labels: False for a loss that wants numbers (N, 2) instead, which are equal for equal
            texts. (Two different texts share a number once in 16 million times.)

    Returns:
        The pairs, and labels or numbers; None in their place for a dataset, whose elements have
        them.

    Raises:
        DataError: the texts are no texts, or no pairs; or they have labels that nobody wants, or
            none where they are wanted.

    Example:
        >>> _, numbers = labelled((["a", "b"], ["b", "c"]), None, takes_labels=False)
        >>> bool(numbers[0, 1] == numbers[1, 0]), bool(numbers[0, 0] == numbers[1, 1])
        (True, False)
    """
    if not is_pairs(x):
        raise DataError(
            "An embedder learns from pairs of texts; give (texts_a, texts_b), or a dataset of "
            "((a, b),)."
        )
    is_dataset = isinstance(x, tf.data.Dataset)
    has_labels = len(x.element_spec) > 1 if is_dataset else y is not None
    if has_labels and not takes_labels:
        raise DataError(
            'These pairs have labels, and objective="ranking" takes none; leave them out, or '
            'build the model with objective="similarity" for it to learn them.'
        )
    if takes_labels and not has_labels:
        raise DataError(
            'These pairs have no labels, and objective="similarity" learns from them; give one '
            "per pair as the second argument."
        )
    if takes_labels:
        return x, y
    return (x.map(_numbered, PARALLEL_CALLS), None) if is_dataset else _numbered(text_tensors(x))


@tf.autograph.experimental.do_not_convert
def _numbered(texts: tuple[tf.Tensor, tf.Tensor]) -> tuple:
    """Pairs and the numbers of their texts."""
    numbers = [tf.strings.to_hash_bucket_fast(column, _IDS) for column in texts]
    return texts, tf.stack(numbers, axis=-1)
