"""Strings and pairs of strings to the features that a model takes."""

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.tokenizers.frame import Frame
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf


class Preprocessor(abc.ABC):
    """Tokenizes, truncates and pads.

    The two halves of the work are methods of their own, so that a pipeline can sort rows by length
    in between: `encode` gives rows of their own length, `pad` makes a rectangle of them.

    Args:
        tokenizer: turns B strings into a ragged tensor of ids.
        sequence_length: where a row is truncated, in tokens.
    """

    def __init__(self, tokenizer: Tokenizer, sequence_length: int):
        self.tokenizer = tokenizer
        self.sequence_length = sequence_length

    def __call__(self, texts: Any, length: int | None = None) -> dict[str, "tf.Tensor"]:
        """Turns texts into features: `pad(encode(texts), length)`."""
        return self.pad(self.encode(texts), length)

    @abc.abstractmethod
    def encode(self, texts: Any) -> dict[str, "tf.RaggedTensor"]:
        """Tokenizes and truncates B texts."""

    @abc.abstractmethod
    def pad(
        self, encoded: dict[str, "tf.RaggedTensor"], length: "int | tf.Tensor | None" = None
    ) -> dict[str, "tf.Tensor"]:
        """Makes rectangles of encoded rows and marks what is padding."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the tokenizer serialized."""
        return {
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "sequence_length": self.sequence_length,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Preprocessor":
        """Rebuilds a preprocessor from `get_config()`."""
        tokenizer = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(tokenizer, config["sequence_length"])


@keras.saving.register_keras_serializable(package="tfzoo")
class TextPreprocessor(Preprocessor):
    """Tokenizes, truncates, adds special tokens and pads.

    A text becomes `[CLS] a [SEP]`, a pair `[CLS] a [SEP] b [SEP]`, or with two [SEP] between the
    texts where the tokenizer's family has no segments. A pair that is too long loses tokens from
    the end of whichever text is the longer at that moment, at a tie of the second, as in the
    original BERT code and TF-Hub's preprocessors.

    GPT's families have other special tokens, of which some have none around a text: there, the row
    of an empty text is the token of padding, as a real one.

    Args:
        tokenizer: turns B strings into a ragged tensor of ids.
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

    def __init__(self, tokenizer: Tokenizer, sequence_length: int = 128):
        special = Frame(tokenizer, texts=2).size
        if sequence_length < special + 2:
            raise ConfigError(
                f"sequence_length must be at least {special + 2}, {special} special tokens and one "
                f"of each text, not {sequence_length}."
            )
        super().__init__(tokenizer, sequence_length)

    def encode(self, texts: Any) -> dict[str, "tf.RaggedTensor"]:
        """Tokenizes and truncates B texts and adds the special tokens.

        Args:
            texts: list, array or tensor of B strings, or a pair of such columns in a tuple.

        Returns:
            `token_ids` and `segment_ids`, ragged int32 tensors of shape (B, None).
        """
        columns = text_tensors(texts)
        columns = columns if isinstance(columns, tuple) else (columns,)
        frame = Frame(self.tokenizer, len(columns))
        room = self.sequence_length - frame.size
        rows = [self.tokenizer(column) for column in columns]
        if not frame.size:
            rows = [_filled(each, self.tokenizer.pad_id) for each in rows]
        return frame.rows(*_truncated(rows, room))

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
        return {
            "token_ids": rectangle(ids, self.tokenizer.pad_id, length),
            "segment_ids": rectangle(encoded["segment_ids"], 0, length),
            "padding_mask": rectangle(tf.ones_like(ids), 0, length),
        }


def rectangle(
    rows: "tf.RaggedTensor", fill: int, length: "int | tf.Tensor | None" = None
) -> "tf.Tensor":
    """Rows (B, None), filled up to `length`, by default that of the longest."""
    import tensorflow as tf

    width = rows.bounding_shape(axis=1)
    missing = 0 if length is None else tf.cast(length, width.dtype) - width
    padded = tf.pad(rows.to_tensor(fill), [[0, 0], [0, missing]], constant_values=fill)
    return tf.ensure_shape(padded, [None, length if isinstance(length, int) else None])


def _filled(rows: "tf.RaggedTensor", token_id: int) -> "tf.RaggedTensor":
    """Rows of ids, with a token in each that is empty."""
    import tensorflow as tf

    missing = tf.cast(rows.row_lengths() == 0, tf.int64)
    tokens = tf.fill([tf.reduce_sum(missing)], token_id)
    return tf.concat([rows, tf.RaggedTensor.from_row_lengths(tokens, missing)], axis=1)


def _truncated(columns: Sequence["tf.RaggedTensor"], room: int) -> Sequence["tf.RaggedTensor"]:
    import tensorflow as tf

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
