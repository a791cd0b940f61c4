"""The three parts of an experiment's data."""

from typing import Any

from ml_collections import ConfigDict

from tfzoo.data import Examples, drop_duplicates, read_examples, split_examples
from tfzoo.errors import DataError
from tfzoo.weights.resolve import resolve

_PARTS = ("train", "validation", "test")


def read_source(source: str, **columns: Any) -> Examples:
    """Reads the examples of a local file, of any handle that stands for a file, or of TFDS.

    Args:
        source: a path, a handle, or `tfds:name/config:split`.
        columns: those of `tfzoo.data.read_examples`.

    Raises:
        HandleError: there is no such source.
        DataError: it cannot be read.
    """
    return read_examples(source if source.startswith("tfds:") else resolve(source), **columns)


def read_splits(data: ConfigDict) -> dict[str, Examples]:
    """Reads the parts that have a source of their own, and splits the others off from `train`.

    Args:
        data: the section of this name in `tfzoo.binaries.config.default_config`.

    Returns:
        `train`, `validation` and `test`.

    Raises:
        HandleError: there is no such source.
        DataError: it cannot be read, or a part has no examples.
    """
    names = ("text", "text_pair", "label", "weight", "delimiter")
    columns = {name: data[name] for name in names}
    parts = {name: read_source(data[name], **columns) for name in _PARTS if data[name]}
    if data.drop_duplicates:
        parts = {name: drop_duplicates(examples) for name, examples in parts.items()}
    split = ["train", *(name for name in _PARTS if name not in parts)]
    shares = [data.fractions[_PARTS.index(name)] for name in split]
    fractions = [share / sum(shares) for share in shares]
    parts |= zip(split, split_examples(parts["train"], fractions), strict=True)
    for name, examples in parts.items():
        if not examples:
            raise DataError(
                f"No examples are left for {name}: {data.train} has too few to be split by "
                f"{data.fractions}; give config.data.{name} a source of its own."
            )
    return parts
