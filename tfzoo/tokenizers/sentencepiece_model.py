"""SentencePiece's `.model` files, which may be anybody's, checked before native code reads them."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfzoo.errors import HandleError, WeightsError

if TYPE_CHECKING:
    import tensorflow_text
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

_MAX_BYTES = 8 * 2**20  # of 250,000 pieces, the most that are published, it is 5 MiB
_MAX_PIECES = 2**20
_MAX_REPLACEMENT = 256  # bytes that one character becomes; of Unicode's own, at most 33
_SPACE_RULES = ("add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces")


def read_model(path: Path) -> bytes:
    """Reads a `.model` file.

    Raises:
        HandleError: there is no such file.
        WeightsError: it is too large for one.
    """
    if not path.is_file():
        raise HandleError(f"There is no SentencePiece model at {path}.")
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsError(
            f"{path} is larger than {_MAX_BYTES >> 20} MiB, so it is no SentencePiece model."
        )
    return path.read_bytes()


def checked_pieces(model: bytes) -> list[str]:
    """The pieces of a unigram model (https://arxiv.org/abs/1808.06226), in the order of their ids.

    What could make the native library read beyond its memory, or give up the process, is refused.

    Args:
        model: a serialized `sentencepiece.ModelProto`.

    Raises:
        WeightsError: it is damaged, or a model that splits texts in another way.

    Example:
        >>> import io, sentencepiece
        >>> model = io.BytesIO()
        >>> sentencepiece.SentencePieceTrainer.train(
        ...     sentence_iterator=iter(["a b"]), model_writer=model, vocab_size=6, minloglevel=2
        ... )
        >>> checked_pieces(model.getvalue())[:4]
        ['<unk>', '<s>', '</s>', '▁']
    """
    from google.protobuf.message import DecodeError
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    try:
        if len(model) > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES >> 20} MiB")
        proto = ModelProto.FromString(model)
        pieces = _pieces(proto)
        for spec in (proto.normalizer_spec, proto.denormalizer_spec):
            if spec.precompiled_charsmap:
                _check_replacements(spec.precompiled_charsmap)
    except (DecodeError, ValueError) as error:
        raise WeightsError(
            f"The SentencePiece model cannot be read ({error}); fetch it again."
        ) from None
    kinds = proto.trainer_spec
    if kinds.model_type != kinds.UNIGRAM or kinds.treat_whitespace_as_suffix:
        raise WeightsError("The SentencePiece model is not of the kind 'unigram'; choose another.")
    if not all(getattr(proto.normalizer_spec, rule) for rule in _SPACE_RULES):
        raise WeightsError(
            "The SentencePiece model treats spaces in another way than tfzoo's tokenizers; choose "
            "another."
        )
    return pieces


def native_tokenizer(model: bytes, out_type: str) -> "tensorflow_text.SentencepieceTokenizer":
    """The native tokenizer of a model, to be made anew wherever it is used, also inside a graph.

    What it holds belongs to the operation that made it. Outside of graphs TensorFlow forgets its
    operations now and then, as in `tf.random.set_seed`, and the tokenizer would be gone.

    Args:
        model: a serialized `sentencepiece.ModelProto`, checked.
        out_type: "int32" for ids, "string" for pieces.
    """
    import tensorflow as tf
    import tensorflow_text

    return tensorflow_text.SentencepieceTokenizer(model, out_type=tf.as_dtype(out_type))


def _pieces(proto: "ModelProto") -> list[str]:
    if not 0 < len(proto.pieces) <= _MAX_PIECES:
        raise ValueError(f"it has {len(proto.pieces)} pieces")
    pieces = [piece.piece for piece in proto.pieces]
    if not all(isinstance(piece, str) and piece and "\0" not in piece for piece in pieces):
        raise ValueError("a piece is no text")  # bytes are those that are not UTF-8
    if len(set(pieces)) < len(pieces):
        raise ValueError("it has a piece more than once")
    if not all(math.isfinite(piece.score) for piece in proto.pieces):
        raise ValueError("the score of a piece is no number")
    kinds = [piece.type for piece in proto.pieces]
    if kinds.count(proto.SentencePiece.UNKNOWN) != 1:
        raise ValueError("it does not have one unknown piece")
    return pieces


def _check_replacements(table: bytes) -> None:
    """Checks that no text leads out of a table of characters and what becomes of them.

    It is the size in bytes of a trie, the trie, and strings that end in zeros. The trie is a double
    array in the layout of https://github.com/s-yata/darts-clone: a step from the node at `i` goes
    to one of the 256 places around `i ^ offset`, and where it has a value, that is in the first.
    """
    size = int.from_bytes(table[:4], "little")
    texts = table[4 + size :]
    if not size or size % 1024 or not texts.endswith(b"\0"):
        raise ValueError("its table of replacements is cut off")
    if max(map(len, texts.split(b"\0"))) > _MAX_REPLACEMENT:
        raise ValueError(f"it replaces a character by more than {_MAX_REPLACEMENT} bytes")
    units = np.frombuffer(table[4 : 4 + size], "<u4").astype(np.int64)
    is_node = units < 1 << 31  # the others are values, which no step leads to
    is_node[0] = True
    offsets = (units >> 10) << ((units & 1 << 9) >> 6)
    places = (np.arange(len(units)) ^ offsets)[is_node]
    has_value = (units[is_node] >> 8 & 1) == 1
    if (places | 255).max() >= len(units):
        raise ValueError("its table of replacements leads out of itself")
    values = units[places[has_value]] & ((1 << 31) - 1)
    if values.max(initial=0) >= len(texts):
        raise ValueError("its table of replacements leads out of itself")
