"""Scores of entities."""

import numpy as np
import pytest

from tfzoo.training.entities import entity_scores


def test_scores_by_hand():
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"], ["B-ORG"]]
    predicted = [["B-PER", "I-PER", "O", "I-LOC"], ["B-LOC", "I-LOC"], ["O"]]
    scores = entity_scores(true, predicted)  # of 3 found and 4 true ones, 2 are right
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 4)
    assert scores["f1"] == pytest.approx(4 / 7)
    assert scores["f1_of"] == pytest.approx({"LOC": 0.5, "ORG": 0.0, "PER": 1.0})
    assert {type(value) for value in scores["f1_of"].values()} == {float}


@pytest.mark.filterwarnings("error")
def test_nothing_to_find():
    none = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "f1_of": {}}
    assert entity_scores([["O", "O"], []], [("O", "O"), np.array([])]) == none
