"""Scores of classifications, counted over all examples at once."""

import numpy as np


def confusion_matrix(targets: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts how the examples of each class were classified.

    Args:
        targets: true class ids (N,).
        predictions: predicted class ids (N,).
        num_classes: how many classes C there are.

    Returns:
        Counts (C, C): row i, column j holds the examples of class i that were taken for class j.

    Example:

    >>> confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2).tolist()
    [[1, 1], [0, 2]]
    """
    pairs = np.asarray(targets) * num_classes + np.asarray(predictions)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def f1_scores(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """The F1 of each class: the harmonic mean of its precision and its recall.

    Args:
        targets: rows of zeros and ones (N, C), a one for each class that an example has.
        predictions: the same, as predicted.

    Returns:
        Scores (C,) between 0 and 1; 0 for a class that neither occurs nor is predicted.

    Example:

    >>> targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    >>> f1_scores(targets, np.array([[1, 0], [0, 1], [0, 1], [0, 1]])).round(3).tolist()
    [0.667, 0.8]
    """
    targets, predictions = np.asarray(targets, bool), np.asarray(predictions, bool)
    right = (targets & predictions).sum(axis=0)
    marked = targets.sum(axis=0) + predictions.sum(axis=0)
    return 2 * right / np.maximum(marked, 1)


def correlation(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Pearson's correlation of numbers, between -1 and 1; 0 where one side is all the same.

    Args:
        targets: true values (N,).
        predictions: predicted values (N,).

    Example:

    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0])), 3)
    0.866
    """
    both = [np.asarray(values, np.float64) for values in (targets, predictions)]
    if any(np.ptp(values) == 0 for values in both):
        return 0.0
    return float(np.corrcoef(*both)[0, 1])
