"""The three parts of an experiment's data."""

from typing import Any

from ml_collections import ConfigDict

from tfzoo.binaries.kinds import Kind
from tfzoo.binaries.kinds.kind import chosen
from tfzoo.data import Columns, drop_duplicates, split_examples
from tfzoo.errors import DataError
from tfzoo.weights.resolve import resolve

_PARTS = ("train", "validation", "test")


def read_source(kind: Kind, source: str, **columns: Any) -> Columns:
    """Reads the examples of a local file, of any handle that stands for a file, or of TFDS.

    Args:
        kind: of the task that they are for.
        source: a path, a handle, or `tfds:name/config:split`.
        columns: those of the kind.

    Raises:
        HandleError: there is no such source.
        DataError: it cannot be read.
    """
    return kind.read(local(source), **columns)


def local(source: str) -> str:
    """The path of a file, which a handle may stand for; the name of a TFDS split as it is.

    Raises:
        HandleError: there is no such file.
    """
    return source if source.startswith("tfds:") else str(resolve(source))


def read_splits(kind: Kind, data: ConfigDict) -> dict[str, Columns]:
    """Reads the parts that have a source of their own, and splits the others off from `train`.

    Args:
        kind: of the task that they are for.
        data: the section of this name in `tfzoo.binaries.config.default_config`.

    Returns:
        `train`, `validation` and `test`.

    Raises:
        HandleError: there is no such source.
        DataError: it cannot be read, or a part has no examples.
        ConfigError: a column is named that such data do not have, or they cannot be split.
    """
    columns = chosen(kind.columns, data, "config.data.")
    parts = {name: read_source(kind, data[name], **columns) for name in _PARTS if data[name]}
    if data.drop_duplicates:
        parts = {name: drop_duplicates(examples) for name, examples in parts.items()}
    split = ["train", *(name for name in _PARTS if name not in parts)]
    if len(split) > 1:
        shares = [data.fractions[_PARTS.index(name)] for name in split]
        fractions = [share / sum(shares) for share in shares]
        whole = parts["train"]
        parts |= zip(split, split_examples(whole, fractions, kind.groups(whole)), strict=True)
    for name, examples in parts.items():
        if not examples:
            raise DataError(
                f"No examples are left for {name}: {data.train} has too few to be split by "
                f"{data.fractions}; give config.data.{name} a source of its own."
            )
    return parts
