"""Texts that arrive on a stream, a line each, handed on as soon as they are there."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from tfzoo.data import Examples
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError

FORMATS = ("text", "tsv", "jsonl")

_BLOCK = 2**16  # bytes: as much as a pipe holds


def read_stream(
    stream: BinaryIO, form: str, text: Column = "text", text_pair: Column | None = None
) -> Iterator[Examples]:
    r"""Reads texts from a stream, in chunks of the lines that have arrived.

    So a slow writer gets its answers line by line, and a fast one is answered in large batches.

    Args:
        stream: UTF-8.
        form: "text" (a line is a text, in the column "text"), "tsv" (columns are indices from 0)
            or "jsonl" (a line is an object).
        text: column of the text.
        text_pair: column of the second text, of pairs.

    Raises:
        DataError: a line is not as stated; it says which one.

    Example:

    >>> import io
    >>> [chunk.text for chunk in read_stream(io.BytesIO(b"one\ntwo\n"), "text")]
    [['one', 'two']]
    """
    number = 0
    for lines in _arrived_lines(stream):
        records = []
        for line in lines:
            number += 1
            where = f"line {number} of the input"
            records.append(Record(where, _fields(form, line.removesuffix(b"\r"), where)))
        pairs = None
        if text_pair is not None:
            pairs = [record.text(text_pair) for record in records]
        yield Examples([record.text(text) for record in records], pairs)


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
