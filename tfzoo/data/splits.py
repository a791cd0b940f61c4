"""Splits that depend on nothing but the texts: the same on every machine, in any order."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol, Self

from tfzoo.errors import ConfigError


class Columns(Protocol):
    """Examples as columns, of one kind or another, such as `tfzoo.data.Examples`.

    Attributes:
        texts: what a model takes: N texts or lists of words, or a tuple of several such columns.
    """

    texts: Any

    def __len__(self) -> int: ...

    def take(self, indices: Sequence[int]) -> Self:
        """Returns the examples at these indices, in this order."""


def drop_duplicates(examples: Columns) -> Columns:
    """Keeps the first of the examples that have the same text (and second text).

    Example:
        >>> from tfzoo.data import Examples
        >>> drop_duplicates(Examples(["a", "b", "a"], label=[1, 2, 3])).label
        [1, 2]
    """
    first = {}
    for index, key in enumerate(_keys(examples)):
        first.setdefault(key, index)
    return examples.take(list(first.values()))


def split_examples(
    examples: Columns,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    by: Sequence[str] | None = None,
) -> tuple[Columns, ...]:
    """Splits examples by the SHA-256 of their texts, so that equal texts fall together.

    Args:
        examples: what to split; `drop_duplicates` first, unless duplicates shall weigh more.
        fractions: the expected share of each part; they sum to 1.
        by: N strings in place of the texts, of which equal ones fall together.

    Returns:
        As many parts as there are fractions, each in the order of `examples`.

    Raises:
        ConfigError: if a fraction is not positive or they do not sum to 1.

    Example:
        >>> from tfzoo.data import Examples
        >>> examples = Examples([f"text {i}" for i in range(1000)])
        >>> [len(part) for part in split_examples(examples)]
        [781, 106, 113]
    """
    if min(fractions, default=0) <= 0 or not math.isclose(sum(fractions), 1):
        raise ConfigError(f"Fractions must be positive and sum to 1, not {tuple(fractions)}.")
    bounds = list(accumulate(fractions))[:-1]
    parts = [[] for _ in fractions]
    for index, key in enumerate(_keys(examples) if by is None else by):
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        position = int.from_bytes(digest[:8], "big") / 2**64
        parts[sum(position >= bound for bound in bounds)].append(index)
    return tuple(map(examples.take, parts))


def _keys(examples: Columns) -> list[str]:
    """What stands in the texts of each example."""
    texts = examples.texts
    columns = texts if isinstance(texts, tuple) else (texts,)
    return ["\0".join(_strings(row)) for row in zip(*columns, strict=True)]


def _strings(value: Any) -> Iterator[str]:
    """The strings in nested lists."""
    if isinstance(value, str):
        yield value
    else:
        for each in value:
            yield from _strings(each)
