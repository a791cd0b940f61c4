"""Byte-level byte-pair encoding inside the TensorFlow graph: what GPT-2 and RoBERTa share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfzoo.tokenizers.byte_pair import BytePairTokenizer
from tfzoo.tokenizers.byte_pair_model import byte_model, token_bytes
from tfzoo.tokenizers.sentencepiece_model import native_tokenizer
from tfzoo.tokenizers.tokenizer import appended

if TYPE_CHECKING:
    import tensorflow as tf

# White space in Unicode's sense, in RE2's syntax.
_SPACES = (
    r"\t-\r\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
# Words after `encoder.py` of openai/gpt-2. Where it looks ahead, so that of several spaces the last
# one goes to the word behind them, `_BEFORE_LAST_SPACE` has cut already.
_WORDS = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+"
    rf"| ?[^{_SPACES}\p{{L}}\p{{N}}]+|[{_SPACES}]+"
)
_BEFORE_LAST_SPACE = rf"([{_SPACES}])([{_SPACES}][^{_SPACES}])"
_CUT = b"\xff"  # which is in no UTF-8


class ByteLevelTokenizer(BytePairTokenizer):
    """Byte-pair encoding of UTF-8, which knows all 256 bytes and so spells every text.

    Section 2.2 of https://openai.com/index/better-language-models.

    Args:
        vocabulary: path of a `vocab.json`, token -> id, or the list of tokens in the order of their
            ids. It must hold all 256 bytes, and the special tokens of the family.
        merges: path of a `merges.txt`, one pair of tokens per line, or the list of the pairs.
        add_prefix_space: whether a text that does not begin with a space is given one, so that its
            first word is written as others are.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged, a token is missing, or the merges are none that training
            gives.
    """

    before_word: ClassVar[str] = " "

    def __init__(
        self,
        vocabulary: str | Path | Sequence[str],
        merges: str | Path | Sequence[str],
        add_prefix_space: bool = False,
    ):
        super().__init__(vocabulary, merges)
        self.add_prefix_space = add_prefix_space
        self._model = byte_model(self.vocabulary, self.merges)
        self._spellings = [token_bytes(token) for token in self.vocabulary]

    def extents(self, texts: "tf.Tensor") -> "tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor]":
        """Tokenizes B texts, and says what each token is of the normalised texts.

        Args:
            texts: (B,) strings.

        Returns:
            Ids (B, None), and for the tokens of all texts the first byte and the one behind the
            last, int32, among the bytes of all normalised texts. A word's first token begins behind
            the space before it.
        """
        import tensorflow as tf

        ids = self(texts)
        texts = self._cleaned(texts)
        added = tf.strings.length(self._prefixed(texts)) - tf.strings.length(texts)
        row = ids.value_rowids()
        sizes = tf.constant([len(spelling) for spelling in self._spellings])
        spaces = tf.constant([s.startswith(b" ") and s != b" " for s in self._spellings], tf.int32)
        lengths = tf.gather(sizes, ids.flat_values)
        ends = tf.cumsum(lengths) - tf.gather(tf.cumsum(added), row)
        starts = ends - lengths + tf.gather(spaces, ids.flat_values)
        row_starts = tf.cumsum(tf.strings.length(texts), exclusive=True)
        starts = tf.maximum(starts, tf.gather(row_starts, row))  # one may be the space added
        return ids, starts, tf.maximum(ends, starts + 1)

    def normalize(self, texts: "tf.Tensor") -> "tf.Tensor":
        """What `extents` counts in: (B,) texts as they are, but with _ for white space."""
        import tensorflow as tf

        return tf.strings.regex_replace(self._cleaned(texts), r"\s", "_")

    def append(self, text: str, token_id: int) -> str:
        """A text with a token behind it, which brings the space before it along, or none."""
        spelling = self._spellings[token_id].decode("utf-8", "replace")
        return appended(text, spelling)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; vocabulary and merges as lists."""
        return {**super().get_config(), "add_prefix_space": self.add_prefix_space}

    def _words(self, texts: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        texts = self._prefixed(self._cleaned(texts))
        texts = tf.strings.regex_replace(texts, _BEFORE_LAST_SPACE, rb"\1" + _CUT + rb"\2")
        texts = tf.strings.regex_replace(texts, _WORDS, rb"\0" + _CUT)
        return tf.strings.split(texts, _CUT)

    def _pieces(self, words: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        characters = tf.strings.unicode_transcode(words, "ISO-8859-1", "UTF-8")
        characters = tf.strings.regex_replace(characters, r"\x{0}", "\u0100")
        return native_tokenizer(self._model, "int32").tokenize(characters)

    def _cleaned(self, texts: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")

    def _prefixed(self, texts: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        if not self.add_prefix_space:
            return texts
        return tf.strings.regex_replace(texts, r"(?s)\A([^ ])", r" \1")
