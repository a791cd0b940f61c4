"""Settings of samplers: whether they are numbers in range."""

from collections.abc import Callable
from numbers import Real
from typing import Any

from tfzoo.errors import ConfigError


def check_count(name: str, value: Any) -> None:
    """Checks that a setting is a number of things.

    Raises:
        ConfigError: it is no whole number, or below 1.
    """
    if type(value) is not int or value < 1:
        raise ConfigError(f"{name} is {value!r:.60}; give a whole number from 1 on.")


def check_number(name: str, value: Any, is_right: Callable[[Any], bool], wanted: str) -> None:
    """Checks that a setting is a number in range.

    Args:
        name: of the setting.
        value: what a user gave.
        is_right: whether a number is in range.
        wanted: what should have been given.

    Raises:
        ConfigError: it is no number, or out of range.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not is_right(value):
        raise ConfigError(f"{name} is {value!r:.60}; give {wanted}.")
