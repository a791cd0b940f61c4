"""BERT's tokenizer, WordPiece, inside the TensorFlow graph."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.tokenizers.strings import text_tensors

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
class BertTokenizer:
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

    asset: ClassVar[str] = "vocab.txt"  # the file of a folder of weights that it is made from

    def __init__(self, vocabulary: str | Path | Sequence[str], lowercase: bool = True):
        if isinstance(vocabulary, str | Path):
            vocabulary = _read_vocabulary(Path(vocabulary))
        self.vocabulary = list(vocabulary)
        self.lowercase = lowercase
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary)}
        if len(self._ids) < len(self.vocabulary):
            repeated = next(t for i, t in enumerate(self.vocabulary) if self._ids[t] != i)
            raise WeightsError(
                f"The vocabulary holds {repeated!r} more than once; every piece needs its own id."
            )
        self.pad_id = self._special_id("[PAD]")
        self.unk_id = self._special_id("[UNK]")
        self.cls_id = self._special_id("[CLS]")
        self.sep_id = self._special_id("[SEP]")
        self.mask_id = self._special_id("[MASK]")

    def _special_id(self, token: str) -> int:
        if token not in self._ids:
            raise WeightsError(
                f"The vocabulary of {self.vocabulary_size} pieces has no {token}, which BERT "
                "needs; is it a WordPiece vocab.txt?"
            )
        return self._ids[token]

    @property
    def vocabulary_size(self) -> int:
        """How many pieces there are: the number of rows of the embedding."""
        return len(self.vocabulary)

    def token_to_id(self, token: str) -> int:
        """Returns the id of a piece; ConfigError if the vocabulary lacks it."""
        if token not in self._ids:
            raise ConfigError(f"{token!r} is not a piece of the vocabulary.")
        return self._ids[token]

    def id_to_token(self, token_id: int) -> str:
        """Returns the piece with this id; ConfigError if there is no such id."""
        if not 0 <= token_id < self.vocabulary_size:
            raise ConfigError(f"Token id {token_id} is outside 0..{self.vocabulary_size - 1}.")
        return self.vocabulary[token_id]

    def __call__(self, texts: Any) -> "tf.RaggedTensor":
        """Tokenizes B texts, without special tokens or truncation.

        Args:
            texts: list, array or tensor of B strings; bytes that are not UTF-8 are dropped.

        Returns:
            Ids, a ragged int32 tensor of shape (B, None).
        """
        import tensorflow as tf

        words = tf.strings.split(self._spaced(text_tensors(texts)))
        too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_LENGTH
        unknown = "?" * (_MAX_WORD_BYTES + 1)
        pieces = self._wordpiece.tokenize(tf.where(too_long, unknown, words.flat_values))
        return words.with_flat_values(pieces).merge_dims(1, 2)

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

    def save(self, folder: str | Path) -> None:
        """Writes `vocab.txt` into an existing folder."""
        lines = "".join(f"{token}\n" for token in self.vocabulary)
        Path(folder, "vocab.txt").write_text(lines, encoding="utf-8", newline="\n")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the vocabulary as a list."""
        return {"vocabulary": list(self.vocabulary), "lowercase": self.lowercase}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "BertTokenizer":
        """Rebuilds a tokenizer from `get_config()`."""
        return cls(**config)

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

    def _spaced(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Normalises texts so that ASCII spaces, and nothing else, separate their words."""
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


def _read_vocabulary(path: Path) -> list[str]:
    if not path.is_file():
        raise HandleError(f"There is no vocabulary file at {path}.")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise WeightsError(f"The vocabulary {path} is not UTF-8 ({error}).") from None
    # Only "\n" ends a line: some pieces contain what str.splitlines takes for a line's end.
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
