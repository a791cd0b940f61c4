"""Texts in which masks are spelled out to the features of a masked language model."""

import re
from typing import TYPE_CHECKING, Any

from tfzoo.tokenizers.frame import Frame
from tfzoo.tokenizers.preprocessor import TextPreprocessor
from tfzoo.tokenizers.strings import text_tensors

if TYPE_CHECKING:
    import tensorflow as tf

_SPACES = r"[\t-\r\x{85}\p{Z}]*"  # white space in Unicode's sense, in RE2's syntax


class MaskPreprocessor:
    """Tokenizes what stands between the masks of a text, and puts the mask's id between.

    White space before a mask belongs to it, as in the pre-training of RoBERTa and in Hugging Face's
    tokenizers; to WordPiece and SentencePiece it makes no difference.

    Args:
        preprocessor: says the tokenizer, and where a row ends.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "we", "it"])
        >>> preprocessor = MaskPreprocessor(TextPreprocessor(tokenizer))
        >>> features = preprocessor(["We [MASK] it.", "[MASK] [MASK]"])
        >>> features["token_ids"].numpy().tolist()
        [[2, 5, 4, 6, 1, 3], [2, 4, 4, 3, 0, 0]]
        >>> features["masked_positions"].numpy().tolist()
        [[2, 0], [1, 2]]
    """

    def __init__(self, preprocessor: TextPreprocessor):
        self.sequence_length = preprocessor.sequence_length
        self._preprocessor = preprocessor
        self._frame = Frame(preprocessor.tokenizer, texts=1)

    def __call__(self, texts: Any) -> "dict[str, tf.Tensor]":
        """Turns texts into features: `pad(encode(texts))`."""
        return self.pad(self.encode(texts))

    def encode(self, texts: Any) -> "dict[str, tf.RaggedTensor]":
        """Tokenizes and truncates B texts and adds the special tokens.

        Args:
            texts: list, array or tensor of B strings.

        Returns:
            `token_ids` and `segment_ids`, ragged int32 tensors of shape (B, None).
        """
        import tensorflow as tf

        tokenizer = self._preprocessor.tokenizer
        mask = tokenizer.mask_token
        texts = tf.strings.regex_replace(text_tensors(texts), _SPACES + re.escape(mask), mask)
        pieces = tf.strings.split(texts, mask)  # (B, None)
        ids = tokenizer(pieces.flat_values)
        masks = tf.fill([ids.nrows(), 1], tf.constant(tokenizer.mask_id, ids.dtype))
        rows = pieces.with_flat_values(tf.concat([ids, masks], axis=1)).merge_dims(1, 2)
        room = self.sequence_length - self._frame.size
        return self._frame.rows(rows[:, :-1][:, :room])

    def pad(
        self, encoded: "dict[str, tf.RaggedTensor]", length: "int | tf.Tensor | None" = None
    ) -> "dict[str, tf.Tensor]":
        """`TextPreprocessor.pad`, and where the masks are.

        Returns:
            Its features, and `masked_positions` (B, P) int32, the columns of each row's masks; 0
            where a row has fewer.
        """
        import tensorflow as tf

        features = self._preprocessor.pad(encoded, length)
        ids = features["token_ids"]
        columns = tf.broadcast_to(tf.range(tf.shape(ids)[1]), tf.shape(ids))
        masks = tf.ragged.boolean_mask(columns, ids == self._preprocessor.tokenizer.mask_id)
        return {**features, "masked_positions": masks.to_tensor()}
