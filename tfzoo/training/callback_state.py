"""What callbacks have learnt in a `fit`, to be kept and given back."""

import collections
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tfzoo.signatures import constructor_parameters


def callback_state(
    callbacks: Iterable[keras.callbacks.Callback],
) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """The attributes of callbacks that are no constructor's.

    Args:
        callbacks: of whatever classes, several of one class too.

    Returns:
        Attributes of JSON's types by callback and name; and the arrays of those that are lists of
        arrays, such as the best weights of `EarlyStopping`, by callback, name and index.

    Example:

    >>> stopping = keras.callbacks.EarlyStopping(patience=3)
    >>> stopping.wait, stopping.best_weights = 2, [np.zeros(5)]
    >>> plain, arrays = callback_state([stopping])
    >>> plain["EarlyStopping"]["wait"], list(arrays)
    (2, ['EarlyStopping/best_weights/00000'])
    """
    plain, arrays = {}, {}
    for name, callback in _named(callbacks):
        given = {*constructor_parameters(type(callback)), "params", "_model"}
        attributes = {each: value for each, value in vars(callback).items() if each not in given}
        plain[name] = {}
        for attribute, value in attributes.items():
            if _is_arrays(value):
                path = f"{name}/{attribute}"
                arrays |= {f"{path}/{index:05d}": array for index, array in enumerate(value)}
            elif (kept := _as_json(value)) is not None or value is None:
                plain[name][attribute] = kept
    return plain, arrays


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback],
    plain: Mapping[str, Mapping[str, Any]],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Gives callbacks what `callback_state` returned; those that it does not know stay as they are.

    Args:
        callbacks: in the same order.
        plain, arrays: what `callback_state` returned.
    """
    lists = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(arrays):
        name, attribute, _ = path.split("/")
        lists[name][attribute].append(arrays[path])
    for name, callback in _named(callbacks):
        vars(callback).update({**plain.get(name, {}), **lists[name]})


def _named(
    callbacks: Iterable[keras.callbacks.Callback],
) -> Iterator[tuple[str, keras.callbacks.Callback]]:
    counts = collections.Counter()
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] += 1
        yield name if counts[name] == 1 else f"{name} {counts[name]}", callback


def _is_arrays(value: Any) -> bool:
    arrays = isinstance(value, list) and all(isinstance(each, np.ndarray) for each in value)
    return arrays and any(each.size > 1 and each.dtype.kind in "biufV" for each in value)


def _as_json(value: Any) -> Any:
    """`value` as JSON has it; None where it cannot."""
    try:
        return json.loads(json.dumps(value, default=_as_number))
    except (TypeError, ValueError):
        return None


def _as_number(value: Any) -> Any:
    return float(value)  # of NumPy and TensorFlow
