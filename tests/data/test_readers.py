"""Files and TFDS splits, whole and damaged."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data import Examples, read_examples
from tfzoo.errors import DataError


@pytest.fixture
def write(tmp_path):
    """A function from a file's name and content to its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def write_tfrecord(path, examples):
    def feature(values):
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            features = {name: feature(values) for name, values in example.items()}
            writer.write(
                tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
            )
    return path


def test_csv_with_header_quotes_and_line_breaks(write):
    path = write(
        "data.csv",
        '\ufefflabel,text,other,w\r\nham,"one, ""two""\nthree",x,1\r\n\r\nspam,four,,0.5\r\n',
    )
    assert read_examples(path, weight="w") == Examples(
        ['one, "two"\nthree', "four"], label=["ham", "spam"], weight=[1.0, 0.5]
    )


def test_tsv_without_header_takes_quotes_as_they_are(write):
    content = 'ham\tsay "hi\nspam\t"win" \x85 now\u2028!\r\n'
    expected = Examples(['say "hi', '"win" \x85 now\u2028!'], label=["ham", "spam"])
    assert read_examples(write("sms.tsv", content), text=1, label=0) == expected
    assert read_examples(write("sms.csv", content), text=1, label=0, delimiter="\t") == expected
    with_header = write("sms.tsv", "label\ttext\n" + content)
    assert read_examples(with_header) == expected


def test_an_empty_text_is_a_text_and_an_empty_line_is_none(write):
    path = write("data.csv", 'text\n""\n\na\n')
    assert read_examples(path, label=None) == Examples(["", "a"])
    path = write("data.tsv", "\t1\n\na\t2\n")
    assert read_examples(path, text=0, label=1) == Examples(["", "a"], label=["1", "2"])


def test_pairs_and_one_column_per_class(write):
    path = write("data.csv", "a,b,good,bad\none,two,1,0\nthree,four,1,1\n")
    assert read_examples(path, text="a", text_pair="b", label=["good", "bad"]) == Examples(
        ["one", "three"], ["two", "four"], [["good"], ["good", "bad"]], None, ["good", "bad"]
    )


def test_jsonl(write):
    records = [{"text": "a\0\u2028", "label": [1, 2]}, {"label": [], "text": "", "more": None}]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path = write("data.jsonl", "\n\n".join(lines))
    assert read_examples(path) == Examples(["a\0\u2028", ""], label=[[1, 2], []])


def test_text_lines(write):
    path = write("data.txt", "one\r\n\n two \n")
    assert read_examples(path, label=None) == Examples(["one", "", " two "])


def test_tfrecord(tmp_path):
    examples = [
        {"text": ["é".encode()], "label": [1], "weight": [0.5]},
        {"text": [b""], "label": [2, 3], "weight": [1.0]},
    ]
    path = write_tfrecord(tmp_path / "data.tfrecord-00000-of-00001", examples)
    assert read_examples(path, weight="weight") == Examples(
        ["é", ""], label=[1, [2, 3]], weight=[0.5, 1.0]
    )


def test_very_long_texts(write):
    path = write("data.csv", "text,label\n" + "word " * 100_000 + ",1\n")
    assert len(read_examples(path).text[0]) == 500_000


def test_numbers_of_lines_in_messages_count_every_line(write):
    path = write("data.csv", 'text,label\n"a\nb",1\n\nc,\n')
    with pytest.raises(DataError, match=r"data\.csv, line 5: column 'label' holds no label"):
        read_examples(path)


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        (
            "a.csv",
            "label,message\nham,hi\n",
            {},
            "line 2: there is no column 'text', only 'label', ",
        ),
        ("a.csv", "ham,hi\n", {"text": 1, "label": 2}, "line 1: there is no column 2, only 0, 1"),
        ("a.csv", "text,label\na,b,c\n", {}, "line 2 has 3 columns instead of 2"),
        ("a.csv", 'text,label\n"a" b,c\n', {}, "line 2 is not valid CSV"),
        ("a.csv", 'text,label\n"a,c\n', {}, "is not valid CSV"),
        ("a.csv", "text,label\n", {}, "a.csv is empty"),
        ("a.csv", "", {}, "a.csv is empty"),
        (
            "a.csv",
            "text,w\na,-1\n",
            {"label": None, "weight": "w"},
            "line 2: column 'w' holds '-1'",
        ),
        ("a.csv", "text,x\na,2\n", {"label": ["x"]}, "line 2: column 'x' holds '2' instead of 0"),
        ("a.tsv", b"text\tlabel\na\t1\n\xff\t1\n", {}, "line 3 is not UTF-8"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": 1', {}, "line 2 is not valid JSON"),
        ("a.jsonl", "[" * 100_000, {}, "line 1 is not valid JSON"),
        ("a.jsonl", '["text"]', {}, "line 1 is not a JSON object"),
        ("a.jsonl", '{"text": 1, "label": 1}', {}, "line 1: column 'text' holds int"),
        ("a.jsonl", '{"text": "a", "label": null}', {}, "column 'label' holds no label"),
        ("a.jsonl", "{}", {}, "no column 'text', only an empty record"),
        ("a.txt", "", {"label": None}, "a.txt is empty"),
        ("a.txt", "text\n", {}, "line 1: there is no column 'label', only 'text'"),
        ("a.tfrecord", b"rubbish that is no record", {}, "damaged: its record 0"),
        ("a.xlsx", "x", {}, "unknown format"),
    ],
)
def test_damaged_files(write, name, content, options, message):
    with pytest.raises(DataError, match=message) as raised:
        read_examples(write(name, content), **options)
    assert name in str(raised.value)


def test_a_tfrecord_that_ends_too_early(tmp_path):
    path = write_tfrecord(tmp_path / "a.tfrecord", [{"text": [b"a"], "label": [1]}] * 3)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"a\.tfrecord is damaged: its record 2"):
        read_examples(path)


def test_no_such_file(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match=f"no file {path}"):
            read_examples(path)


@pytest.fixture
def tiny_sms(local_dataset):
    """Texts, labels with names, and numbers."""
    features = pytest.importorskip("tensorflow_datasets").features
    rows = [("hé", 1), ("", 0), ("you", 1)]
    return local_dataset(
        {
            "text": features.Text(),
            "label": features.ClassLabel(names=["spam", "ham"]),
            "n": features.Scalar(np.float32),
        },
        [{"text": text, "label": label, "n": 0.5} for text, label in rows],
    )


def test_tfds(tiny_sms):
    examples = read_examples(f"{tiny_sms}:train", weight="n")
    assert sorted(zip(examples.text, examples.label, strict=True)) == [
        ("", 0),
        ("hé", 1),
        ("you", 1),
    ]
    assert examples.weight == [0.5, 0.5, 0.5]
    assert examples.class_names == ["spam", "ham"]
    assert len(read_examples(f"{tiny_sms}:train[:2]", label=None)) == 2
    with pytest.raises(DataError, match="example 0: there is no column 'sms', only "):
        read_examples(f"{tiny_sms}:train", text="sms")
    with pytest.raises(DataError, match=r"cannot provide tfds:local_set/plain:dev: .*dev"):
        read_examples(f"{tiny_sms}:dev")


def test_tfds_names_that_are_none():
    with pytest.raises(DataError, match="needs a name and a split"):
        read_examples("tfds:glue/sst2")
    with pytest.raises(DataError, match=r"cannot provide tfds:no_such_set:train: .* not found"):
        read_examples("tfds:no_such_set:train")
