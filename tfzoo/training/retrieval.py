"""Search by the cosine of embeddings, and its scores."""

from collections.abc import Iterator

import numpy as np

from tfzoo.errors import DataError

_ROWS = 256  # queries that are compared with all documents at once


def cosines(queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """The cosine of each query (N, H) and each document (M, H): (N, M) float32.

    Raises:
        DataError: they have other shapes.

    Example:

    >>> print(cosines(np.array([[3.0, 4.0]]), np.eye(2)))
    [[0.6 0.8]]
    """
    if queries.ndim != 2 or documents.ndim != 2 or queries.shape[1] != documents.shape[1]:
        raise DataError(
            f"Embeddings of the shapes {queries.shape} and {documents.shape} have no cosines; both "
            "must be (texts, size), made by the same model."
        )
    return _units(queries) @ _units(documents).T


def nearest(
    queries: np.ndarray, documents: np.ndarray, top_k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The documents with the highest cosines to each query, the best first.

    Args:
        queries: embeddings (N, H).
        documents: embeddings (M, H).
        top_k: how many documents are wanted; at most M are found.

    Returns:
        Their indices (N, K) and cosines (N, K).

    Raises:
        DataError: they have other shapes.

    Example:

    >>> indices, scores = nearest(np.array([[3.0, 4.0]]), np.eye(2), top_k=2)
    >>> print(indices, scores)
    [[1 0]] [[0.8 0.6]]
    """
    kept = min(top_k, len(documents))
    found = []
    for scores in _chunks(queries, documents):
        best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        found.append((best, np.take_along_axis(scores, best, axis=1)))
    indices, scores = zip(*found, strict=True)
    return np.concatenate(indices), np.concatenate(scores)


def retrieval_scores(queries: np.ndarray, documents: np.ndarray) -> dict[str, float]:
    """How well queries find their own documents among all, by cosine.

    The rank of a document is the number of those that are at least as close to the query, so equal
    documents stand in each other's way, and embeddings that are all the same find nothing.

    Args:
        queries: embeddings (N, H).
        documents: embeddings (N, H); the i-th one is what the i-th query looks for.

    Returns:
        `recall_at_1`, the share of queries whose document has rank 1; and `mrr`, the mean of the
        inverse ranks.

    Raises:
        DataError: they have other shapes, or there are none.

    Example:

    >>> scores = retrieval_scores(np.eye(2), np.array([[0.0, 1.0], [1.0, 2.0]]))
    >>> scores["recall_at_1"], scores["mrr"]
    (0.0, 0.5)
    """
    if len(queries) != len(documents) or not len(queries):
        raise DataError(
            f"There are {len(queries)} queries and {len(documents)} documents; give each query its "
            "own document."
        )
    ranks, start = [], 0
    for scores in _chunks(queries, documents):
        rows = np.arange(len(scores))
        own = scores[rows, start + rows]
        ranks.append((~(scores < own[:, None])).sum(axis=1))  # what is not a number is close
        start += len(scores)
    ranks = np.concatenate(ranks)
    return {"recall_at_1": float(np.mean(ranks == 1)), "mrr": float(np.mean(1 / ranks))}


def _chunks(queries: np.ndarray, documents: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of `cosines`, some at a time."""
    for start in range(0, max(1, len(queries)), _ROWS):
        yield cosines(queries[start : start + _ROWS], documents)


def _units(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
