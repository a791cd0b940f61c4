"""Where the parts of the data come from."""

import pytest

from tfzoo.binaries.config import default_config
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.splits import read_source, read_splits
from tfzoo.errors import DataError, HandleError

CLASSIFIER = KINDS["Classifier"]


@pytest.fixture
def data(tmp_path):
    data = default_config().data
    rows = "".join(f"text {i},{i % 2}\n" for i in range(200))
    (tmp_path / "all.csv").write_text(f"text,label\n{rows}text 1,1\n")
    (tmp_path / "test.csv").write_text("text,label\ntext 1,1\ntext 2,0\n")
    data.train = str(tmp_path / "all.csv")
    return data


def test_parts_without_a_source_are_split_off_from_train(data):
    parts = read_splits(CLASSIFIER, data)
    assert list(parts) == ["train", "validation", "test"]
    texts = [set(part.text) for part in parts.values()]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 200
    assert len(texts[0]) > 140
    assert min(map(len, texts)) > 8


def test_a_part_with_a_source_is_that_source(data, tmp_path):
    data.test = str(tmp_path / "test.csv")
    parts = read_splits(CLASSIFIER, data)
    assert parts["test"].text == ["text 1", "text 2"]
    assert len(parts["train"]) + len(parts["validation"]) == 201
    data.validation = data.test
    assert len(read_splits(CLASSIFIER, data)["train"]) == 201


def test_duplicates_are_dropped_where_asked(data):
    data.drop_duplicates = True
    assert sum(map(len, read_splits(CLASSIFIER, data).values())) == 200


def test_too_few_examples_to_split(data, tmp_path):
    data.train = str(tmp_path / "test.csv")
    with pytest.raises(DataError, match=r"No examples are left for .* a source of its own"):
        read_splits(CLASSIFIER, data)


def test_a_source_that_does_not_exist(data):
    with pytest.raises(HandleError, match=r"There is no file or folder 'none.csv'"):
        read_source(CLASSIFIER, "none.csv", **CLASSIFIER.columns)
    with pytest.raises(DataError, match=r"TFDS cannot provide tfds:no_such_dataset:train"):
        read_source(CLASSIFIER, "tfds:no_such_dataset:train", **CLASSIFIER.columns)
