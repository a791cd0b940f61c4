"""Search and its scores, against a sort of all cosines."""

import numpy as np
import pytest

from tfzoo.errors import DataError
from tfzoo.training import retrieval
from tfzoo.training.retrieval import cosines, nearest, retrieval_scores

RANDOM = np.random.default_rng(0)
QUERIES, DOCUMENTS = RANDOM.normal(size=(2, 600, 8)).astype("float32")
NEAR = DOCUMENTS + 2 * QUERIES


def all_cosines(a, b):
    norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return a @ b.T / norms


def test_nearest_are_the_first_of_all_sorted():
    assert len(QUERIES) > 2 * retrieval._ROWS
    scores = all_cosines(QUERIES, DOCUMENTS)
    indices, found = nearest(QUERIES, DOCUMENTS, top_k=7)
    np.testing.assert_array_equal(indices, np.argsort(-scores, axis=1)[:, :7])
    np.testing.assert_allclose(found, -np.sort(-scores, axis=1)[:, :7], atol=1e-6)


def test_no_more_are_found_than_there_are():
    indices, found = nearest(QUERIES[:3], DOCUMENTS[:2], top_k=9)
    assert indices.shape == found.shape == (3, 2)


def test_scores_are_those_of_ranks():
    scores = all_cosines(QUERIES, NEAR)
    order = np.argsort(-scores, axis=1)
    ranks = 1 + (order == np.arange(600)[:, None]).argmax(axis=1)
    assert 0.2 < (ranks == 1).mean() < 0.9
    found = retrieval_scores(QUERIES, NEAR)
    assert found["recall_at_1"] == pytest.approx((ranks == 1).mean())
    assert found["mrr"] == pytest.approx((1 / ranks).mean())


def test_embeddings_that_are_all_the_same_find_nothing():
    for value in (1.0, np.nan):
        same = np.full((10, 4), value, "float32")
        assert retrieval_scores(same, same) == {"recall_at_1": 0.0, "mrr": pytest.approx(0.1)}


def test_embeddings_of_different_models():
    with pytest.raises(DataError, match=r"shapes \(600, 8\) and \(600, 4\) have no cosines"):
        cosines(QUERIES, DOCUMENTS[:, :4])
    with pytest.raises(DataError, match="have no cosines"):
        cosines(QUERIES[0], DOCUMENTS)


def test_cosines_are_float32():
    assert cosines(QUERIES.astype("float64"), DOCUMENTS).dtype == np.float32


@pytest.mark.parametrize(("queries", "documents"), [(0, 0), (5, 3), (3, 5)])
def test_queries_without_documents_of_their_own(queries, documents):
    with pytest.raises(DataError, match=f"{queries} queries and {documents} documents; give each"):
        retrieval_scores(QUERIES[:queries], DOCUMENTS[:documents])


def test_no_queries():
    indices, scores = nearest(QUERIES[:0], DOCUMENTS, top_k=3)
    assert indices.shape == scores.shape == (0, 3)
