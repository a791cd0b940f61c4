"""RoBERTa's tokenizer, byte-level byte-pair encoding, inside the TensorFlow graph."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from tfzoo.errors import WeightsError
from tfzoo.tokenizers.byte_pair_model import merge_model, token_bytes
from tfzoo.tokenizers.sentencepiece_model import native_tokenizer
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer, appended, read_text

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


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaTokenizer(Tokenizer):
    """Splits strings into the ids of byte-level BPE, as GPT-2 and RoBERTa do.

    https://openai.com/index/better-language-models, section 2.2. Texts are cut into words by
    expressions on strings, and SentencePiece's native code applies the merges, to each word of a
    batch once. So it runs eagerly, in a `tf.data` pipeline and in a SavedModel alike. Special
    tokens that are spelled out in a text are text, unlike with Hugging Face's tokenizers.

    Args:
        vocabulary: path of a `vocab.json`, token -> id, or the list of tokens in the order of their
            ids. It must hold all 256 bytes and <s>, <pad>, </s>, <unk> and <mask>.
        merges: path of a `merges.txt`, one pair of tokens per line, or the list of the pairs.
        add_prefix_space: whether a text that does not begin with a space is given one, so that its
            first word is written as others are.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged, a token is missing, or the merges are none that training
            gives.

    Example:
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> merges = ["Ġ p", "l a", "Ġp la", "Ġpla y"]
        >>> special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        >>> made = [merge.replace(" ", "") for merge in merges]
        >>> tokenizer = RobertaTokenizer([*special, *ALPHABET, *made], merges)
        >>> ids = tokenizer(["we play", "play"])
        >>> [[tokenizer.id_to_token(i) for i in row] for row in ids.to_list()]
        [['w', 'e', 'Ġplay'], ['p', 'la', 'y']]
        >>> tokenizer.detokenize(ids).numpy().tolist()
        [b'we play', b'play']
    """

    assets: ClassVar[dict[str, str]] = {"vocabulary": "vocab.json", "merges": "merges.txt"}
    special_tokens: ClassVar[dict[str, str]] = {
        "pad_id": "<pad>",
        "unk_id": "<unk>",
        "cls_id": "<s>",
        "sep_id": "</s>",
        "mask_id": "<mask>",
    }
    has_segments: ClassVar[bool] = False
    before_word: ClassVar[str] = " "

    def __init__(
        self,
        vocabulary: str | Path | Sequence[str],
        merges: str | Path | Sequence[str],
        add_prefix_space: bool = False,
    ):
        if isinstance(vocabulary, str | Path):
            vocabulary = _read_vocabulary(Path(vocabulary))
        if isinstance(merges, str | Path):
            merges = _read_merges(Path(merges))
        super().__init__(vocabulary)
        self.merges = list(merges)
        self.add_prefix_space = add_prefix_space
        self._model = merge_model(self.vocabulary, self.merges, unknown="<unk>")
        self._spellings = [token_bytes(token) for token in self.vocabulary]

    def __call__(self, texts: Any) -> "tf.RaggedTensor":
        """Tokenizes B texts, without special tokens or truncation.

        Args:
            texts: list, array or tensor of B strings; bytes that are not UTF-8 are dropped.

        Returns:
            Ids, a ragged int32 tensor of shape (B, None).
        """
        import tensorflow as tf

        words = self._words(self._cleaned(text_tensors(texts)))
        different, which = tf.unique(words.flat_values)
        characters = tf.strings.unicode_transcode(different, "ISO-8859-1", "UTF-8")
        characters = tf.strings.regex_replace(characters, r"\x{0}", "\u0100")
        ids = tf.gather(native_tokenizer(self._model, "int32").tokenize(characters), which)
        return words.with_flat_values(ids).merge_dims(1, 2)

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

    def detokenize(self, ids: Any) -> "tf.Tensor":
        """Joins the tokens of each row into a string, without <pad>.

        Args:
            ids: ints of shape (B, S): a tensor, array, ragged tensor or list of lists.

        Returns:
            A string tensor of shape (B,); bytes that make no UTF-8 become U+FFFD.
        """
        import tensorflow as tf

        ids = ids if tf.is_tensor(ids) else tf.ragged.constant(ids, tf.int32)
        ids = tf.ragged.boolean_mask(ids, ids != self.pad_id)
        texts = tf.strings.reduce_join(tf.gather(tf.constant(self._spellings), ids), axis=-1)
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")

    def append(self, text: str, token_id: int) -> str:
        """A text with a token behind it, which brings the space before it along, or none."""
        spelling = self._spellings[token_id].decode("utf-8", "replace")
        return appended(text, spelling)

    def save(self, folder: str | Path) -> None:
        """Writes `vocab.json` and `merges.txt` into an existing folder."""
        Path(folder, "vocab.json").write_text(json.dumps(self._ids), encoding="utf-8")
        lines = "".join(f"{line}\n" for line in ["#version: 0.2", *self.merges])
        Path(folder, "merges.txt").write_text(lines, encoding="utf-8", newline="\n")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; vocabulary and merges as lists."""
        return {
            "vocabulary": list(self.vocabulary),
            "merges": list(self.merges),
            "add_prefix_space": self.add_prefix_space,
        }

    def _cleaned(self, texts: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")

    def _prefixed(self, texts: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        if not self.add_prefix_space:
            return texts
        return tf.strings.regex_replace(texts, r"(?s)\A([^ ])", r" \1")

    def _words(self, texts: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        texts = tf.strings.regex_replace(
            self._prefixed(texts), _BEFORE_LAST_SPACE, rb"\1" + _CUT + rb"\2"
        )
        texts = tf.strings.regex_replace(texts, _WORDS, rb"\0" + _CUT)
        return tf.strings.split(texts, _CUT)


def _read_vocabulary(path: Path) -> list[str]:
    text = read_text(path)
    try:
        ids = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"The vocabulary {path} is not JSON ({error!s:.200}).") from None
    whole = isinstance(ids, dict) and all(type(token_id) is int for token_id in ids.values())
    if not whole or sorted(ids.values()) != list(range(len(ids))):
        raise WeightsError(
            f"The ids in {path} are not those from 0 on, so the rows of the embedding have no "
            "certain meaning; fetch the file again."
        )
    return sorted(ids, key=ids.get)


def _read_merges(path: Path) -> list[str]:
    lines = read_text(path).replace("\r\n", "\n").split("\n")
    return [line for line in lines if line and not line.startswith("#version")]
