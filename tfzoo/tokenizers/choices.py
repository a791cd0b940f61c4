"""Contexts and choices to the rows that a multiple-choice model compares."""

from typing import TYPE_CHECKING

from tfzoo.tokenizers.preprocessor import TextPreprocessor

if TYPE_CHECKING:
    import tensorflow as tf


class ChoicePreprocessor:
    """Pairs a context with each of its choices, a row of the model each.

    Args:
        preprocessor: makes a row of a pair of texts.

    Example:
        >>> import tensorflow as tf
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abc"])
        >>> preprocessor = ChoicePreprocessor(TextPreprocessor(tokenizer, sequence_length=8))
        >>> columns = {"context": tf.constant(["a"]), "choices": tf.constant([["b b", "c", ""]])}
        >>> features = preprocessor(columns)
        >>> features["token_ids"].numpy().tolist()
        [[[2, 5, 3, 6, 6, 3], [2, 5, 3, 7, 3, 0], [2, 5, 3, 3, 0, 0]]]
        >>> features["choice_mask"].numpy().tolist()
        [[1, 1, 0]]
    """

    def __init__(self, preprocessor: TextPreprocessor):
        self.sequence_length = preprocessor.sequence_length
        self._preprocessor = preprocessor

    def __call__(self, columns: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
        """Turns contexts and choices into features: `pad(encode(columns))`."""
        return self.pad(self.encode(columns))

    def encode(self, columns: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor | tf.RaggedTensor]":
        """Tokenizes and truncates the pairs of B examples and adds the special tokens.

        Args:
            columns: strings, `context` (B,) and `choices` (B, C), of which "" is no choice.

        Returns:
            `token_ids` and `segment_ids`, ragged int32 tensors (B, C, None); `choice_mask` (B, C)
            int32, 1 for a choice.
        """
        import tensorflow as tf

        context, choices = columns["context"], columns["choices"]
        examples, count = tf.unstack(tf.shape(choices, tf.int64))
        pairs = tf.repeat(context, count), tf.reshape(choices, [-1])
        rows = {
            name: tf.RaggedTensor.from_uniform_row_length(each, count, examples)
            for name, each in self._preprocessor.encode(pairs).items()
        }
        return {**rows, "choice_mask": tf.cast(choices != "", tf.int32)}

    def pad(
        self,
        encoded: "dict[str, tf.Tensor | tf.RaggedTensor]",
        length: "int | tf.Tensor | None" = None,
    ) -> "dict[str, tf.Tensor]":
        """`TextPreprocessor.pad`, whose features are (B, C, length) here, and `choice_mask`."""
        import tensorflow as tf

        encoded = dict(encoded)
        mask = encoded.pop("choice_mask")
        rows = {name: each.merge_dims(0, 1) for name, each in encoded.items()}
        features = {
            name: tf.reshape(each, tf.concat([tf.shape(mask), tf.shape(each)[1:]], axis=0))
            for name, each in self._preprocessor.pad(rows, length).items()
        }
        return {**features, "choice_mask": mask}
