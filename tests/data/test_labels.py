"""Labels: names, ids, several of them, and numbers."""

import numpy as np
import pytest

from tfzoo.data import class_ids, find_class_names, multi_hot, real_targets
from tfzoo.errors import DataError


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["spam", "ham", "spam"], ["ham", "spam"]),
        (["10", "9"], ["9", "10"]),
        ([2, 0], ["0", "1", "2"]),
        (np.array([1, 0]), ["0", "1"]),
        ([["b"], ["a", "b"], []], ["a", "b"]),
    ],
)
def test_class_names_are_found(labels, names):
    assert find_class_names(labels) == names


@pytest.mark.parametrize(
    ("labels", "classes", "ids"),
    [
        (["spam", "ham"], ["ham", "spam"], [1, 0]),
        ([1, 0], ["ham", "spam"], [1, 0]),
        (["1", "0"], 2, [1, 0]),
        (["7", "5"], ["5", "7"], [1, 0]),
        (np.array([0, 2]), 3, [0, 2]),
        ([1.0, True], 2, [1, 1]),
    ],
)
def test_ids(labels, classes, ids):
    found = class_ids(labels, classes)
    assert found.dtype == np.int32
    assert found.tolist() == ids


@pytest.mark.parametrize("bad", [2, -1, 0.5, "2", "spam", None, float("nan"), float("inf"), [0]])
def test_a_label_outside_the_classes(bad):
    with pytest.raises(DataError, match=r"^Example 2 has the label .*; the classes are .* 0\.\.1"):
        class_ids([0, 1, bad, bad], 2)


def test_a_name_that_is_no_class():
    with pytest.raises(DataError, match=r"Example 1 has the label 'eggs'; .* of ham, spam"):
        class_ids(["ham", "eggs"], ["ham", "spam"])
    with pytest.raises(DataError, match="Example 0 has the label '1'"):
        class_ids(["1"], ["ham", "spam"])


def test_several_labels():
    rows = multi_hot([["b", "a"], [], [1]], ["a", "b", "c"])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert multi_hot(np.array([[1, 0], [0, 0]]), 2).tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([["a"], ["z"]], "Example 1 has the label 'z'"),
        ([["a"], "a"], "Example 1 has the label 'a'; it needs a list"),
        (np.array([[0, 1], [0, 2]]), r"Example 1 has the labels \[0 2\]"),
        (np.array([[0, 1, 1]]), r"the shape \(examples, 2\), not \(1, 3\)"),
        (np.array([0, 1]), r"the shape \(examples, 2\), not \(2,\)"),
    ],
)
def test_several_labels_that_are_not_classes(labels, message):
    with pytest.raises(DataError, match=message):
        multi_hot(labels, ["a", "b"])


def test_numbers():
    assert real_targets(["1.5", 2, np.float64(3)]).tolist() == [[1.5], [2], [3]]
    assert real_targets([[1, 2], ["3", 4]], 2).tolist() == [[1, 2], [3, 4]]
    assert real_targets([1]).dtype == np.float32


@pytest.mark.parametrize("bad", ["good", None, float("nan"), float("inf"), [1, 2], {}])
def test_what_is_no_number(bad):
    with pytest.raises(DataError, match=r"^Example 1 has"):
        real_targets([1.0, bad])


def test_rows_of_zeros_and_ones_in_a_list_are_no_ids():
    with pytest.raises(DataError, match="Example 1 has one label twice"):
        multi_hot([[0, 2], [0, 1, 0]], 3)


@pytest.mark.parametrize("bad", [{"spam": 1}, float("nan"), 4_000_000_000, -1, None])
def test_what_is_no_class(bad):
    with pytest.raises(DataError, match=r"^Label 1 is"):
        find_class_names([0, bad])
