"""ALBERT's tokenizer, SentencePiece, inside the TensorFlow graph."""

import base64
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from tfzoo.errors import WeightsError
from tfzoo.tokenizers.sentencepiece_model import checked_pieces, native_tokenizer, read_model
from tfzoo.tokenizers.strings import SPACES, text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer, appended

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_text


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertTokenizer(Tokenizer):
    """Strings to SentencePiece ids as in google-research/albert, in graph ops throughout.

    Texts lose their accents and repeated spaces, then the likeliest pieces spell them (Kudo 2018,
    https://arxiv.org/abs/1804.10959). A piece that is a number and a comma is split once more, as
    the original did in pre-training. Hugging Face and TF-Hub's preprocessor do not split it, and
    Hugging Face takes two quotes of one stroke for one of two.

    Args:
        vocabulary: path of SentencePiece's `.model`, or its content. It must hold <pad>, <unk>,
            [CLS], [SEP] and [MASK].
        lowercase: whether to lower-case, as the English models need.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if the model is damaged, of another kind, or lacks a special piece.

    Example:
        >>> import io, sentencepiece
        >>> model = io.BytesIO()
        >>> sentencepiece.SentencePieceTrainer.train(
        ...     sentence_iterator=iter(5 * ["we play", "we played chess"]), model_writer=model,
        ...     vocab_size=17, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        ...     control_symbols="[CLS],[SEP],[MASK]", minloglevel=2,
        ... )
        >>> tokenizer = AlbertTokenizer(model.getvalue())
        >>> ids = tokenizer(["We  Pl\u00e1y"])
        >>> [tokenizer.id_to_token(i) for i in ids.to_list()[0]]
        ['▁', 'w', 'e', '▁play']
        >>> tokenizer.detokenize(ids).numpy().tolist()
        [b'we play']
    """

    # Argument of the constructor -> the file of a folder of weights that it is.
    assets: ClassVar[dict[str, str]] = {"vocabulary": "30k-clean.model"}
    special_tokens: ClassVar[dict[str, str]] = {
        "pad_id": "<pad>",
        "unk_id": "<unk>",
        "cls_id": "[CLS]",
        "sep_id": "[SEP]",
        "mask_id": "[MASK]",
    }

    def __init__(self, vocabulary: str | Path | bytes, lowercase: bool = True):
        self._model = vocabulary if isinstance(vocabulary, bytes) else read_model(Path(vocabulary))
        super().__init__(checked_pieces(self._model))
        self.lowercase = lowercase
        self._check_native()

    def __call__(self, texts: Any) -> "tf.RaggedTensor":
        """Tokenizes B texts, without special tokens or truncation.

        Args:
            texts: list, array or tensor of B strings; bytes that are not UTF-8 are dropped.

        Returns:
            Ids, a ragged int32 tensor of shape (B, None).
        """
        native = native_tokenizer(self._model, "string")
        pieces = native.tokenize(self.normalize(text_tensors(texts)))
        return _numbers_split(pieces, native)[0]

    def extents(self, texts: "tf.Tensor") -> "tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor]":
        """Tokenizes B texts, and says what each token is of the normalised texts.

        Args:
            texts: (B,) strings.

        Returns:
            Ids (B, None), and for the tokens of all texts the first byte and the one behind the
            last, int32, among the bytes of all normalised texts but white space. A token that is
            nothing but white space has the byte that follows it.
        """
        import tensorflow as tf

        texts = self.normalize(texts)
        native = native_tokenizer(self._model, "string")
        pieces, starts, ends = native.tokenize_with_offsets(texts)
        written = tf.io.decode_raw(tf.strings.reduce_join(texts), tf.uint8) != ord(" ")
        before = tf.concat([[0], tf.cumsum(tf.cast(written, tf.int32))], axis=0)
        text_starts = tf.cumsum(tf.strings.length(texts), exclusive=True)
        text_start = tf.gather(text_starts, pieces.value_rowids())
        ids, owners, lengths = _numbers_split(pieces, native)
        first, behind = (
            tf.gather(before, tf.gather(tf.cast(each.flat_values, tf.int32) + text_start, owners))
            for each in (starts, ends)
        )
        is_first = tf.concat([[True], owners[1:] != owners[:-1]], axis=0)[: tf.size(owners)]
        past = tf.cumsum(lengths)
        past -= tf.gather(tf.boolean_mask(past - lengths, is_first), owners)
        is_last = tf.concat([is_first[1:], [True]], axis=0)[: tf.size(owners)]
        part_behind = tf.where(is_last, behind, tf.minimum(first + past, behind))
        first = tf.minimum(first + past - lengths, part_behind)
        return ids, first, tf.maximum(part_behind, first + 1)

    def detokenize(self, ids: Any) -> "tf.Tensor":
        """Joins the pieces of each row into a string, without <pad>.

        Args:
            ids: ints of shape (B, S): a tensor, array, ragged tensor or list of lists.

        Returns:
            A string tensor of shape (B,).
        """
        import tensorflow as tf

        ids = ids if tf.is_tensor(ids) else tf.ragged.constant(ids, tf.int32)
        ids = tf.ragged.boolean_mask(ids, ids != self.pad_id)
        texts = tf.strings.reduce_join(tf.gather(tf.constant(self.vocabulary), ids), axis=-1)
        return tf.strings.strip(tf.strings.regex_replace(texts, "▁", " "))

    def append(self, text: str, token_id: int) -> str:
        """A text with a token behind it, which brings the space before it along, or none."""
        return appended(text, self.id_to_token(token_id).replace("▁", " "))

    def normalize(self, texts: "tf.Tensor") -> "tf.Tensor":
        """`preprocess_text` of google-research/albert, on (B,) texts."""
        import tensorflow as tf
        import tensorflow_text

        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = tf.strings.regex_replace(texts, r"\x00", "")  # it would end a text
        texts = tf.strings.strip(tf.strings.regex_replace(texts, f"[{SPACES}]+", " "))
        texts = tensorflow_text.normalize_utf8(texts, "NFKD")
        texts = tf.strings.regex_replace(texts, f"[{_class_of(unicodedata.combining)}]", "")
        if not self.lowercase:
            return texts
        texts = tf.strings.regex_replace(texts, "I", "i")  # lower() obeys a Turkish locale
        return tf.strings.lower(texts, encoding="utf-8")

    def save(self, folder: str | Path) -> None:
        """Writes `30k-clean.model` into an existing folder."""
        Path(folder, self.assets["vocabulary"]).write_bytes(self._model)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the content of the model in base 64."""
        content = base64.b64encode(self._model).decode("ascii")
        return {"vocabulary": content, "lowercase": self.lowercase}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AlbertTokenizer":
        """Rebuilds a tokenizer from `get_config()`."""
        try:
            content = base64.b64decode(config["vocabulary"], validate=True)
        except (KeyError, TypeError, ValueError):  # a binascii.Error is a ValueError
            raise WeightsError(
                "The vocabulary in a tokenizer's configuration is damaged; save the model again."
            ) from None
        return cls(**{**config, "vocabulary": content})

    def _check_native(self) -> None:
        import tensorflow as tf

        try:
            with tf.init_scope():
                native_tokenizer(self._model, "string")
        except tf.errors.OpError as error:
            reason = error.message.rpartition("}} ")[2].partition(" [Op:")[0]
            raise WeightsError(
                f"The SentencePiece model cannot be used ({reason:.200}); fetch it again."
            ) from None


def _numbers_split(
    pieces: "tf.RaggedTensor", native: "tensorflow_text.SentencepieceTokenizer"
) -> "tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor]":
    """Splits pieces such as `1984,` as `encode_pieces` of google-research/albert does.

    Args:
        pieces: (B, None) strings.
        native: has made them.

    Returns:
        Ids (B, None); which of all pieces each is of, in rising order, and its bytes, int32.
    """
    import tensorflow as tf

    flat, rows = pieces.flat_values, pieces.value_rowids()
    is_number = tf.strings.regex_full_match(flat, f"(?s).*[{_class_of(str.isdigit)}],")
    others, numbers = tf.where(~is_number)[:, 0], tf.where(is_number)[:, 0]
    stems = native.tokenize(tf.strings.regex_replace(tf.gather(flat, numbers), "▁|,$", ""))
    stem_owners = tf.gather(numbers, stems.value_rowids())
    is_start = tf.strings.regex_full_match(tf.gather(flat, stem_owners), "(?s)▁.*")
    within = tf.strings.regex_replace(stems.flat_values, "▁", "")
    stems = tf.where(is_start, stems.flat_values, within)
    kept = tf.where(stems != "")[:, 0]

    owners = tf.concat([others, tf.gather(stem_owners, kept), numbers], axis=0)
    commas = tf.fill(tf.shape(numbers), ",")
    parts = tf.concat([tf.gather(flat, others), tf.gather(stems, kept), commas], axis=0)
    order = tf.argsort(owners, stable=True)
    owners, parts = tf.gather(owners, order), tf.gather(parts, order)
    ids = tf.RaggedTensor.from_value_rowids(
        native.string_to_id(parts), tf.gather(rows, owners), pieces.nrows(), validate=False
    )
    return ids, owners, tf.strings.length(tf.strings.regex_replace(parts, "▁", ""))


@cache
def _class_of(is_member: Callable[[str], Any]) -> str:
    """The characters for which a function is true, as a class in RE2's syntax.

    >>> _class_of(str.isdigit)[:13]
    '\\\\x{30}-\\\\x{39}'
    """
    codes = [code for code in range(0x20000) if is_member(chr(code))]  # none stands behind
    breaks = [(a, b) for a, b in pairwise(codes) if b != a + 1]
    starts = [codes[0], *(b for _, b in breaks)]
    ends = [*(a for a, _ in breaks), codes[-1]]
    return "".join(rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in zip(starts, ends, strict=True))
