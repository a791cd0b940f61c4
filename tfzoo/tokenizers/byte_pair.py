"""Byte-pair encoding inside the TensorFlow graph: what GPT, GPT-2 and RoBERTa have in common."""

import abc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfzoo.errors import WeightsError
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.tokenizer import Tokenizer, read_text

if TYPE_CHECKING:
    import tensorflow as tf


class BytePairTokenizer(Tokenizer, abc.ABC):
    """Cuts texts into words, and words into tokens by merges that have been learnt from texts.

    Sennrich et al. 2016, https://arxiv.org/abs/1508.07909. Texts are cut by expressions on strings,
    and SentencePiece's native code applies the merges, to each word of a batch once. So it runs
    eagerly, in a `tf.data` pipeline and in a SavedModel alike. Special tokens that are spelled out
    in a text are text, unlike with Hugging Face's tokenizers.

    A subclass defines `_words` and `_pieces`, and sets `_spellings`, the bytes that each token is.

    Args:
        vocabulary: path of a `vocab.json`, token -> id, or the list of tokens in the order of their
            ids.
        merges: path of a `merges.txt`, one pair of tokens per line, or the list of the pairs.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged or a special token is missing.
    """

    assets: ClassVar[dict[str, str]] = {"vocabulary": "vocab.json", "merges": "merges.txt"}
    has_segments: ClassVar[bool] = False

    _spellings: list[bytes]

    def __init__(self, vocabulary: str | Path | Sequence[str], merges: str | Path | Sequence[str]):
        if isinstance(vocabulary, str | Path):
            vocabulary = _read_vocabulary(Path(vocabulary))
        if isinstance(merges, str | Path):
            merges = _read_merges(Path(merges))
        super().__init__(vocabulary)
        self.merges = list(merges)

    def __call__(self, texts: Any) -> "tf.RaggedTensor":
        """Tokenizes B texts, without special tokens or truncation.

        Args:
            texts: list, array or tensor of B strings; bytes that are not UTF-8 are dropped.

        Returns:
            Ids, a ragged int32 tensor of shape (B, None).
        """
        import tensorflow as tf

        words = self._words(text_tensors(texts))
        different, which = tf.unique(words.flat_values)
        ids = tf.gather(self._pieces(different), which)
        return words.with_flat_values(ids).merge_dims(1, 2)

    def detokenize(self, ids: Any) -> "tf.Tensor":
        """Joins the tokens of each row into a string, without those whose id is `pad_id`.

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

    def save(self, folder: str | Path) -> None:
        """Writes `vocab.json` and `merges.txt` into an existing folder."""
        Path(folder, "vocab.json").write_text(json.dumps(self._ids), encoding="utf-8")
        lines = "".join(f"{line}\n" for line in ["#version: 0.2", *self.merges])
        Path(folder, "merges.txt").write_text(lines, encoding="utf-8", newline="\n")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; vocabulary and merges as lists."""
        return {"vocabulary": list(self.vocabulary), "merges": list(self.merges)}

    @abc.abstractmethod
    def _words(self, texts: "tf.Tensor") -> "tf.RaggedTensor":
        """The words of (B,) texts, strings of shape (B, None)."""

    @abc.abstractmethod
    def _pieces(self, words: "tf.Tensor") -> "tf.RaggedTensor":
        """The ids of (W,) words, int32 of shape (W, None)."""


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
