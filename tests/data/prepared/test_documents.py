"""Corpora read document by document."""

import csv
import gzip
import json
import random

import pytest

from tfzoo.data.prepared.documents import Corpus, find_files, split_sentences
from tfzoo.errors import ConfigError, DataError, HandleError


@pytest.fixture
def read(tmp_path):
    """A function from a file's name, content and the corpus' options to its documents."""

    def read(name, content, **options):
        content = content.encode() if isinstance(content, str) else content
        is_packed = name.lower().endswith(".gz")
        (tmp_path / name).write_bytes(gzip.compress(content) if is_packed else content)
        return list(Corpus([tmp_path / name], **options).read())

    return read


TEXT = "\n\n one \r\ntwo.\n \n\nthree"


@pytest.mark.parametrize("name", ["a.txt", "a.raw.gz", "A.TXT.GZ", "noname"])
def test_plain_text(read, name):
    assert read(name, TEXT) == [["one", "two."], ["three"]]
    assert read(name, TEXT, documents="lines") == [["one"], ["two."], ["three"]]
    assert read(name, "\ufeffone\u2028two") == [["one\u2028two"]]
    assert read(name, "\n \n") == []


def test_headings(read):
    text = " \n = Ada = \n \n She was . \n \n = = Life = = \n \n Long . \n = Bob = \n"
    documents = read("wiki.txt", text, documents="headings")
    assert documents == [["= Ada =", "She was .", "= = Life = =", "Long ."], ["= Bob ="]]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz"])
def test_json(read, name):
    text = "\n".join(json.dumps({"id": i, "body": b}) for i, b in enumerate(["a\n\nb", " ", "c"]))
    assert read(name, text, text="body") == [["a", "b"], ["c"]]
    with pytest.raises(DataError, match=r"line 1: there is no column 'text', only 'id', 'body'"):
        read(name, text)
    with pytest.raises(DataError, match="line 2 is not valid JSON"):
        read(name, '{"text": "a"}\n{"text')
    with pytest.raises(DataError, match="line 1 is not a JSON object"):
        read(name, "[]")


def test_columns(read):
    book = 100_000 * "a b "
    assert read("a.csv", f"text\n{book}\n") == [[book.strip()]]
    assert csv.field_size_limit() == 131_072
    assert read("a.csv", 'id,text\n1,"a ""b"",\nc"\n2,d\n') == [['a "b",', "c"], ["d"]]
    assert read("a.tsv.gz", 'x\t"a\ny\tb\n', text=1) == [['"a'], ["b"]]
    assert read("a.txt", "1|a\n", text=1, delimiter="|") == [["a"]]
    with pytest.raises(DataError, match="line 3 has 1 columns instead of 2"):
        read("a.csv", "id,text\n1,a\n2\n")
    with pytest.raises(DataError, match="there is no column 'text'"):
        read("a.csv", "id,body\n1,a\n")
    with pytest.raises(DataError, match="is not valid CSV"):
        read("a.csv", 'id,text\n1,"a"b\n')


def test_what_cannot_be_read(read, tmp_path):
    with pytest.raises(DataError, match=r"a\.txt, line 2 is not UTF-8"):
        read("a.txt", b"a\n\xff\n")
    (tmp_path / "a.gz").write_bytes(gzip.compress(1000 * b"abc\n")[:-12])
    with pytest.raises(DataError, match=r"a\.gz cannot be read behind line \d+ \(.*ended .*fetch"):
        list(Corpus([tmp_path / "a.gz"]).read())
    (tmp_path / "b.gz").write_bytes(b"abc")
    with pytest.raises(DataError, match=r"b\.gz cannot be read behind line 0 \(Not a gzipped"):
        list(Corpus([tmp_path / "b.gz"]).read())
    with pytest.raises(ConfigError, match="by blank_lines, headings, lines, not by 'pages'"):
        read("a.txt", TEXT, documents="pages")


def test_paths_patterns_and_folders(tmp_path):
    (tmp_path / "deep").mkdir()
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.csv", "deep/d.txt")]
    for path in paths:
        path.write_text("x")
    assert find_files([f"{tmp_path}/*.txt", str(paths[2])]) == paths[:3]
    assert find_files([f"{tmp_path}/**/*.txt"]) == [paths[0], paths[1], paths[3]]
    assert find_files([str(tmp_path)]) == paths
    with pytest.raises(DataError, match=r"No file matches .*\*\.md"):
        find_files([f"{tmp_path}/*.md"])
    with pytest.raises(HandleError, match="There is no file or folder"):
        find_files([f"{tmp_path}/none"])


def test_sentences():
    assert split_sentences("Was it? Yes! No … So 3.5 m.") == [
        "Was it?",
        " Yes!",
        " No …",
        " So 3.5 m.",
    ]
    assert split_sentences("他来了。她走了！好") == ["他来了。", "她走了！", "好"]  # noqa: RUF001
    assert split_sentences("e.g. this is one") == ["e.g. this is one"]
    assert split_sentences("one") == ["one"]
    assert split_sentences("") == []
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choices("aB1 .!?…\"')»。」\n", k=30))
        assert "".join(split_sentences(text)) == text
        assert all(split_sentences(text))
