"""Scores against scikit-learn's."""

import numpy as np
import pytest

from tfzoo.training.metrics import confusion_matrix, f1_scores

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def ids():
    """True and predicted ids of 4 classes, of which the last neither occurs nor is predicted."""
    random = np.random.default_rng(0)
    return random.integers(0, 3, 200), random.integers(0, 3, 200)


def test_confusion_matrix(ids):
    ours = confusion_matrix(*ids, num_classes=4)
    assert ours.tolist() == sklearn_metrics.confusion_matrix(*ids, labels=range(4)).tolist()


def test_f1_of_one_label_per_example(ids):
    rows = [np.eye(4)[column] for column in ids]
    theirs = sklearn_metrics.f1_score(*ids, labels=range(4), average=None, zero_division=0)
    np.testing.assert_allclose(f1_scores(*rows), theirs)


def test_f1_of_several_labels_per_example():
    random = np.random.default_rng(1)
    rows = random.random((2, 100, 5)) > [0.1, 0.5, 0.5, 0.9, 1.0]
    theirs = sklearn_metrics.f1_score(*rows, average=None, zero_division=0)
    np.testing.assert_allclose(f1_scores(*rows), theirs)
