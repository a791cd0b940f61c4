"""The special tokens before, between and behind the texts of a row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfzoo.tokenizers.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf


class Frame:
    """Rows `[CLS] a [SEP]`, and pairs `[CLS] a [SEP] b [SEP]`, with the tokens of the family.

    `tokenizer.frame_ids` says which. Where segments do not tell the texts apart, as in RoBERTa
    (https://arxiv.org/abs/1907.11692), two separators do; GPT-2 has a token between texts alone.

    Args:
        tokenizer: has the special tokens.
        texts: how many texts a row is of, 1 or 2.

    Example:
        >>> import tensorflow as tf
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> frame = Frame(BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), texts=2)
        >>> a, b = tf.ragged.constant([[7]]), tf.ragged.constant([[8, 9]])
        >>> frame.rows(a, b)["token_ids"].to_list(), frame.rows(a, b)["segment_ids"].to_list()
        ([[2, 7, 3, 8, 9, 3]], [[0, 0, 0, 1, 1, 1]])
        >>> frame.around(a, b).to_list()
        [[0, 7, 0, 8, 9, 0]]
    """

    def __init__(self, tokenizer: Tokenizer, texts: int):
        before, between, behind = tokenizer.frame_ids
        self._special = [before, *(texts - 1) * [between], behind]
        self._has_segments = tokenizer.has_segments

    @property
    def size(self) -> int:
        """How many special tokens a row has; an encoder's, all but one before its last text."""
        return sum(map(len, self._special))

    def rows(self, *texts: "tf.RaggedTensor") -> "dict[str, tf.RaggedTensor]":
        """`token_ids` and `segment_ids` of B rows, given the ids of each text, (B, None) int32."""
        import tensorflow as tf

        second = int(self._has_segments)
        segments = [tf.zeros_like(text) + i * second for i, text in enumerate(texts)]
        zeros = _zeros(self._special)
        zeros[-1] = [(len(texts) - 1) * second for _ in zeros[-1]]
        return {"token_ids": _joined(texts, self._special), "segment_ids": _joined(segments, zeros)}

    def around(self, *values: "tf.RaggedTensor") -> "tf.RaggedTensor":
        """Rows of values, (B, None) for each text, that are zero at special tokens."""
        return _joined(values, _zeros(self._special))


def _zeros(special: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[0 for _ in tokens] for tokens in special]


def _joined(
    parts: "Sequence[tf.RaggedTensor]", special: Sequence[Sequence[int]]
) -> "tf.RaggedTensor":
    """Rows of parts, with constants before, between and behind them."""
    import tensorflow as tf

    count, dtype = parts[0].nrows(), parts[0].dtype
    first, *others = (tf.tile(tf.constant([values], dtype), [count, 1]) for values in special)
    woven = [each for pair in zip(parts, others, strict=True) for each in pair]
    return tf.concat([first, *woven], axis=1)
