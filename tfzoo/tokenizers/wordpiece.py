"""BERT's tokenizer, WordPiece, inside the TensorFlow graph."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from tfzoo.errors import WeightsError
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer, read_text

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_text

# Character classes in RE2's syntax, after `BasicTokenizer` of google-research/bert.
_DROPPED = r"\x{0}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\x{fffd}\p{Cf}"
_WIDE_SPACES = r"\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_PUNCTUATION = r"!-/:-@\[-`{-~\p{P}"
_IDEOGRAPHS = (
    r"\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{f900}-\x{faff}\x{20000}-\x{2a6df}\x{2a700}-\x{2b73f}"
    r"\x{2b740}-\x{2b81f}\x{2b820}-\x{2ceaf}\x{2f800}-\x{2fa1f}"
)
_MAX_WORD_LENGTH = 200  # characters; a longer word is unknown
_MAX_WORD_BYTES = 4 * _MAX_WORD_LENGTH


@keras.saving.register_keras_serializable(package="tfzoo")
class BertTokenizer(Tokenizer):
    """Splits strings into WordPiece ids exactly as the original BERT code does.

    Everything happens in TensorFlow operations without lookup tables, so that the tokenizer runs
    eagerly, in a `tf.data` pipeline and in a SavedModel alike. `tensorflow_text.BertTokenizer` and
    `FastBertTokenizer` are not used, because they differ from the original: they fold "…" to "..."
    and "ß" to "ss", replace control characters by spaces where the original drops them, and limit
    words by bytes, which loses whole Thai sentences. Here the text is normalised by plain string
    operations and only the greedy longest match is tensorflow-text's (Song et al. 2020,
    https://arxiv.org/abs/2012.15524).

    Args:
        vocabulary: path of a `vocab.txt` with one piece per line, or the list of pieces; the
            position of a piece is its id. It must hold [PAD], [UNK], [CLS], [SEP] and [MASK].
        lowercase: whether to lower-case and strip accents, as "uncased" models need.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if the vocabulary is not UTF-8, lacks a special token or repeats a piece.

    Example:
        >>> tokenizer = BertTokenizer(
        ...     ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing", "chess", "!"]
        ... )
        >>> ids = tokenizer(["Playing chess!", "Play go"])
        >>> ids.to_list()
        [[5, 6, 7, 8], [5, 1]]
        >>> tokenizer.detokenize(ids).numpy().tolist()
        [b'playing chess !', b'play [UNK]']
    """

    assets: ClassVar[dict[str, str]] = {"vocabulary": "vocab.txt"}
    special_tokens: ClassVar[dict[str, str]] = {
        "pad_id": "[PAD]",
        "unk_id": "[UNK]",
        "cls_id": "[CLS]",
        "sep_id": "[SEP]",
        "mask_id": "[MASK]",
    }

    def __init__(self, vocabulary: str | Path | Sequence[str], lowercase: bool = True):
        if isinstance(vocabulary, str | Path):
            vocabulary = _read_vocabulary(Path(vocabulary))
        super().__init__(vocabulary)
        self.lowercase = lowercase

    def __call__(self, texts: Any) -> "tf.RaggedTensor":
        """Tokenizes B texts, without special tokens or truncation.

        Args:
            texts: list, array or tensor of B strings; bytes that are not UTF-8 are dropped.

        Returns:
            Ids, a ragged int32 tensor of shape (B, None).
        """
        import tensorflow as tf

        return self._tokenize_words(tf.strings.split(self.normalize(text_tensors(texts))))

    def extents(self, texts: "tf.Tensor") -> "tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor]":
        """Tokenizes B texts, and says what each token is of the normalised texts.

        Args:
            texts: (B,) strings.

        Returns:
            Ids (B, None), and for the tokens of all texts the first byte and the one behind the
            last, int32, among the bytes of all normalised texts but white space.
        """
        import tensorflow as tf

        words = tf.strings.split(self.normalize(texts))
        ids = self._tokenize_words(words)
        within = [piece.startswith("##") for piece in self.vocabulary]
        sizes = [len(piece.removeprefix("##").encode()) for piece in self.vocabulary]
        word = tf.cumsum(1 - tf.gather(tf.cast(within, tf.int32), ids.flat_values)) - 1
        word_sizes = tf.gather(tf.strings.length(words.flat_values), word)
        is_unknown = ids.flat_values == self.unk_id  # a whole word
        lengths = tf.where(is_unknown, word_sizes, tf.gather(tf.constant(sizes), ids.flat_values))
        ends = tf.cumsum(lengths)
        return ids, ends - lengths, ends

    def detokenize(self, ids: Any) -> "tf.Tensor":
        """Joins the pieces of each row into a string, words separated by spaces, without [PAD].

        Args:
            ids: ints of shape (B, S): a tensor, array, ragged tensor or list of lists.

        Returns:
            A string tensor of shape (B,).
        """
        import tensorflow as tf

        ids = ids if tf.is_tensor(ids) else tf.ragged.constant(ids, tf.int32)
        ids = tf.ragged.boolean_mask(ids, ids != self.pad_id)
        pieces = tf.gather(tf.constant(self.vocabulary), ids)
        return tf.strings.regex_replace(
            tf.strings.reduce_join(pieces, axis=-1, separator=" "), " ##", ""
        )

    def append(self, text: str, token_id: int) -> str:
        """A text with a token behind it; a piece that continues a word loses ## and the space.

        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "we", "##ing"])
        >>> tokenizer.append("play ", 6), tokenizer.append("play ", 5), tokenizer.append("", 6)
        ('playing', 'play we', 'ing')
        """
        piece = self.id_to_token(token_id)
        return text.rstrip() + piece[2:] if piece.startswith("##") else text + piece

    def save(self, folder: str | Path) -> None:
        """Writes `vocab.txt` into an existing folder."""
        lines = "".join(f"{token}\n" for token in self.vocabulary)
        Path(folder, "vocab.txt").write_text(lines, encoding="utf-8", newline="\n")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the vocabulary as a list."""
        return {"vocabulary": list(self.vocabulary), "lowercase": self.lowercase}

    @cached_property
    def _wordpiece(self) -> "tensorflow_text.FastWordpieceTokenizer":
        import tensorflow as tf
        import tensorflow_text

        try:
            with tf.init_scope():
                return tensorflow_text.FastWordpieceTokenizer(
                    self.vocabulary,
                    max_bytes_per_word=_MAX_WORD_BYTES,
                    token_out_type=tf.int32,
                    unknown_token="[UNK]",
                    no_pretokenization=True,
                )
        except RuntimeError as error:
            raise WeightsError(f"The vocabulary has an unusable piece: {error!s:.200}.") from None

    def _tokenize_words(self, words: "tf.RaggedTensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_LENGTH
        unknown = "?" * (_MAX_WORD_BYTES + 1)
        pieces = self._wordpiece.tokenize(tf.where(too_long, unknown, words.flat_values))
        return words.with_flat_values(pieces).merge_dims(1, 2)

    def normalize(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Normalises (B,) texts so that ASCII spaces, and nothing else, separate their words."""
        import tensorflow as tf
        import tensorflow_text

        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = tf.strings.regex_replace(texts, f"[{_DROPPED}]", "")
        if self.lowercase:
            texts = tf.strings.regex_replace(texts, "[Iİ]", "i")  # lower() obeys a Turkish locale
            texts = tf.strings.lower(texts, encoding="utf-8")
            texts = tensorflow_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        texts = tf.strings.regex_replace(texts, f"([{_PUNCTUATION}{_IDEOGRAPHS}])", r" \1 ")
        return tf.strings.regex_replace(texts, f"[{_WIDE_SPACES}]", " ")


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertTokenizer(BertTokenizer):
    """DistilBERT's tokenizer, which is BERT's."""


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraTokenizer(BertTokenizer):
    """ELECTRA's tokenizer, which is BERT's."""


def _read_vocabulary(path: Path) -> list[str]:
    text = read_text(path)
    # Only "\n" ends a line: some pieces contain what str.splitlines takes for a line's end.
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
