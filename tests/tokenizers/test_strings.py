"""What a caller may hand over as texts."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import DataError
from tfzoo.tokenizers.strings import text_tensors


@pytest.mark.parametrize(
    "texts",
    [
        ["é", "b\0"],
        ["é".encode(), b"b\0"],
        np.array(["é", "b\0"], object),
        tf.constant(["é", "b\0"]),
        iter(["é", "b\0"]),
    ],
    ids=["str", "bytes", "array", "tensor", "iterator"],
)
def test_any_column_of_strings_becomes_a_tensor(texts):
    tensor = text_tensors(texts)
    assert tensor.shape == (2,)
    assert tensor.numpy().tolist() == ["é".encode(), b"b\0"]


def test_numpy_strings_and_an_empty_list():
    assert text_tensors(np.array(["a", "bc"])).numpy().tolist() == [b"a", b"bc"]
    assert text_tensors([]).shape == (0,)
    assert text_tensors([]).dtype == tf.string


def test_a_lone_surrogate_is_dropped():
    assert text_tensors(["a\ud83db"]).numpy().tolist() == [b"ab"]


def test_a_tuple_is_a_pair_of_columns():
    first, second = text_tensors((["a", "b"], np.array(["c", "d"])))
    assert first.numpy().tolist() == [b"a", b"b"]
    assert second.numpy().tolist() == [b"c", b"d"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "not one str"),
        (None, "not one NoneType"),
        (["a", None], "Text 1 is not a string but NoneType"),
        (["a", float("nan")], "Text 1 is not a string but float"),
        ([["a", "b"]], "Text 0 is not a string but list"),
        ((["a"], ["b"], ["c"]), "has 3 members"),
        ((["a", "b"], ["c"]), "2 against 1"),
        (tf.constant([1, 2]), "not int32"),
        (tf.constant([["a"]]), r"of shape \(1, 1\)"),
    ],
)
def test_anything_else_is_an_error(texts, message):
    with pytest.raises(DataError, match=message):
        text_tensors(texts)
