"""Pairs in one row, and what a loss learns of equal texts."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.pairs import PairRows, labelled
from tfzoo.errors import DataError

FIRST, SECOND = ["a good film", "", "we saw it . " * 9], ["bad", "a film", ""]


def test_each_text_has_the_row_that_it_has_alone(preprocessor):
    rows = PairRows(preprocessor)
    features = {name: value.numpy() for name, value in rows((FIRST, SECOND)).items()}
    assert features["token_ids"].shape[1] == 16 + 2  # the longest row, of a text that is truncated
    for k, texts in enumerate((FIRST, SECOND)):
        alone = preprocessor.encode(texts)
        for i in range(3):
            mine = features["sequence_ids"][i] == k + 1
            for name in ("token_ids", "segment_ids"):
                assert features[name][i, mine].tolist() == alone[name][i].numpy().tolist()
            start = features["cls_positions"][i, k]
            assert mine[start]
            assert features["token_ids"][i, start] == preprocessor.tokenizer.cls_id
    np.testing.assert_array_equal(features["padding_mask"], features["sequence_ids"] > 0)


def test_numbers_are_equal_for_equal_texts():
    texts, numbers = labelled((["a", "b", "a"], ["c", "c", "é"]), None, takes_labels=False)
    assert texts[1].numpy().tolist() == [b"c", b"c", "é".encode()]
    numbers = numbers.numpy()
    assert numbers.shape == (3, 2)
    assert numbers.max() < 2**24
    assert (numbers[0, 0] == numbers[2, 0]) & (numbers[0, 1] == numbers[1, 1])
    assert len(set(numbers.ravel().tolist())) == 4


@pytest.mark.parametrize("batched", [True, False])
def test_datasets_get_the_same_numbers(batched):
    pairs = (["a", "b"], ["b", "c"])
    dataset = tf.data.Dataset.from_tensor_slices((pairs,))
    dataset, none = labelled(dataset.batch(2) if batched else dataset, None, takes_labels=False)
    assert none is None
    numbers = np.concatenate([np.reshape(y, (-1, 2)) for _, y in dataset])
    np.testing.assert_array_equal(numbers, labelled(pairs, None, takes_labels=False)[1])


def test_labels_that_are_wanted_stay_as_they_are():
    pairs, labels = (["a"], ["b"]), np.ones((1, 1))
    assert labelled(pairs, labels, takes_labels=True) == (pairs, labels)
    dataset = tf.data.Dataset.from_tensor_slices((pairs, labels))
    assert labelled(dataset, None, takes_labels=True) == (dataset, None)


@pytest.mark.parametrize(
    ("x", "y", "takes_labels", "message"),
    [
        (["a"], None, False, "learns from pairs"),
        (tf.data.Dataset.from_tensor_slices((["a"], ["b"])), None, False, "learns from pairs"),
        ((["a"], ["b"]), [1.0], False, 'objective="ranking" takes none'),
        (
            tf.data.Dataset.from_tensor_slices(((["a"], ["b"]), [1.0])),
            None,
            False,
            'objective="ranking" takes none',
        ),
        ((["a"], ["b"]), None, True, "have no labels"),
        (tf.data.Dataset.from_tensor_slices(((["a"], ["b"]),)), None, True, "have no labels"),
        ((["a", "b"], ["c"]), None, False, "2 against 1"),
        ((["a", 3], ["c", "d"]), None, False, "Text 1 is not a string but int"),
    ],
)
def test_what_is_no_pairs(x, y, takes_labels, message):
    with pytest.raises(DataError, match=message):
        labelled(x, y, takes_labels)
