"""Heads: what they read, and in which dtype they answer."""

import keras
import numpy as np
import pytest
from keras import ops

from tfzoo.layers import ClassificationHead, MaskedLMHead, Pooler
from tfzoo.layers.heads import gather_positions

X = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
EMBEDDINGS = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")


@pytest.fixture
def head():
    keras.utils.set_random_seed(0)
    head = MaskedLMHead(vocabulary_size=7, layer_norm_epsilon=1e-3)
    head.build((None, None, 4), EMBEDDINGS.shape)
    head.output_bias.assign(np.arange(7))
    return head


def test_gather_positions():
    columns = np.array([[4, 0, 0], [1, 2, 3]])
    expected = np.stack([X[0, [4, 0, 0]], X[1, [1, 2, 3]]])
    np.testing.assert_array_equal(gather_positions(X, columns), expected)


def test_pooler_reads_the_first_token():
    pooler = Pooler()
    pooler.build(X.shape)
    kernel, bias = (variable.numpy() for variable in pooler.weights)
    expected = np.tanh(X @ kernel + bias)
    np.testing.assert_allclose(pooler(X), expected[:, 0], atol=1e-6)
    columns = np.array([[0, 3], [2, 2]])
    packed = pooler(X, columns)
    np.testing.assert_allclose(packed[0], expected[0, [0, 3]], atol=1e-6)
    np.testing.assert_allclose(packed[1], expected[1, [2, 2]], atol=1e-6)


def test_masked_lm_head_equals_numpy(head):
    kernel, bias, *_ = (variable.numpy() for variable in head.dense.weights)
    hidden = ops.convert_to_numpy(keras.activations.gelu(X @ kernel + bias, approximate=False))
    centered = hidden - hidden.mean(axis=-1, keepdims=True)
    hidden = centered / np.sqrt(hidden.var(axis=-1, keepdims=True) + 1e-3)
    expected = hidden @ EMBEDDINGS.T + np.arange(7)
    np.testing.assert_allclose(head(X, EMBEDDINGS), expected, atol=1e-5)
    columns = np.array([[3, 1], [0, 0]])
    gathered = np.stack([expected[0, [3, 1]], expected[1, [0, 0]]])
    np.testing.assert_allclose(head(X, EMBEDDINGS, columns), gathered, atol=1e-5)


def test_embeddings_narrower_than_the_hidden_states():
    head = MaskedLMHead(vocabulary_size=7)
    head.build((None, None, 4), (7, 3))
    assert head(X, EMBEDDINGS[:, :3]).shape == (2, 5, 7)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32(policy):
    classification = ClassificationHead(3, dtype=policy)
    assert classification(X[:, 0]).dtype == "float32"
    masked_lm = MaskedLMHead(7, dtype=policy)
    masked_lm.build(X.shape, EMBEDDINGS.shape)
    assert masked_lm(X, EMBEDDINGS).dtype == "float32"


def test_classification_head_drops_its_input_in_training():
    head = ClassificationHead(3, dropout=0.5)
    head.build((None, 4))
    expected = X[:, 0] @ head.logits.kernel.numpy()
    np.testing.assert_allclose(head(X[:, 0]), expected, atol=1e-6)
    assert np.abs(head(X[:, 0], training=True) - expected).max() > 1e-3
