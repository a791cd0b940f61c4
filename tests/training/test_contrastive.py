"""Losses and metrics of pairs, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from tfzoo.training.contrastive import RankingLoss, RetrievalAccuracy, SimilarityLoss

PAIRS = np.random.default_rng(0).normal(size=(5, 2, 4)).astype("float32")
IDS = np.array([[1, 2], [3, 4], [5, 2], [1, 6], [7, 7]])  # 0 and 2, and 0 and 3, share a text


def cosines(pairs):
    units = pairs / np.linalg.norm(pairs, axis=-1, keepdims=True)
    return units[:, 0] @ units[:, 1].T


def ranking(pairs, temperature, left_out=()):
    """The mean over both directions of minus the log of the pair's share."""
    shares = np.exp(cosines(pairs.astype("float64")) / temperature)
    for row, column in left_out:
        shares[row, column] = shares[column, row] = 0
    own = np.diagonal(shares)
    return -(np.log(own / shares.sum(axis=1)) + np.log(own / shares.sum(axis=0))) / 2


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_ranking_is_cross_entropy_in_both_directions(temperature):
    different = np.arange(10).reshape(5, 2)
    losses = RankingLoss(temperature, reduction=None)(different, PAIRS)
    np.testing.assert_allclose(losses, ranking(PAIRS, temperature), rtol=1e-4)


def test_equal_texts_are_no_negatives():
    losses = RankingLoss(0.1, reduction=None)(IDS, PAIRS)
    np.testing.assert_allclose(losses, ranking(PAIRS, 0.1, [(0, 2), (0, 3)]), rtol=1e-4)
    assert np.abs(losses - ranking(PAIRS, 0.1)).max() > 0.01


def test_a_first_text_that_is_the_second_of_another_pair_is_no_negative():
    chain = np.array([[1, 2], [2, 3], [4, 5], [6, 4], [7, 8]])
    losses = RankingLoss(0.1, reduction=None)(chain, PAIRS)
    np.testing.assert_allclose(losses, ranking(PAIRS, 0.1, [(0, 1), (2, 3)]), rtol=1e-4)
    assert np.abs(losses - ranking(PAIRS, 0.1)).max() > 0.01


def test_numbers_of_texts_are_told_apart_up_to_the_last():
    near = np.array([[2**24 - 1, 0], [2**24 - 2, 1]])
    expected = ranking(PAIRS[:2], 1.0)
    np.testing.assert_allclose(RankingLoss(1.0, reduction=None)(near, PAIRS[:2]), expected, 1e-4)


def test_one_pair_alone_teaches_nothing():
    assert float(RankingLoss()(IDS[:1], PAIRS[:1])) == 0


def test_similarity_is_the_squared_error_of_the_cosine():
    labels = np.array([1, -1, 0, 0.5, 0.25])
    expected = (np.diagonal(cosines(PAIRS)) - labels) ** 2
    for shape in ((5,), (5, 1)):
        losses = SimilarityLoss(reduction=None)(labels.reshape(shape), PAIRS)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_accuracy_counts_rows_and_their_weights():
    scores = cosines(PAIRS)
    for row, column in ((0, 2), (0, 3)):
        scores[row, column] = scores[column, row] = -2
    right = scores.argmax(axis=1) == np.arange(5)
    assert 0 < right.sum() < 5
    metric = RetrievalAccuracy()
    metric.update_state(IDS, ops.convert_to_tensor(PAIRS))
    assert float(metric.result()) == pytest.approx(right.mean())
    weights = np.array([1, 2, 3, 4, 5])
    metric.reset_state()
    metric.update_state(IDS, ops.convert_to_tensor(PAIRS), weights)
    assert float(metric.result()) == pytest.approx((right * weights).sum() / 15)


def test_equal_embeddings_are_not_found():
    metric = RetrievalAccuracy()
    metric.update_state(np.arange(10).reshape(5, 2), ops.ones((5, 2, 4)))
    assert float(metric.result()) == pytest.approx(1 / 5)


@pytest.mark.parametrize("each", [RankingLoss(0.2), SimilarityLoss(), RetrievalAccuracy()])
def test_keras_saves_them(each):
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(each))
    assert type(twin) is type(each)
    assert twin.get_config() == each.get_config()
