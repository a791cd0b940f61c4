"""Texts from a stream, as they arrive."""

import io
import os

import pytest

from tfzoo.binaries.texts import read_stream
from tfzoo.errors import DataError


def texts(content, form="text", **columns):
    chunks = list(read_stream(io.BytesIO(content), form, **columns))
    return [text for chunk in chunks for text in chunk.text], chunks


def test_every_line_is_a_text():
    content = "one\n\n  two \r\nthr\0ee\n中文 😀\nno newline at the end".encode()
    expected = ["one", "", "  two ", "thr\0ee", "中文 😀", "no newline at the end"]
    assert texts(content)[0] == expected
    assert texts(b"")[0] == []
    assert texts(b"\n")[0] == [""]


def test_lines_longer_than_a_block_stay_whole():
    long = "word " * 50_000
    assert texts(f"{long}\nshort\n{long}".encode())[0] == [long, "short", long]


def test_columns_of_tsv_and_fields_of_jsonl():
    _, [chunk] = texts(b"1\ta\tb\n2\tc\td\n", "tsv", text=1, text_pair=2)
    assert chunk.texts == (["a", "c"], ["b", "d"])
    _, [chunk] = texts(b'{"q": "a", "a": "b"}\n', "jsonl", text="q", text_pair="a")
    assert chunk.texts == (["a"], ["b"])


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (b"fine\n\xff\xfe\n", "text", "line 2 of the input is not UTF-8"),
        (b"a\tb\n", "tsv", "line 1 of the input: there is no column 'text', only 0, 1"),
        (b'{"text": 3}\n', "jsonl", "line 1 of the input: column 'text' holds int"),
        (b'{"text": "a"}\n{"text":\n', "jsonl", "line 2 of the input is not valid JSON"),
        (b"[1]\n", "jsonl", "line 1 of the input is not a JSON object"),
        (b"[" * 100_000, "jsonl", "line 1 of the input is not valid JSON"),
    ],
)
def test_a_wrong_line_is_named(content, form, message):
    with pytest.raises(DataError, match=message):
        texts(content, form)


def test_lines_are_handed_on_before_the_stream_ends():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as pipe:
        chunks = read_stream(stream, "text")
        pipe.write(b"one\ntwo\nthr")
        assert next(chunks).text == ["one", "two"]
        pipe.write(b"ee\n")
        assert next(chunks).text == ["three"]
