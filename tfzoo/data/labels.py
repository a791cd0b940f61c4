"""Labels as people write them to the arrays that a loss takes, checked on the way."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfzoo.errors import DataError

_MOST_CLASSES = 100_000  # beyond, a number is no class id, but a timestamp, say


def find_class_names(labels: Iterable[Any]) -> list[str]:
    """Returns the names of the classes that occur in labels, or in lists of labels.

    Example:
        >>> find_class_names(["spam", "ham", "spam"])
        ['ham', 'spam']
        >>> find_class_names([["sport"], [], ["politics", "sport"]])
        ['politics', 'sport']
        >>> find_class_names([0, 2])  # numbers are ids
        ['0', '1', '2']
    """
    members = [m for label in labels for m in (label if _is_list(label) else [label])]
    for index, member in enumerate(members):
        if not isinstance(member, str) and not 0 <= _as_whole_number(member) < _MOST_CLASSES:
            raise DataError(
                f"Label {index} is {member!r:.60}, neither a name nor a class id below "
                f"{_MOST_CLASSES:,}; choose the column of the classes."
            )
    names = set(members)
    if names and not any(isinstance(name, str) for name in names):
        return [str(class_id) for class_id in range(max(map(int, names)) + 1)]
    names = set(map(str, names))
    return sorted(names, key=int if all(map(str.isdecimal, names)) else str)


def class_ids(labels: Iterable[Any], classes: int | Sequence[str]) -> np.ndarray:
    """Turns one label per example into class ids.

    Args:
        labels: N labels: names, or ids as numbers or digits.
        classes: how many classes there are, or their names in the order of the ids.

    Returns:
        An int32 array of shape (N,).

    Raises:
        DataError: at the first example whose label is no class.

    Example:
        >>> class_ids(["spam", "ham"], ["ham", "spam"]).tolist()
        [1, 0]
        >>> class_ids([0, 1, 2], 2)
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Example 2 has the label 2; the classes are the ids 0..1.
    """
    to_id = _id_finder(classes)
    return np.array([to_id(i, label) for i, label in enumerate(labels)], np.int32)


def multi_hot(labels: Sequence[Any] | np.ndarray, classes: int | Sequence[str]) -> np.ndarray:
    """Turns any number of labels per example into rows of zeros and ones.

    Args:
        labels: N lists of names or ids; or a NumPy array (N, C) of zeros and ones.
        classes: how many classes C there are, or their names in the order of the ids.

    Returns:
        A float32 array of shape (N, C).

    Raises:
        DataError: at the first example whose labels are not classes.

    Example:
        >>> multi_hot([["sport"], [], ["news", "sport"]], ["news", "sport"]).tolist()
        [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
        return _checked_rows(labels, _number_of(classes))
    to_id = _id_finder(classes)
    rows = np.zeros((len(labels), _number_of(classes)), np.float32)
    for index, members in enumerate(labels):
        if not _is_list(members):
            raise DataError(f"Example {index} has the label {members!r}; it needs a list of them.")
        ids = [to_id(index, member) for member in members]
        if len(set(ids)) < len(ids):
            raise DataError(
                f"Example {index} has one label twice ({members!r}); rows of zeros and ones must "
                "be a NumPy array."
            )
        rows[index, ids] = 1
    return rows


def real_targets(labels: Iterable[Any], count: int = 1) -> np.ndarray:
    """Turns numbers, or lists of K numbers, into the targets of a regression.

    Args:
        labels: N numbers or N lists of K numbers.
        count: how many values K the model predicts per example.

    Returns:
        A float32 array of shape (N, K).

    Raises:
        DataError: at the first example whose label is not finite or not as long as the others.

    Example:
        >>> real_targets(["0.5", 3]).tolist()
        [[0.5], [3.0]]
    """
    rows = []
    for index, label in enumerate(labels):
        try:
            row = np.asarray(label, np.float32)
        except (TypeError, ValueError):
            row = np.float32("nan")
        if not np.isfinite(row).all():
            raise DataError(f"Example {index} has the label {label!r}, not a finite number.")
        if row.size != count or row.ndim > 1:
            raise DataError(
                f"Example {index} has the label {label!r:.60}, and the model predicts {count} "
                "values; give as many per example."
            )
        rows.append(row.reshape(count))
    return np.array(rows, np.float32)


def cosine_targets(labels: Iterable[Any]) -> np.ndarray:
    """Labels of N pairs as the cosines (N, 1) that are wanted.

    Raises:
        DataError: at the first one that is no number from -1 to 1.

    Example:
        >>> cosine_targets([0.5, 5])
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Example 1 has the label 5; scale the labels to between -1 and 1.
    """
    targets = real_targets(labels)
    for index, value in enumerate(targets[:, 0]):
        if abs(value) > 1:
            raise DataError(
                f"Example {index} has the label {value:g}; scale the labels to between -1 and 1."
            )
    return targets


def _number_of(classes: int | Sequence[str]) -> int:
    return classes if isinstance(classes, int) else len(classes)


def _is_list(label: Any) -> bool:
    return isinstance(label, list | tuple | set | np.ndarray)


def _id_finder(classes: int | Sequence[str]) -> Callable[[int, Any], int]:
    """Returns a function from an example's index and its label to the label's id."""
    count = _number_of(classes)
    ids = {} if isinstance(classes, int) else {name: i for i, name in enumerate(classes)}
    allowed = f"the ids 0..{count - 1}" + (f" of {', '.join(ids)}" if ids else "")

    def class_id(index: int, label: Any) -> int:
        is_name = ids and isinstance(label, str)
        found = ids.get(label, -1) if is_name else _as_whole_number(label)
        if not 0 <= found < count:
            raise DataError(
                f"Example {index} has the label {label!r}; the classes are "
                f"{textwrap.shorten(allowed, 300)}."
            )
        return found

    return class_id


def _as_whole_number(label: Any) -> int:
    try:
        number = float(label)
    except (TypeError, ValueError):
        return -1
    return int(number) if number.is_integer() else -1


def _checked_rows(rows: np.ndarray, count: int) -> np.ndarray:
    if rows.ndim != 2 or rows.shape[1] != count:
        raise DataError(
            f"Multi-label targets have the shape (examples, {count}), not {rows.shape}."
        )
    good = np.isin(rows, (0, 1)).all(axis=1)
    if not good.all():
        index = int(np.argmin(good))
        raise DataError(f"Example {index} has the labels {rows[index]}, not only zeros and ones.")
    return rows.astype(np.float32)
