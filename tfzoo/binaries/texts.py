"""Texts that arrive on a stream, a line each, handed on as soon as they are there."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from tfzoo.binaries.kinds.kind import chosen
from tfzoo.data.records import Column, Record
from tfzoo.errors import ConfigError, DataError

FORMATS = ("text", "tsv", "jsonl")

_BLOCK = 2**16  # bytes: as much as a pipe holds


def read_stream(stream: BinaryIO, form: str) -> Iterator[list[Record]]:
    r"""Reads records from a stream, in chunks of the lines that have arrived.

    So a slow writer gets its answers line by line, and a fast one is answered in large batches.

    Args:
        stream: UTF-8.
        form: "text" (a line is a text, in the column "text"), "tsv" (columns are indices from 0)
            or "jsonl" (a line is an object).

    Raises:
        DataError: a line is not as stated; it says which one.

    Example:

    >>> import io
    >>> chunks = read_stream(io.BytesIO(b"one\ntwo\n"), "text")
    >>> [record.text("text") for chunk in chunks for record in chunk]
    ['one', 'two']
    """
    number = 0
    for lines in _arrived_lines(stream):
        records = []
        for line in lines:
            number += 1
            where = f"line {number} of the input"
            records.append(Record(where, _fields(form, line.removesuffix(b"\r"), where)))
        yield records


def stream_columns(
    asked: Mapping[str, Column | None], form: str, given: Mapping[str, Column | None]
) -> dict[str, Column]:
    """The columns of the records of a stream.

    Args:
        asked: columns by name, with their defaults in JSON; None for one that may be missing.
        form: that of `read_stream`.
        given: those that a user names.

    Raises:
        ConfigError: a line of text is not enough.

    Example:

    >>> stream_columns({"text": "question", "text_pair": "context"}, "tsv", {})
    {'text': 0, 'text_pair': 1}
    """
    needed = [name for name, default in asked.items() if default is not None]
    if form == "text" and len(needed) > 1:
        raise ConfigError(
            f"A line holds {' and '.join(asked[name] for name in needed)}; choose --format=tsv or "
            "--format=jsonl."
        )
    usual = {"text": ["text"], "tsv": range(len(needed)), "jsonl": map(asked.get, needed)}
    defaults = {**dict.fromkeys(asked), **dict(zip(needed, usual[form], strict=True))}
    return present(chosen(defaults, given, "--"))


def present(columns: Mapping[str, Column | None]) -> dict[str, Column]:
    """The columns that there are.

    Example:

    >>> present({"text": 0, "text_pair": None})
    {'text': 0}
    """
    return {name: column for name, column in columns.items() if column is not None}


def _arrived_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The whole lines that have arrived since the last ones, without waiting for more."""
    rest = b""
    while block := stream.read1(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _fields(form: str, line: bytes, where: str) -> dict[Column, Any]:
    try:
        content = line.decode("utf-8")
        if form == "text":
            return {"text": content}
        fields = dict(enumerate(content.split("\t"))) if form == "tsv" else json.loads(content)
    except UnicodeDecodeError:
        raise DataError(f"{where} is not UTF-8; convert the input to UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON ({error}).") from None
    if not isinstance(fields, dict):
        raise DataError(f"{where} is not a JSON object in braces.")
    return fields
