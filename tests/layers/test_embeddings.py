"""Embeddings: what is added up, and the positions of packed rows."""

import numpy as np
import pytest
from keras import ops

from tfzoo.layers import TransformerEmbedding
from tfzoo.layers.embeddings import positions

TOKENS = np.array([[4, 2, 7, 7], [1, 3, 0, 0]])
SEGMENTS = np.array([[0, 0, 1, 1], [0, 1, 0, 0]])


def make_embedding(**kwargs):
    layer = TransformerEmbedding(vocabulary_size=10, hidden_dim=4, max_sequence_length=6, **kwargs)
    layer.build((None, None))
    return layer


def normalized(x):
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / centered.std(axis=-1, keepdims=True)


@pytest.mark.parametrize("segments", [SEGMENTS, None])
def test_sum_of_three_tables(segments):
    layer = make_embedding()
    token, position, segment = (variable.numpy() for variable in layer.weights[:3])
    ids = np.zeros_like(TOKENS) if segments is None else segments
    expected = normalized(token[TOKENS] + position[None, :4] + segment[ids])
    np.testing.assert_allclose(layer(TOKENS, segment_ids=segments), expected, atol=1e-4)


def test_without_segments():
    layer = make_embedding(num_segments=0)
    token, position, *norm = (variable.numpy() for variable in layer.weights)
    assert [variable.shape for variable in norm] == [(4,), (4,)]
    np.testing.assert_allclose(layer(TOKENS), normalized(token[TOKENS] + position[:4]), atol=1e-4)


def test_positions_restart_with_each_sequence():
    ids = np.array([[1, 1, 1, 2, 2, 3], [4, 5, 5, 5, 0, 0]])
    expected = [[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 0, 0]]
    np.testing.assert_array_equal(positions(ids, ids), expected)
    np.testing.assert_array_equal(positions(ids), [[0, 1, 2, 3, 4, 5]])


def test_row_of_sequences_and_padding_longer_than_the_positions():
    layer = make_embedding()
    ids = np.array([[1] * 5 + [2] * 5 + [0] * 10])
    embedded = layer(np.full((1, 20), 7), sequence_ids=ids)
    np.testing.assert_array_equal(embedded[:, 5:10], embedded[:, :5])


def test_dropout_in_training_only():
    layer = make_embedding(dropout=0.5)
    assert not ops.any(layer(TOKENS) == 0)
    assert ops.any(layer(TOKENS, training=True) == 0)
