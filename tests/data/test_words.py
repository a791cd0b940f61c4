"""Words, labels and weights as people write them, and what is wrong with them."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.words import word_labels, word_lists, word_weights
from tfzoo.errors import DataError

WORDS = [["Ada", "sings"], ["Bob"]]
NAMES = ["O", "B-PER"]


@pytest.mark.parametrize(
    "texts",
    [
        ["Ada sings", " Bob\n"],
        [b"Ada sings", "Bob"],
        WORDS,
        [("Ada", b"sings"), np.array(["Bob"])],
        [["Ada", "sings"], "Bob"],
        np.array(["Ada sings", "Bob"]),
        np.array(["Ada sings", "Bob"], object),
        tf.constant(["Ada sings", "Bob"]),
        tf.ragged.constant(WORDS),
    ],
)
def test_texts_in_every_form(texts):
    assert word_lists(texts) == WORDS


def test_what_is_no_utf8_leaves_its_word():
    assert word_lists(["a \ud800 b\udfff", b"\xff a\xc3"]) == [["a", "", "b"], ["a"]]
    assert word_lists([["\ud800", b"\xff", ""], ""]) == [["", "", ""], []]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("Ada sings", "not one str"),
        ({"token_ids": [[1]]}, "not one dict"),
        (None, "not one NoneType"),
        ((["Ada"], ["Bob"]), "not in a tuple of two"),
        ([], "There are no texts"),
        (["Ada", None], r"Example 1 is neither a text nor a list of words but NoneType \(None\)"),
        (["Ada", 3.5], "Example 1 is neither .* but float"),
        ([["Ada"], ["Bob", 7]], r"Example 1, word 1 is not a string but int \(7\)"),
        ([["Ada"], [["Bob"]]], "Example 1, word 0 is not a string but list"),
        (np.array([[1, 2]]), "Example 0, word 0 is not a string but int64"),
    ],
)
def test_texts_that_are_none(texts, message):
    with pytest.raises(DataError, match=message):
        word_lists(texts)


@pytest.mark.parametrize(
    "labels",
    [
        [["B-PER", "O"], ["B-PER"]],
        [[1, 0], (1,)],
        [["B-PER", 0.0], np.array(["B-PER"])],
        tf.ragged.constant([[1, 0], [1]]),
        np.array([[1, 0], [1]], object),
    ],
)
def test_labels_in_every_form(labels):
    ids = word_labels(labels, WORDS, NAMES)
    assert [row.tolist() for row in ids] == [[1, 0], [1]]
    assert {row.dtype for row in ids} == {np.dtype("int32")}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([["O", "O"]], "There are 2 texts, but labels for 1"),
        ([["O", "O"], ["O", "O"]], "Example 1 has 1 words and 2 labels; give one per word"),
        ([["O"], ["O"]], "Example 0 has 2 words and 1 labels"),
        (1, "There are 2 texts, but labels for 0"),
        (["O", "O"], "Example 0 has the labels 'O'; it needs a list with one per word"),
        ([["O", "O"], 1], "Example 1 has the labels 1; it"),
        (
            [["O", "B-LOC"], ["O"]],
            r"Example 0, word 1 has the label 'B-LOC'; the classes are the ids 0\.\.1 of O, B-PER",
        ),
        ([["O", "O"], [2]], "Example 1, word 0 has the label 2; "),
        ([["O", "O"], [None]], "Example 1, word 0 has the label None; "),
        ([["O", "O"], [["O"]]], r"Example 1, word 0 has the label \['O'\]; "),
    ],
)
def test_labels_that_do_not_fit(labels, message):
    with pytest.raises(DataError, match=message):
        word_labels(labels, WORDS, NAMES)


def test_labelled_text_needs_words():
    with pytest.raises(DataError, match="Example 1 has no words; leave it out"):
        word_labels([["O"], []], [["Ada"], []], NAMES)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, [[1, 1], [1]]),
        ([2, 0.5], [[2, 2], [0.5]]),
        (np.array([2, 0.5]), [[2, 2], [0.5]]),
        ([[2, 0.5], [0]], [[2, 0.5], [0]]),
        (tf.ragged.constant([[2, 0.5], [0]]), [[2, 0.5], [0]]),
    ],
)
def test_weights(weights, expected):
    rows = word_weights(weights, WORDS)
    assert [row.tolist() for row in rows] == expected
    assert {row.dtype for row in rows} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (1, "2 texts, but weights for 0"),
        ([1], "2 texts, but weights for 1"),
        ([1, 2, 3], "2 texts, but weights for 3"),
        ([[1, 2], [1, 2]], "Example 1 has 1 words and 2 weights"),
        ([1, -1], "Example 1 has the weights -1; they must be numbers of at least 0"),
        ([float("nan"), 1], "Example 0 has the weights nan"),
        ([1, "much"], "Example 1 has the weights 'much'"),
        ([[1, None], 1], "Example 0 has the weights .1, None."),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    with pytest.raises(DataError, match=message):
        word_weights(weights, WORDS)
