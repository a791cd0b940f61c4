"""Texts as lists of words, and labels and weights that stand on words."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfzoo.data.labels import class_ids
from tfzoo.errors import DataError


def word_lists(texts: Any) -> list[list[str]]:
    """The words of N texts.

    Args:
        texts: N texts, which are split where `str.split` splits, or N lists of words; in a list,
            an array or a tensor, which may be ragged.

    Raises:
        DataError: something else is among them, or there are none.

    Example:
        >>> word_lists(["Ada was here.", ["New York", "calls"]])
        [['Ada', 'was', 'here.'], ['New York', 'calls']]
    """
    if isinstance(texts, tuple):
        raise DataError("Words are labelled in single texts, not in a tuple of two; give a list.")
    rows = _rows(texts)
    if isinstance(texts, str | bytes | dict) or rows is None:
        raise DataError(
            f"Texts must be a list of texts or of lists of words, not one {type(texts).__name__}."
        )
    if not rows:
        raise DataError("There are no texts.")
    return [_words(index, row) for index, row in enumerate(rows)]


def word_labels(
    labels: Any, words: Sequence[Sequence[str]], classes: int | Sequence[str]
) -> list[np.ndarray]:
    """Turns a label for each word into class ids.

    Args:
        labels: N lists of names or ids, in a list, an array or a tensor, which may be ragged.
        words: the words of N texts.
        classes: how many classes there are, or their names in the order of the ids.

    Returns:
        N int32 arrays.

    Raises:
        DataError: at the first example whose labels are not as many as its words, or no classes.

    Example:
        >>> word_labels([["O", "B-PER"]], [["Hello", "Ada"]], ["O", "B-PER"])[0].tolist()
        [0, 1]
        >>> word_labels([["O"]], [["Hello", "Ada"]], ["O", "B-PER"])
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Example 0 has 2 words and 1 labels; give one per word.
    """
    ids = []
    for index, row in enumerate(_rows_like(words, labels, "labels")):
        try:
            ids.append(class_ids(row, classes))
        except DataError as error:  # which counts the words as examples
            where = f"Example {index}, word {str(error).removeprefix('Example ')}"
            raise DataError(where) from None
    return ids


def word_weights(weights: Any, words: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The weight of each word.

    Args:
        weights: N numbers, or N lists with one per word; None for ones.
        words: the words of N texts.

    Returns:
        N float32 arrays.

    Raises:
        DataError: there are not as many weights, or one is not a finite number of at least zero.

    Example:
        >>> [row.tolist() for row in word_weights([2, [0.5]], [["Hello", "Ada"], ["Bye"]])]
        [[2.0, 2.0], [0.5]]
    """
    rows = [1.0] * len(words) if weights is None else _rows(weights) or []
    spread = [
        np.repeat(row, len(its_words)) if np.ndim(row) == 0 else row
        for row, its_words in zip(rows, words, strict=False)
    ]
    spread += rows[len(words) :]
    arrays = []
    for index, row in enumerate(_rows_like(words, spread, "weights")):
        try:
            arrays.append(np.asarray(row, np.float32))
        except (TypeError, ValueError):
            arrays.append(np.float32([-1]))
        if not (np.isfinite(arrays[-1]) & (arrays[-1] >= 0)).all():
            raise DataError(
                f"Example {index} has the weights {rows[index]!r:.60}; they must be numbers of at "
                "least 0."
            )
    return arrays


def _rows(values: Any) -> list | None:
    """The rows of a list, an array, a tensor or a ragged tensor; None of what has none."""
    if hasattr(values, "to_list"):
        return values.to_list()
    values = values.numpy() if hasattr(values, "numpy") else values
    return list(values) if np.iterable(values) else None


def _words(index: int, row: Any) -> list[str]:
    if isinstance(row, str | bytes):
        row = row.split() if isinstance(row, str) else _string(row).split()
    if not _is_list(row):
        raise DataError(
            f"Example {index} is neither a text nor a list of words but {type(row).__name__} "
            f"({row!r:.40})."
        )
    for number, word in enumerate(row):
        if not isinstance(word, str | bytes):
            raise DataError(
                f"Example {index}, word {number} is not a string but {type(word).__name__} "
                f"({word!r:.40})."
            )
    return [_string(word) for word in row]


def _string(text: str | bytes) -> str:
    """A string that has a UTF-8, as lone surrogates and other bytes have not."""
    data = text.encode("utf-8", "ignore") if isinstance(text, str) else text
    return data.decode("utf-8", "ignore")


def _rows_like(words: Sequence[Sequence[str]], values: Any, what: str) -> Iterator[Any]:
    """The values of each example, checked to be one per word."""
    rows = _rows(values) or []
    if len(rows) != len(words):
        raise DataError(f"There are {len(words)} texts, but {what} for {len(rows)}.")
    for index, (row, its_words) in enumerate(zip(rows, words, strict=True)):
        if not _is_list(row):
            raise DataError(
                f"Example {index} has the {what} {row!r:.40}; it needs a list with one per word."
            )
        if not its_words:
            raise DataError(f"Example {index} has no words; leave it out.")
        if len(row) != len(its_words):
            raise DataError(
                f"Example {index} has {len(its_words)} words and {len(row)} {what}; give one per "
                "word."
            )
        yield row


def _is_list(row: Any) -> bool:
    return isinstance(row, list | tuple) or np.ndim(row) == 1
