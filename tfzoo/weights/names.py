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

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import Spec, Tensors, listed


class Variable(Protocol):
    """What is needed of a `keras.Variable`; `numpy.asarray` gives its value."""

    shape: tuple[int, ...]

    def assign(self, value: np.ndarray) -> object: ...


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


def load(variables: Mapping[str, Variable], table: Table, tensors: Tensors) -> list[str]:
    """Assigns the tensors of a source to variables, one at a time, or none if anything is amiss.

    Args:
        variables: path -> variable, every variable that is to be loaded.
        table: where the source keeps them.
        tensors: the source.

    Returns:
        The paths of optional variables that the source does not have; they are as they were.

    Raises:
        WeightsError: names or shapes differ, and nothing was assigned; or the file is damaged.

    Example:
        >>> import pathlib, tempfile, safetensors.numpy, keras
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> safetensors.numpy.save_file({"fc.weight": np.ones((2, 3), "float32")}, path)
        >>> from tfzoo.weights.safetensors_file import SafetensorsFile
        >>> kernel = keras.Variable(np.zeros((3, 2)))
        >>> table = Table(("dense/kernel", "fc.weight", transpose))
        >>> load({"dense/kernel": kernel}, table, SafetensorsFile(path))
        []
        >>> float(kernel[0, 0])
        1.0
    """
    specs = tensors.specs
    rows = _respelled(_rows(variables, table), table.spellings, specs)
    found = {path: row for path, row in rows.items() if specs.keys() >= set(row.names)}
    untouched = [path for path in rows if path not in found and _may_lack(path, table, found)]
    asked = {path: row for path, row in rows.items() if path not in untouched}
    known = [name for row in asked.values() for name in row.names]
    spare = sorted(set(specs) - set(known))
    problems = {
        "missing": [repr(name) for name in known if name not in specs],
        "unexpected": [repr(name) for name in spare if not _matches(name, table.ignore)],
        "of another shape or dtype": list(_differing(variables, asked, specs)),
    }
    if any(problems.values()):
        raise _misfit(tensors.path, problems)
    for path, row in found.items():
        variables[path].assign(row.read([tensors.read(name) for name in row.names]))
    return untouched


def export(variables: Mapping[str, Variable], table: Table) -> Iterator[tuple[str, np.ndarray]]:
    """Yields variables under the names and in the layout of another format, the inverse of `load`.

    Args:
        variables: path -> variable.
        table: the format.

    Raises:
        WeightsError: the format has no name for a variable.

    Example:
        >>> import keras
        >>> table = Table(("dense/{kernel,bias}", "fc.{weight,bias}", transpose))
        >>> for name, array in export({"dense/kernel": keras.Variable(np.ones((3, 2)))}, table):
        ...     print(name, array.shape)
        fc.weight (2, 3)
    """
    for path, row in _rows(variables, table).items():
        arrays = row.write(np.asarray(variables[path]))
        for name, array in zip(row.names, arrays, strict=True):
            yield name, np.asarray(array, order="C")


def _rows(paths: Iterable[str], table: Table) -> dict[str, Row]:
    rows = {path: table.row(path) for path in paths}
    if nameless := [path for path, row in rows.items() if row is None]:
        raise WeightsError(
            f"The format has no name for {len(nameless)} of the model's variables "
            f"({listed(nameless)}); choose another format, or leave these variables out."
        )
    return rows


def _respelled(
    rows: dict[str, Row], spellings: tuple[dict[str, str], ...], known: Collection[str]
) -> dict[str, Row]:
    """The rows in the combination of spellings that finds most names among those known."""
    combinations = itertools.product(*(({}, spelling) for spelling in spellings))
    candidates = (
        {path: _replaced(row, replacements) for path, row in rows.items()}
        for replacements in combinations
    )
    return max(
        candidates,
        key=lambda rows: sum(name in known for row in rows.values() for name in row.names),
    )


def _replaced(row: Row, replacements: tuple[dict[str, str], ...]) -> Row:
    names = row.names
    for old, new in itertools.chain.from_iterable(each.items() for each in replacements):
        names = tuple(name.replace(old, new) for name in names)
    return Row(names, row.transform)


def _may_lack(path: str, table: Table, found: Iterable[str]) -> bool:
    """Whether the path is optional, and nothing that is optional together with it was found."""
    return any(
        fnmatchcase(path, pattern) and not any(fnmatchcase(other, pattern) for other in found)
        for pattern in table.optional
    )


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _differing(
    variables: Mapping[str, Variable], rows: dict[str, Row], specs: Mapping[str, Spec]
) -> Iterator[str]:
    for path, row in rows.items():
        for name, shape in zip(row.names, row.shapes(tuple(variables[path].shape)), strict=True):
            spec = specs.get(name)
            if spec and spec.dtype.kind != "f":
                yield f"{name!r} is {spec.dtype}, not floating point"
            elif spec and spec.shape != shape:
                yield f"{name!r} is {spec.shape} where the model needs {shape}"


def _misfit(path: Path, problems: dict[str, list[str]]) -> WeightsError:
    found = "; ".join(f"{len(p)} {what}: {listed(p)}" for what, p in problems.items() if p)
    return WeightsError(
        f"{path} does not fit the model, so nothing was loaded ({found}); "
        "build the model with the family and the sizes of these weights, or choose others."
    )


def _expanded(ours: str, theirs: str, transform: Transform = same) -> Iterator[tuple]:
    """The pairs that a row stands for, each a regular expression, names and the transform."""
    for path, name in zip(_spread(ours, ","), _spread(theirs, ","), strict=True):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(path))
        yield pattern, _spread(name, "+"), transform


def _spread(text: str, separator: str) -> list[str]:
    """`a/{b,c}` -> `a/b`, `a/c`."""
    group = re.search(rf"{{([^{{}}]*[{separator}][^{{}}]*)}}", text)
    if not group:
        return [text]
    return [text.replace(group[0], choice) for choice in group[1].split(separator)]
