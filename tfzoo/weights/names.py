"""The names that a family's variables have in other formats: a table that reads and writes.

A family states each format once, row by row:

    Table(
        ("layer_{i}/qkv/{kernel,bias}", "layer.{i}.{query+key+value}.{weight,bias}", transpose),
        ("layer_{i}/norm/{gamma,beta}", "layer.{i}.LayerNorm.{weight,bias}"),
    )

On the left is the path of our variable, on the right the name of theirs, last the transform
(`same` where there is none). `{i}`, or any other single word, stands for a number. `{kernel,bias}`
makes one row of each pair. `{query+key+value}` joins several of theirs along our last axis.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Transform:
    """A reversible change of layout between a tensor of theirs and ours.

    Args:
        read: theirs -> ours.
        write: ours -> theirs, its exact inverse.
    """

    read: Callable[[np.ndarray], np.ndarray]
    write: Callable[[np.ndarray], np.ndarray]


same = Transform(read=np.asarray, write=np.asarray)
# The axes in reverse order: a vector stays as it is, so the bias can share the row of its kernel.
transpose = Transform(read=np.transpose, write=np.transpose)


def split_heads(num_heads: int, axis: int = -1) -> Transform:
    """For formats where an axis of ours, (heads * head), is two axes, (heads, head).

    Args:
        num_heads: the number of heads.
        axis: the axis of ours, 0 or -1.

    Example:
        >>> split_heads(num_heads=2).write(np.zeros((6, 8))).shape
        (6, 2, 4)
        >>> split_heads(num_heads=2, axis=0).read(np.zeros((2, 4, 6))).shape
        (8, 6)
    """

    def read(array: np.ndarray) -> np.ndarray:
        shape = array.shape
        return array.reshape(*shape[:-2], -1) if axis else array.reshape(-1, *shape[2:])

    def write(array: np.ndarray) -> np.ndarray:
        shape = array.shape
        split = (*shape[:-1], num_heads, -1) if axis else (num_heads, -1, *shape[1:])
        return array.reshape(split)

    return Transform(read, write)


@dataclass(frozen=True)
class Row:
    """Where one variable of ours is found in their format.

    Args:
        names: their names; several are joined along the last axis of ours.
        transform: applied to each of them.
    """

    names: tuple[str, ...]
    transform: Transform

    def read(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Makes our array of theirs, in the order of `names`."""
        parts = [self.transform.read(array) for array in arrays]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def write(self, array: np.ndarray) -> list[np.ndarray]:
        """Makes their arrays of ours, in the order of `names`."""
        parts = [array] if len(self.names) == 1 else np.split(array, len(self.names), axis=-1)
        return [self.transform.write(part) for part in parts]

    def shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shapes that theirs have when ours has `shape`."""
        stand_in = np.broadcast_to(np.float32(0), shape)  # no memory behind it
        return [array.shape for array in self.write(stand_in)]


def under(ours: str, theirs: str, *rows: tuple) -> list[tuple]:
    """Rows of a table below common prefixes.

    Example:
        >>> under("encoder/", "bert.encoder.", ("norm/gamma", "LayerNorm.weight"))
        [('encoder/norm/gamma', 'bert.encoder.LayerNorm.weight')]
    """
    return [(ours + path, theirs + name, *transform) for path, name, *transform in rows]


class Table:
    """The names of a family's variables in one foreign format. Tables add up: `encoder + head`.

    Args:
        *rows: `(ours, theirs)` or `(ours, theirs, transform)`, in the notation of this module.
        ignore: patterns (`fnmatch`) of their names that may be left unread.
        optional: patterns of our paths that may be left as they are, where the source has none of
            the variables that the pattern matches.
        spellings: replacements, `{ours: theirs}`, each of which a source may have made in all of
            its names. Writing makes none.

    Example:
        >>> table = Table(
        ...     ("encoder/layer_{i}/output/{kernel,bias}", "h.{i}.{weight,bias}", transpose),
        ...     spellings=[{"h.": "model.h."}],
        ... )
        >>> table.row("encoder/layer_11/output/kernel").names
        ('h.11.weight',)
    """

    def __init__(
        self,
        *rows: tuple[str, str] | tuple[str, str, Transform],
        ignore: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
        spellings: tuple[dict[str, str], ...] = (),
    ):
        self.rows = rows
        self.ignore = tuple(ignore)
        self.optional = tuple(optional)
        self.spellings = tuple(spellings)
        self._expanded = [expanded for row in rows for expanded in _expanded(*row)]

    def __add__(self, other: "Table") -> "Table":
        return Table(
            *self.rows,
            *other.rows,
            ignore=self.ignore + other.ignore,
            optional=self.optional + other.optional,
            spellings=self.spellings
            + tuple(spelling for spelling in other.spellings if spelling not in self.spellings),
        )

    def row(self, path: str) -> Row | None:
        """The row for one of our variables, with its numbers filled in; None if there is none."""
        for pattern, names, transform in self._expanded:
            if found := re.fullmatch(pattern, path):
                numbers = {key: int(value) for key, value in found.groupdict().items()}
                return Row(tuple(name.format(**numbers) for name in names), transform)
        return None

    def among(self, names: Iterable[str]) -> set[str]:
        """Those of a source's names that are this table's, in every spelling."""
        known = {name for _, theirs, _ in self._expanded for name in theirs}
        for spelling in self.spellings:
            known |= {respelled(name, spelling) for name in known}
        pattern = re.compile("|".join(_numbered(name, r"\\d+") for name in known))
        return {name for name in names if pattern.fullmatch(name)}


class Identity(Table):
    """The table of tfzoo's own presets, where every variable has its path for a name.

    Example:
        >>> Identity().row("pooler/dense/bias").names
        ('pooler/dense/bias',)
    """

    def row(self, path: str) -> Row:
        return Row((path,), same)


def respelled(name: str, spelling: dict[str, str]) -> str:
    """A name with the replacements of one spelling."""
    for old, new in spelling.items():
        name = name.replace(old, new)
    return name


def _expanded(ours: str, theirs: str, transform: Transform = same) -> Iterator[tuple]:
    """The pairs that a row stands for, each a regular expression, names and the transform."""
    for path, name in zip(_spread(ours, ","), _spread(theirs, ","), strict=True):
        yield _numbered(path, r"(?P<\1>\\d+)"), _spread(name, "+"), transform


def _numbered(text: str, number: str) -> str:
    """A regular expression for a path or a name, with one for a number in place of `{i}`."""
    return re.sub(r"\\{(\w+)\\}", number, re.escape(text))


def _spread(text: str, separator: str) -> list[str]:
    """`a/{b,c}` -> `a/b`, `a/c`."""
    group = re.search(rf"{{([^{{}}]*[{separator}][^{{}}]*)}}", text)
    if not group:
        return [text]
    return [text.replace(group[0], choice) for choice in group[1].split(separator)]
