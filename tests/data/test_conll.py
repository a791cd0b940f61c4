"""Sentences with labelled words, whole and damaged."""

import json

import pytest

from tfzoo.data import WordExamples, read_words
from tfzoo.errors import DataError

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects\tVBZ  B-VP\tO

\t
Peter NNP B-NP B-PER\r
Blackburn NNP I-NP I-PER\r
\r
-DOCSTART- -X- -X- O
. . O O"""


@pytest.fixture
def write(tmp_path):
    """A function from a file's name and content to its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def test_conll(write):
    path = write("eng.testa", CONLL)
    words = [["EU", "rejects"], ["Peter", "Blackburn"], ["."]]
    assert read_words(path) == WordExamples(words, [["B-ORG", "O"], ["B-PER", "I-PER"], ["O"]])
    assert read_words(path, label=None) == WordExamples(words)
    assert read_words(path, text=0, label=1).label[0] == ["NNP", "VBZ"]
    assert read_words(path, text=-4, label=-3).label[0] == ["NNP", "VBZ"]


def test_a_file_of_words_alone(write):
    assert read_words(write("words.txt", "a\nb\n\nc\n"), label=None).words == [["a", "b"], ["c"]]


def test_words_keep_what_only_looks_like_a_line_or_a_blank(write):
    assert read_words(write("a.conll", "x\u2028y\xa0\x85 O\n")).words == [["x\u2028y\xa0\x85"]]


def test_lists_in_json(write):
    rows = [
        {"tokens": ["New York", "calls"], "ner_tags": ["B-LOC", "O"], "pos": [0, 1]},
        {"tokens": ["Hi"], "ner_tags": ["O"], "pos": [2]},
    ]
    path = write("data.jsonl", "\n".join(map(json.dumps, rows)))
    assert read_words(path) == WordExamples(
        [["New York", "calls"], ["Hi"]], [["B-LOC", "O"], ["O"]]
    )
    assert read_words(path, label="pos").label == [[0, 1], [2]]


def test_a_tfrecord_of_a_single_word(tmp_path):
    tf = pytest.importorskip("tensorflow")

    def example(words, ids):
        words = tf.train.Feature(bytes_list=tf.train.BytesList(value=words))
        ids = tf.train.Feature(int64_list=tf.train.Int64List(value=ids))
        features = tf.train.Features(feature={"tokens": words, "ner_tags": ids})
        return tf.train.Example(features=features).SerializeToString()

    path = str(tmp_path / "data.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example([b"a", b"b"], [1, 0]))
        writer.write(example([b"c"], [2]))
    assert read_words(path) == WordExamples([["a", "b"], ["c"]], [[1, 0], [2]])


def test_tfds_as_conll2003_is_there(local_dataset):
    features = pytest.importorskip("tensorflow_datasets").features
    names = ["O", "B-PER"]
    handle = local_dataset(
        {
            "tokens": features.Sequence(features.Text()),
            "ner": features.Sequence(features.ClassLabel(names=names)),
        },
        [{"tokens": ["é", "b"], "ner": ["B-PER", "O"]}, {"tokens": ["c"], "ner": ["O"]}],
    )
    examples = read_words(f"{handle}:train", label="ner")
    assert sorted(zip(examples.words, examples.label, strict=True)) == [
        (["c"], [0]),
        (["é", "b"], [1, 0]),
    ]
    assert examples.class_names == names
    assert sorted(read_words(f"{handle}:train", label=None).words) == [["c"], ["é", "b"]]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.conll", "Ada O\nwrote\n", {}, "line 2 has only the column 'wrote'; words need labels"),
        ("a.conll", "Ada O\n", {"label": 2}, "line 1 has 2 columns, and none with the index 2"),
        ("a.csv", "tokens,ner_tags\n", {}, "a format that holds no lists of words"),
        ("a.conll", "Ada O\n", {"label": "ner"}, "has no column 'ner', for columns of CoNLL files"),
        ("a.conll", "-DOCSTART- O\n\n\n", {}, "is empty: it holds no sentences"),
        ("a.conll", b"Ada O\n\xff O\n", {}, "line 2 is not UTF-8"),
        ("a.jsonl", '{"tokens": ["a"], "ner_tags": ["O", "O"]}', {}, "line 1: column 'ner_tags' h"),
        ("a.jsonl", '{"tokens": ["a", "b"], "ner_tags": 3}', {}, "holds 3 for 2 words; give one"),
        (
            "a.jsonl",
            '{"tokens": [3], "ner_tags": [3]}',
            {},
            r"holds \[3\] instead of a list",
        ),
        ("a.jsonl", '{"tokens": ["a"]}', {}, "line 1: there is no column 'ner_tags', only 'tok"),
    ],
)
def test_damaged_files(write, name, content, options, message):
    with pytest.raises(DataError, match=message) as raised:
        read_words(write(name, content), **options)
    assert name in str(raised.value)


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.conll cannot be read: No such file"):
        read_words(tmp_path / "none.conll")
