"""Texts from a stream, as they arrive."""

import io
import os

import pytest

from tfzoo.binaries.texts import read_stream, stream_columns
from tfzoo.errors import ConfigError, DataError


def records(content, form="text"):
    return [each for chunk in read_stream(io.BytesIO(content), form) for each in chunk]


def texts(content, column="text", **options):
    return [record.text(column) for record in records(content, **options)]


def test_every_line_is_a_text():
    content = "one\n\n  two \r\nthr\0ee\n中文 😀\nno newline at the end".encode()
    expected = ["one", "", "  two ", "thr\0ee", "中文 😀", "no newline at the end"]
    assert texts(content) == expected
    assert texts(b"") == []
    assert texts(b"\n") == [""]


def test_lines_longer_than_a_block_stay_whole():
    long = "word " * 50_000
    assert texts(f"{long}\nshort\n{long}".encode()) == [long, "short", long]


def test_columns_of_tsv_and_fields_of_jsonl():
    rows = b"1\ta\tb\n2\tc\td\n"
    assert (texts(rows, 1, form="tsv"), texts(rows, 2, form="tsv")) == (["a", "c"], ["b", "d"])
    assert texts(b'{"q": "a", "a": "b"}\n', "a", form="jsonl") == ["b"]


def test_columns_are_those_of_the_form_unless_they_are_named():
    questions = {"text": "question", "text_pair": "context"}
    assert stream_columns(questions, "tsv", {"text": 3}) == {"text": 3, "text_pair": 1}
    assert stream_columns(questions, "jsonl", {"text_pair": "story"}) == {
        "text": "question",
        "text_pair": "story",
    }
    with pytest.raises(ConfigError, match="A line holds question and context; choose --format=tsv"):
        stream_columns(questions, "text", {})
    assert stream_columns({"text": "tokens"}, "text", {}) == {"text": "text"}
    with pytest.raises(ConfigError, match=r"--text_pair is 1, but .* no such column"):
        stream_columns({"text": "tokens"}, "tsv", {"text_pair": 1})


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
        texts(content, form=form)


def test_lines_are_handed_on_before_the_stream_ends():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as pipe:
        chunks = read_stream(stream, "text")
        pipe.write(b"one\ntwo\nthr")
        assert [each.text("text") for each in next(chunks)] == ["one", "two"]
        pipe.write(b"ee\n")
        assert [each.text("text") for each in next(chunks)] == ["three"]
