"""The one rule for which key a query may see."""

import numpy as np
import pytest
from keras import ops

from tfzoo.layers.masks import attention_bias


def visible(bias, rows=1):
    """(B, Q, K) booleans; the bias may leave out axes that it broadcasts over."""
    seen = np.asarray(ops.convert_to_numpy(bias)) == 0
    assert seen.ndim == 4
    length = seen.shape[-1]
    return np.broadcast_to(seen[:, 0], (rows, max(seen.shape[2], 1), length))


def by_definition(padding, ids, causal):
    rows, length = padding.shape
    seen = np.zeros((rows, length, length), bool)
    for row, query, key in np.ndindex(seen.shape):
        allowed = padding[row, key] == 1
        if ids is not None and padding[row, query] == 1:
            allowed = allowed and ids[row, key] == ids[row, query]
        seen[row, query, key] = allowed and (not causal or key <= query)
    return seen


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_rule(packed, causal):
    padding = np.array([[1, 1, 1, 1, 0], [1, 0, 1, 1, 1], [1, 1, 1, 0, 0]])
    ids = np.array([[1, 1, 2, 2, 0], [1, 1, 1, 2, 3], [1, 2, 3, 0, 0]]) if packed else None
    bias = attention_bias(padding, ids, causal=causal)
    expected = by_definition(padding, ids, causal)
    assert expected.any()
    assert not expected.all()
    seen = np.broadcast_to(visible(bias, rows=3), expected.shape)
    np.testing.assert_array_equal(seen, expected)


def test_padding_query_sees_every_real_key():
    ids, padding = np.array([[1, 1, 2, 0]]), np.array([[1, 1, 1, 0]])
    assert visible(attention_bias(padding, ids))[0, 3].tolist() == [True, True, True, False]


def test_nothing_to_hide():
    assert attention_bias() is None


def test_query_start_is_the_column_of_the_first_query():
    bias = attention_bias(causal=True, key_length=5, query_length=2, query_start=ops.array(2))
    assert visible(bias)[0].astype(int).tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_hidden_keys_get_no_probability_in_any_dtype(dtype):
    bias = attention_bias(np.array([[1, 1, 0]]), dtype=dtype)
    assert bias.dtype == dtype
    assert np.isfinite(ops.convert_to_numpy(ops.cast(bias, "float32"))).all()
    scores = ops.cast([[[[3.0, 2.0, 50.0]]]], dtype) + bias
    probabilities = ops.convert_to_numpy(ops.cast(ops.softmax(scores), "float32"))
    assert probabilities[0, 0, 0, 2] == 0
    assert probabilities.sum() == pytest.approx(1, abs=0.01)


def test_row_without_real_keys_is_finite():
    bias = attention_bias(np.array([[0, 0]]), dtype="float16")
    assert np.isfinite(ops.convert_to_numpy(ops.softmax(bias))).all()
