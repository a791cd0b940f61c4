"""Strings to the rows that a language model learns from."""

from typing import TYPE_CHECKING, Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.tokenizers.preprocessor import Preprocessor, rectangle
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfzoo")
class LanguageModelPreprocessor(Preprocessor):
    """Tokenizes, puts the end token before and behind a text, truncates and pads.

    A text of n tokens gives n + 1 to predict from: the end token and its own ones. The labels are
    its own tokens, and the end token. In a family without an end token, such as GPT, they are n - 1
    of its own.

    Args:
        tokenizer: turns B strings into a ragged tensor of ids; has an `end_id`, or None.
        sequence_length: where a row is truncated, in tokens to predict from.

    Raises:
        ConfigError: `sequence_length` is below 1.

    Example:
        >>> from tfzoo.tokenizers import GPT2Tokenizer
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
        >>> preprocessor = LanguageModelPreprocessor(tokenizer, sequence_length=4)
        >>> features = preprocessor(["!#", "!#$%&"])
        >>> features["token_ids"].numpy().tolist(), features["labels"].numpy().tolist()
        ([[0, 1, 3, 0], [0, 1, 3, 4]], [[1, 3, 0, 0], [1, 3, 4, 5]])
    """

    def __init__(self, tokenizer: Tokenizer, sequence_length: int = 128):
        if sequence_length < 1:
            raise ConfigError(f"sequence_length must be at least 1, not {sequence_length}.")
        super().__init__(tokenizer, sequence_length)

    def encode(self, texts: Any) -> dict[str, "tf.RaggedTensor"]:
        """Tokenizes and truncates B texts.

        Args:
            texts: list, array or tensor of B strings.

        Returns:
            `token_ids` and `labels`, ragged int32 tensors of the same shape (B, None).

        Raises:
            ConfigError: the texts are pairs.
        """
        import tensorflow as tf

        texts = text_tensors(texts)
        if isinstance(texts, tuple):
            raise ConfigError("A language model takes single texts, not pairs; join the pairs.")
        rows = self.tokenizer(texts)
        if self.tokenizer.end_id is not None:
            end = tf.fill([tf.shape(texts)[0], 1], self.tokenizer.end_id)
            rows = tf.concat([end, rows, end], axis=1)
        rows = rows[:, : self.sequence_length + 1]
        return {"token_ids": rows[:, :-1], "labels": rows[:, 1:]}

    def pad(
        self, encoded: dict[str, "tf.RaggedTensor"], length: "int | tf.Tensor | None" = None
    ) -> dict[str, "tf.Tensor"]:
        """Makes rectangles of encoded rows and marks what is padding.

        Args:
            encoded: what `encode` returned.
            length: tokens per row, at least as many as the longest row has; by default as many.

        Returns:
            `token_ids`, `padding_mask` and `labels`, int32 tensors of shape (B, length).
        """
        import tensorflow as tf

        ids = encoded["token_ids"]
        return {
            "token_ids": rectangle(ids, self.tokenizer.pad_id, length),
            "padding_mask": rectangle(tf.ones_like(ids), 0, length),
            "labels": rectangle(encoded["labels"], self.tokenizer.pad_id, length),
        }
