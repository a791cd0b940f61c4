"""Rows in TFRecord files of `tf.train.Example`s, whose features are lists of integers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from tfzoo.data.rows import Rows
from tfzoo.errors import ConfigError


@dataclass(frozen=True)
class Shard:
    """One file of rows.

    Attributes:
        name: of the file.
        documents: how many it is made of.
        rows: how many it holds.
        tokens: how many of theirs are no padding.
        bytes: its size.
    """

    name: str
    documents: int
    rows: int
    tokens: int
    bytes: int


def write_records(path: Path, rows: Iterable[Rows], documents: int) -> Shard:
    """Writes rows of `documents` documents to a file.

    Raises:
        ConfigError: it cannot be written.
    """
    count = tokens = 0
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for some in rows:
                for record in serialized(some):
                    writer.write(record)
                count += len(some["token_ids"])
                tokens += int(some["padding_mask"].sum())
    except tf.errors.OpError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.message:.200}); free some space, or choose another "
            "folder."
        ) from None
    return Shard(path.name, documents, count, tokens, path.stat().st_size)


def serialized(rows: Rows) -> Iterable[bytes]:
    """Each row as a `tf.train.Example`."""
    columns = {name: column.tolist() for name, column in rows.items()}
    for values in zip(*columns.values(), strict=True):
        example = tf.train.Example()
        for name, value in zip(columns, values, strict=True):
            numbers = value if isinstance(value, list) else [value]
            example.features.feature[name].int64_list.value.extend(numbers)
        yield example.SerializeToString(deterministic=True)


def parsed(records: tf.Tensor, features: Mapping[str, int | None]) -> dict[str, tf.Tensor]:
    """A batch of (B,) records as int32 tensors.

    Args:
        records: (B,) strings.
        features: name -> how many integers it has, for (B, width); None is one number, for (B,).
    """
    spec = {
        name: tf.io.FixedLenFeature([] if width is None else [width], tf.int64)
        for name, width in features.items()
    }
    return {
        name: tf.cast(column, tf.int32)
        for name, column in tf.io.parse_example(records, spec).items()
    }
