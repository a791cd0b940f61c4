"""From the tensors of a source to a model's variables and back, along a table of names."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.weights.names import Row, Table, respelled
from tfzoo.weights.tensors import Spec, Tensors, listed


class Variable(Protocol):
    """What is needed of a `keras.Variable`; `numpy.asarray` gives its value."""

    shape: tuple[int, ...]

    def assign(self, value: np.ndarray) -> object: ...


@dataclass(frozen=True)
class Match:
    """How a model and a source fit each other.

    Args:
        rows: path of ours -> where the source has it, for those that it has completely.
        absent: optional paths of ours that the source does not have.
        missing: names that the source should have, and has not.
        unexpected: names in the source that nothing asks for.
        ignored: such names that may be left unread.
        differing: what is wrong with names that have another shape or dtype.
    """

    rows: Mapping[str, Row]
    absent: list[str]
    missing: list[str]
    unexpected: list[str]
    ignored: list[str]
    differing: list[str]

    def check(self, path: Path) -> None:
        """Raises a WeightsError that lists what does not fit in the source at `path`."""
        problems = {
            "missing": [repr(name) for name in self.missing],
            "unexpected": [repr(name) for name in self.unexpected],
            "of another shape or dtype": self.differing,
        }
        if any(problems.values()):
            found = "; ".join(f"{len(p)} {what}: {listed(p)}" for what, p in problems.items() if p)
            raise WeightsError(
                f"{path} does not fit the model, so nothing was loaded ({found}); build the model "
                "with the family and the sizes of these weights, or choose others."
            )


def match(shapes: Mapping[str, tuple[int, ...]], table: Table, specs: Mapping[str, Spec]) -> Match:
    """Compares every name and shape of a model with those of a source.

    Args:
        shapes: path -> shape of every variable that is to be loaded.
        table: where the source keeps them.
        specs: what the source has.

    Raises:
        WeightsError: the format has no name for a variable.
    """
    rows = _respelled(_rows(shapes, table), table.spellings, specs)
    found = {path: row for path, row in rows.items() if specs.keys() >= set(row.names)}
    absent = [path for path in rows if path not in found and _may_lack(path, table, found)]
    asked = {path: row for path, row in rows.items() if path not in absent}
    known = [name for row in asked.values() for name in row.names]
    spare = sorted(set(specs) - set(known))
    ignored = [name for name in spare if _matches(name, table.ignore)]
    return Match(
        rows=found,
        absent=absent,
        missing=[name for name in known if name not in specs],
        unexpected=[name for name in spare if name not in ignored],
        ignored=ignored,
        differing=list(_differing(shapes, asked, specs)),
    )


def load(variables: Mapping[str, Variable], table: Table, tensors: Tensors) -> None:
    """Assigns the tensors of a source to variables, one at a time, or none if anything is amiss.

    Optional variables that the source does not have are left as they were.

    Args:
        variables: path -> variable, every variable that is to be loaded.
        table: where the source keeps them.
        tensors: the source.

    Raises:
        WeightsError: names or shapes differ, and nothing was assigned; or the file is damaged.

    Example:
        >>> import pathlib, tempfile, safetensors.numpy, keras
        >>> from tfzoo.weights.names import transpose
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> safetensors.numpy.save_file({"fc.weight": np.ones((2, 3), "float32")}, path)
        >>> from tfzoo.weights.safetensors_file import SafetensorsFile
        >>> kernel = keras.Variable(np.zeros((3, 2)))
        >>> table = Table(("dense/kernel", "fc.weight", transpose))
        >>> load({"dense/kernel": kernel}, table, SafetensorsFile(path))
        >>> float(kernel[0, 0])
        1.0
    """
    shapes = {path: tuple(variable.shape) for path, variable in variables.items()}
    found = match(shapes, table, tensors.specs)
    found.check(tensors.path)
    for path, row in found.rows.items():
        variables[path].assign(row.read([tensors.read(name) for name in row.names]))


def export(variables: Mapping[str, Any], table: Table) -> Iterator[tuple[str, np.ndarray]]:
    """Yields variables under the names and in the layout of another format, the inverse of `load`.

    Args:
        variables: path -> variable.
        table: the format.

    Raises:
        WeightsError: the format has no name for a variable.

    Example:
        >>> import keras
        >>> from tfzoo.weights.names import transpose
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
            f"({listed(nameless)}); choose another format, or write less of the model, such as its "
            "backbone."
        )
    return rows


def _respelled(
    rows: dict[str, Row], spellings: tuple[dict[str, str], ...], known: Collection[str]
) -> dict[str, Row]:
    """The rows in the combination of spellings that finds most names among those known.

    Where a source has both spellings, it is the other than the table's own.
    """
    combinations = itertools.product(*((spelling, {}) for spelling in spellings))
    candidates = (
        {path: _replaced(row, chosen) for path, row in rows.items()} for chosen in combinations
    )
    return max(
        candidates,
        key=lambda rows: sum(name in known for row in rows.values() for name in row.names),
    )


def _replaced(row: Row, chosen: tuple[dict[str, str], ...]) -> Row:
    names = row.names
    for spelling in chosen:
        names = tuple(respelled(name, spelling) for name in names)
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
    shapes: Mapping[str, tuple[int, ...]], rows: dict[str, Row], specs: Mapping[str, Spec]
) -> Iterator[str]:
    for path, row in rows.items():
        for name, shape in zip(row.names, row.shapes(tuple(shapes[path])), strict=True):
            spec = specs.get(name)
            is_int8 = f"{path}_scale" in shapes
            if spec and (spec.dtype != "int8" if is_int8 else spec.dtype.kind != "f"):
                yield f"{name!r} is {spec.dtype}, not {'int8' if is_int8 else 'floating point'}"
            elif spec and spec.shape != shape:
                yield f"{name!r} is {spec.shape} where the model needs {shape}"
