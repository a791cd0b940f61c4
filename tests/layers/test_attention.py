"""Attention against NumPy, its masks, its probabilities, and its cache."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers import MultiHeadAttention
from tfzoo.layers.masks import attention_bias

LENGTH, SIZE = 6, 8


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, LENGTH, SIZE)).astype("float32")


def make_attention(**kwargs):
    keras.utils.set_random_seed(1)
    attention = MultiHeadAttention(num_heads=2, **kwargs)
    attention.build((None, None, SIZE))
    for variable in attention.weights:
        variable.assign(keras.random.normal(variable.shape, stddev=0.5))
    return attention


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def numpy_attention(attention, x, visible):
    """One head and one query at a time; `visible` is (B, Q, K)."""
    kernel, bias, out_kernel, out_bias = (variable.numpy() for variable in attention.weights)
    heads, head_dim = attention.num_heads, kernel.shape[1] // 3 // attention.num_heads
    q, k, v = np.split(x @ kernel + bias, 3, axis=-1)
    context = np.zeros_like(q)
    for row in range(len(x)):
        for head in range(heads):
            columns = slice(head * head_dim, (head + 1) * head_dim)
            for query in range(x.shape[1]):
                seen = np.flatnonzero(visible[row, query])
                scores = k[row, seen, columns] @ q[row, query, columns] / np.sqrt(head_dim)
                context[row, query, columns] = softmax(scores) @ v[row, seen, columns]
    return context @ out_kernel + out_bias


@pytest.mark.parametrize("head_dim", [None, 3])
def test_equals_numpy(x, head_dim):
    padding = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0]])
    attention = make_attention(head_dim=head_dim)
    visible = np.broadcast_to(padding[:, None, :], (2, LENGTH, LENGTH))
    np.testing.assert_allclose(
        attention(x, bias=attention_bias(padding)),
        numpy_attention(attention, x, visible),
        atol=1e-5,
    )


def test_probabilities_sum_to_one_and_skip_what_is_hidden(x):
    padding = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    attention = make_attention()
    output, probabilities = attention(x, bias=attention_bias(padding), return_probabilities=True)
    assert probabilities.shape == (2, 2, LENGTH, LENGTH)
    np.testing.assert_allclose(ops.sum(probabilities, axis=-1), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities[1, :, :, 3:], 0)
    assert ops.min(probabilities[0]) > 0
    np.testing.assert_array_equal(output, attention(x, bias=attention_bias(padding)))


@pytest.mark.parametrize("steps", [[1] * LENGTH, [4, 1, 1], [3, 3]])
def test_cache_equals_no_cache(x, steps):
    """Keys and values computed step by step give what causal attention gives at once."""
    attention = make_attention()
    expected = attention(x, bias=attention_bias(causal=True, key_length=LENGTH))
    cache = [ops.zeros((2, 2, LENGTH, SIZE // 2))] * 2
    outputs, start = [], 0
    for step in steps:
        bias = attention_bias(causal=True, key_length=LENGTH, query_length=step, query_start=start)
        output, cache = attention(
            x[:, start : start + step], bias=bias, cache=cache, cache_index=start
        )
        outputs.append(output)
        start += step
    np.testing.assert_allclose(ops.concatenate(outputs, axis=1), expected, atol=1e-5)


def test_cache_and_probabilities_together_in_half_precision(x):
    attention = make_attention(dtype="mixed_bfloat16")
    bias = attention_bias(causal=True, key_length=LENGTH, dtype="bfloat16")
    cache = [ops.zeros((2, 2, LENGTH, SIZE // 2), dtype="bfloat16")] * 2
    output, cache, probabilities = attention(
        x, bias=bias, cache=cache, cache_index=0, return_probabilities=True
    )
    assert {x.dtype for x in (output, *cache, probabilities)} == {tf.bfloat16}
    assert probabilities.shape == (2, 2, LENGTH, LENGTH)
    np.testing.assert_array_equal(output, attention(x, bias=bias))


def test_dropout_only_in_training(x):
    attention = make_attention(dropout=0.5)
    np.testing.assert_array_equal(attention(x), attention(x, training=False))
    first, second = attention(x, training=True), attention(x, training=True)
    assert ops.max(ops.abs(first - second)) > 0.01


def test_heads_that_do_not_divide_the_width():
    with pytest.raises(ConfigError, match="width of 8 cannot be divided among 3 heads"):
        MultiHeadAttention(num_heads=3).build((None, None, SIZE))
    MultiHeadAttention(num_heads=3, head_dim=2).build((None, None, SIZE))
