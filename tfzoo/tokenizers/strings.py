"""What a caller may hand over as texts, turned into string tensors."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tfzoo.errors import DataError

if TYPE_CHECKING:
    import tensorflow as tf

# What `str.split` splits at, in RE2's syntax.
SPACES = (
    r"\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}"
    r"\x{3000}"
)


def text_tensors(texts: Any) -> "tf.Tensor | tuple[tf.Tensor, tf.Tensor]":
    """Turns texts, or a tuple of two columns of texts, into string tensors of shape (B,).

    Args:
        texts: B strings (`str` or UTF-8 `bytes`) in a list, array, series or string tensor; or a
            tuple `(texts_a, texts_b)` of two such columns.

    Raises:
        DataError: if something in it is not a string, or the two columns differ in length.

    Example:
        >>> text_tensors(["one", "two"]).shape
        TensorShape([2])
        >>> text_tensors((["a question?"], ["an answer"]))[1].numpy().tolist()
        [b'an answer']
    """
    if not isinstance(texts, tuple):
        return _column(texts)
    if len(texts) != 2:
        raise DataError(
            f"A tuple of texts must be a pair (texts_a, texts_b), and this one has {len(texts)} "
            "members; give single texts as a list."
        )
    first, second = map(_column, texts)
    if not first.shape.is_compatible_with(second.shape):
        raise DataError(
            f"A pair needs as many second texts as first ones: {first.shape[0]} against "
            f"{second.shape[0]}."
        )
    return first, second


def text_list(texts: Any) -> list[str]:
    """Turns single texts in memory into a list of `str`, without bytes that are not UTF-8.

    Args:
        texts: N strings, as in `text_tensors`.

    Raises:
        DataError: if they are pairs or a dataset, or something in it is not a string.

    Example:
        >>> text_list([b"one", "two"])
        ['one', 'two']
    """
    if isinstance(texts, tuple) or hasattr(texts, "element_spec"):
        raise DataError("Give single texts as a list or an array, not pairs or a dataset of them.")
    return [text.decode("utf-8", "ignore") for text in _column(texts).numpy()]


def _column(texts: Any) -> "tf.Tensor":
    import tensorflow as tf

    if not tf.is_tensor(texts):
        encoded = _encoded(texts)
        return tf.constant(encoded, tf.string, shape=(len(encoded),))
    if texts.dtype != tf.string or texts.shape.rank not in (1, None):
        raise DataError(
            "Texts must be a string tensor of shape (B,), not "
            f"{texts.dtype.name} of shape {texts.shape}."
        )
    return texts


def _encoded(texts: Any) -> list[bytes]:
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise DataError(
            f"Texts must be a list or an array of strings, not one {type(texts).__name__}."
        )
    encoded = []
    for index, text in enumerate(texts):
        if isinstance(text, str):
            text = text.encode("utf-8", "ignore")  # a lone surrogate has no UTF-8
        if not isinstance(text, bytes):
            raise DataError(
                f"Text {index} is not a string but {type(text).__name__} ({text!r:.40}); "
                "replace missing texts by ''."
            )
        encoded.append(text)
    return encoded
