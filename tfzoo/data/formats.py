"""File formats and TFDS, each read into records."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfzoo.data.records import Record
from tfzoo.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def file_records(path: Path, delimiter: str | None, header: bool) -> Iterator[Record]:
    """Reads the records of a file, whose name (or a delimiter) says the format."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    suffix = path.suffix.lower()
    if delimiter or suffix in _DELIMITERS:
        return _delimited_records(path, delimiter or _DELIMITERS[suffix], header)
    if suffix == ".jsonl":
        return _json_records(path)
    if suffix == ".txt":
        return _text_records(path)
    if suffix.startswith(".tfrecord"):  # or .tfrecords, .tfrecord-00000-of-00002
        return _tfrecord_records(path)
    raise DataError(
        f"{path} has an unknown format; known are .csv, .tsv, .jsonl, .txt and .tfrecord, and any "
        "file with columns if a delimiter is given."
    )


def tfds_records(source: str) -> tuple[dict[str, Any], Iterator[Record]]:
    """Prepares a TFDS split, `tfds:name/config:split`; returns its features and its records."""
    import tensorflow_datasets as tfds

    parts = re.fullmatch(r"tfds:([^:]+(?::[\d.*]+)?):(.+)", source)  # a name may have a version
    if not parts:
        raise DataError(f"{source} needs a name and a split, such as tfds:glue/sst2:train.")
    try:
        builder = tfds.builder(parts[1])
        builder.download_and_prepare()
        dataset = builder.as_dataset(split=parts[2])
    except Exception as error:  # TFDS documents none, and has many
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"TFDS cannot provide {source}: {reason}") from error
    examples = enumerate(tfds.as_numpy(dataset))
    return dict(builder.info.features.items()), (
        Record(f"{source}, example {i}", {key: _plain(value) for key, value in example.items()})
        for i, example in examples
    )


def _delimited_records(path: Path, delimiter: str, header: bool) -> Iterator[Record]:
    rows = _quoted_rows(path) if delimiter == "," else _unquoted_rows(path, delimiter)
    if not rows:
        return
    names = rows.pop(0)[1] if header else range(len(rows[0][1]))
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(
                f"{path}, line {line} has {len(row)} columns instead of {len(names)}; is the "
                f"delimiter {delimiter!r} part of a text?"
            )
        yield Record(f"{path}, line {line}", dict(zip(names, row, strict=True)))


def _quoted_rows(path: Path) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_content(path), newline=""), strict=True)
    limit = csv.field_size_limit(2**31 - 1)
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num} is not valid CSV ({error}); double the quotes inside "
            "a quoted text."
        ) from None
    finally:
        csv.field_size_limit(limit)


def _unquoted_rows(path: Path, delimiter: str) -> list[tuple[int, list[str]]]:
    return [(number, line.split(delimiter)) for number, line in file_lines(path) if line]


def _json_records(path: Path) -> Iterator[Record]:
    for number, line in file_lines(path):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{path}, line {number} is not valid JSON ({error}).") from None
        if not isinstance(fields, dict):
            raise DataError(f"{path}, line {number} is not a JSON object in braces.")
        yield Record(f"{path}, line {number}", fields)


def _text_records(path: Path) -> Iterator[Record]:
    for number, line in file_lines(path):
        yield Record(f"{path}, line {number}", {"text": line})


def _tfrecord_records(path: Path) -> Iterator[Record]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    number = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            fields = {key: _feature(value) for key, value in example.features.feature.items()}
            yield Record(f"{path}, record {number}", fields)
            number += 1
    except (tf.errors.DataLossError, DecodeError):
        raise DataError(
            f"{path} is damaged: its record {number} is not a whole tf.train.Example."
        ) from None


def _feature(feature: Any) -> Any:
    """The value of a `tf.train.Feature`, or the list of its values."""
    kind = feature.WhichOneof("kind")
    values = [_plain(value) for value in getattr(feature, kind).value] if kind else []
    return values[0] if len(values) == 1 else values or None


def _plain(value: Any) -> Any:
    """Bytes as text if they are UTF-8, arrays as lists, also inside of others; else unchanged."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    return value


def file_lines(path: Path) -> list[tuple[int, str]]:
    r"""The numbered lines of a text file; only "\n" and "\r\n" end one."""
    content = _content(path)
    lines = content.removesuffix("\n").split("\n") if content else []
    return [(number, line.removesuffix("\r")) for number, line in enumerate(lines, 1)]


def _content(path: Path) -> str:
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line} is not UTF-8; convert the file to UTF-8.") from None
