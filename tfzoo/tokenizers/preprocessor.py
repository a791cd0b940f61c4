"""Strings and pairs of strings to the features that an encoder takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.tokenizers.strings import text_tensors

if TYPE_CHECKING:
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfzoo")
class TextPreprocessor:
    """Tokenizes, truncates, adds special tokens and pads.

    A text becomes `[CLS] a [SEP]`, a pair `[CLS] a [SEP] b [SEP]`. A pair that is too long loses
    tokens from the end of whichever text is the longer at that moment, at a tie of the second, as
    in the original BERT code and TF-Hub's preprocessors.

    The two halves of the work are methods of their own, so that a pipeline can sort rows by length
    in between: `encode` gives rows of their own length, `pad` makes a rectangle of them.

    Args:
        tokenizer: turns B strings into a ragged tensor of ids and has `cls_id`, `sep_id`, `pad_id`.
        sequence_length: where a row is truncated, in tokens, special ones included.

    Raises:
        ConfigError: if `sequence_length` leaves no room for a token of each text of a pair.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> preprocessor = TextPreprocessor(tokenizer, sequence_length=8)
        >>> features = preprocessor((["a a", "a"], ["b", "b"]))
        >>> features["token_ids"].numpy().tolist()
        [[2, 5, 5, 3, 6, 3], [2, 5, 3, 6, 3, 0]]
        >>> features["segment_ids"].numpy().tolist()
        [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]]
        >>> features["padding_mask"].numpy().tolist()
        [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]]
    """

    def __init__(self, tokenizer: Any, sequence_length: int = 128):
        if sequence_length < 5:
            raise ConfigError(
                "sequence_length must be at least 5, three special tokens and one of each text, "
                f"not {sequence_length}."
            )
        self.tokenizer = tokenizer
        self.sequence_length = sequence_length

    def __call__(self, texts: Any, length: int | None = None) -> dict[str, "tf.Tensor"]:
        """Turns texts into features: `pad(encode(texts), length)`."""
        return self.pad(self.encode(texts), length)

    def encode(self, texts: Any) -> dict[str, "tf.RaggedTensor"]:
        """Tokenizes and truncates B texts and adds the special tokens.

        Args:
            texts: list, array or tensor of B strings, or a pair of such columns in a tuple.

        Returns:
            `token_ids` and `segment_ids`, ragged int32 tensors of shape (B, None).
        """
        import tensorflow as tf

        columns = text_tensors(texts)
        columns = columns if isinstance(columns, tuple) else (columns,)
        columns = self._truncated([self.tokenizer(column) for column in columns])
        rows = columns[0].nrows()
        sep = tf.fill([rows, 1], self.tokenizer.sep_id)
        parts = [tf.fill([rows, 1], self.tokenizer.cls_id)]
        for column in columns:
            parts += [column, sep]
        token_ids = tf.concat(parts, axis=1)
        first = columns[0].row_lengths() + 2
        past_first = tf.ragged.range(-first, token_ids.row_lengths() - first) >= 0
        segment_ids = tf.cast(past_first, tf.int32)
        return {"token_ids": token_ids, "segment_ids": segment_ids}

    def pad(
        self, encoded: dict[str, "tf.RaggedTensor"], length: "int | tf.Tensor | None" = None
    ) -> dict[str, "tf.Tensor"]:
        """Makes rectangles of encoded rows and marks what is padding.

        Args:
            encoded: what `encode` returned.
            length: tokens per row, at least as many as the longest row has; by default as many.

        Returns:
            `token_ids`, `segment_ids` and `padding_mask`, int32 tensors of shape (B, length).
        """
        import tensorflow as tf

        ids = encoded["token_ids"]
        width = ids.bounding_shape(axis=1)
        missing = 0 if length is None else tf.cast(length, width.dtype) - width

        def rectangle(rows: tf.RaggedTensor, fill: int) -> tf.Tensor:
            padded = tf.pad(rows.to_tensor(fill), [[0, 0], [0, missing]], constant_values=fill)
            return tf.ensure_shape(padded, [None, length if isinstance(length, int) else None])

        return {
            "token_ids": rectangle(ids, self.tokenizer.pad_id),
            "segment_ids": rectangle(encoded["segment_ids"], 0),
            "padding_mask": rectangle(tf.ones_like(ids), 0),
        }

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the tokenizer serialized."""
        return {
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "sequence_length": self.sequence_length,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TextPreprocessor":
        """Rebuilds a preprocessor from `get_config()`."""
        tokenizer = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(tokenizer, config["sequence_length"])

    def _truncated(self, columns: Sequence["tf.RaggedTensor"]) -> Sequence["tf.RaggedTensor"]:
        import tensorflow as tf

        room = self.sequence_length - 1 - len(columns)
        if len(columns) == 1:
            return [columns[0][:, :room]]
        first, second = columns
        keep_first = tf.maximum(room - second.row_lengths(), (room + 1) // 2)
        keep_second = tf.maximum(room - first.row_lengths(), room // 2)
        return [_head(first, keep_first), _head(second, keep_second)]


def _head(rows: "tf.RaggedTensor", counts: "tf.Tensor") -> "tf.RaggedTensor":
    """The first `counts[i]` values of each row i."""
    import tensorflow as tf

    starts = rows.row_starts()
    ends = starts + tf.minimum(rows.row_lengths(), counts)
    return tf.gather(rows.flat_values, tf.ragged.range(starts, ends))
