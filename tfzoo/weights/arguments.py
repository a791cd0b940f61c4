"""Constructor arguments from a file, which may be anybody's."""

import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import keras

from tfzoo.errors import WeightsError
from tfzoo.signatures import constructor_parameters
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import listed

_MAX_SIZE = 2**24
_MAX_LAYERS = {"num_layers": 300, "num_groups": 300, "num_inner_repetitions": 4}
_OF_EVERY_MODEL = {"name": str, "trainable": bool, "quantization": str}


def check_arguments(cls: type, arguments: Mapping[str, Any], source: Source) -> None:
    """Checks that a class has such arguments, that the values are of their types and can be meant.

    Args:
        cls: its constructor's annotations are the types.
        arguments: name -> value.
        source: where they come from.

    Raises:
        WeightsError: names the arguments that are wrong.
    """
    wrong = [name for name, value in arguments.items() if not has_argument(cls, name, value)]
    if wrong:
        raise WeightsError(
            f"{source.folder} states what no {cls.__name__} can have "
            f"({listed([f'{name} {arguments[name]!r:.80}' for name in sorted(wrong)])}); upgrade "
            "tfzoo, or save the preset again."
        )


def has_argument(cls: type, name: str, value: object) -> bool:
    """Whether a class's constructor has an argument of this name, and it may have the value.

    >>> from tfzoo import BertBackbone
    >>> has_argument(BertBackbone, "num_heads", 12), has_argument(BertBackbone, "num_heads", "12")
    (True, False)
    """
    known = {name: p.annotation for name, p in constructor_parameters(cls).items()}
    if issubclass(cls, keras.Model):
        known |= _OF_EVERY_MODEL
    return name in known and _is_of(value, known[name]) and is_plausible(name, value)


def is_plausible(name: str, value: object) -> bool:
    """Whether a setting of this name, of the right type, can have the value in any model.

    >>> is_plausible("hidden_dim", 768), is_plausible("hidden_dim", 10**9)
    (True, False)
    >>> is_plausible("dropout", 0.1), is_plausible("dropout", 5.0)
    (True, False)
    """
    if name == "quantization":
        return value == "int8"
    if isinstance(value, str):
        return name != "name" or (value != "" and "/" not in value)
    if value is None or isinstance(value, bool | list | dict):
        return True
    if name in ("dropout", "layer_norm_epsilon"):
        return 0 <= value < 1
    if isinstance(value, int):
        smallest = 0 if name == "num_segments" else 1
        return smallest <= value <= _MAX_LAYERS.get(name, _MAX_SIZE)
    return True


def is_number(value: object) -> bool:
    """Whether a value is a finite number.

    >>> is_number(1), is_number(True), is_number(float("nan")), is_number(10**400)
    (True, False, False, False)
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_of(value: object, kind: Any) -> bool:
    """Whether a JSON value is of an annotated type; what JSON cannot be is refused."""
    if isinstance(kind, types.UnionType):
        return any(_is_of(value, each) for each in typing.get_args(kind))
    if kind in (None, types.NoneType):
        return value is None
    if typing.get_origin(kind) is list:
        (item,) = typing.get_args(kind)
        return isinstance(value, list) and all(_is_of(each, item) for each in value)
    if kind is float:
        return is_number(value)
    return kind in (int, str, bool) and type(value) is kind
