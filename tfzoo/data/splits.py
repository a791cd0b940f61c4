"""Splits that depend on nothing but the texts: the same on every machine, in any order."""

import hashlib
import math
from collections.abc import Sequence
from itertools import accumulate

from tfzoo.data.examples import Examples
from tfzoo.errors import ConfigError


def drop_duplicates(examples: Examples) -> Examples:
    """Keeps the first of the examples that have the same text (and second text).

    Example:
        >>> drop_duplicates(Examples(["a", "b", "a"], label=[1, 2, 3])).label
        [1, 2]
    """
    first = {}
    for index, key in enumerate(_keys(examples)):
        first.setdefault(key, index)
    return examples.take(list(first.values()))


def split_examples(
    examples: Examples, fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> tuple[Examples, ...]:
    """Splits examples by the SHA-256 of their texts, so that equal texts fall together.

    Args:
        examples: what to split; `drop_duplicates` first, unless duplicates shall weigh more.
        fractions: the expected share of each part; they sum to 1.

    Returns:
        As many parts as there are fractions, each in the order of `examples`.

    Raises:
        ConfigError: if a fraction is not positive or they do not sum to 1.

    Example:
        >>> examples = Examples([f"text {i}" for i in range(1000)])
        >>> [len(part) for part in split_examples(examples)]
        [781, 106, 113]
    """
    if min(fractions, default=0) <= 0 or not math.isclose(sum(fractions), 1):
        raise ConfigError(f"Fractions must be positive and sum to 1, not {tuple(fractions)}.")
    bounds = list(accumulate(fractions))[:-1]
    parts = [[] for _ in fractions]
    for index, key in enumerate(_keys(examples)):
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        position = int.from_bytes(digest[:8], "big") / 2**64
        parts[sum(position >= bound for bound in bounds)].append(index)
    return tuple(map(examples.take, parts))


def _keys(examples: Examples) -> list[str]:
    if examples.text_pair is None:
        return examples.text
    return [f"{a}\0{b}" for a, b in zip(examples.text, examples.text_pair, strict=True)]
