"""Scores of models whose answers are known."""

import numpy as np
import pytest

from tfzoo import BertClassifier, BertMaskedLM
from tfzoo.binaries.kinds import kind_of
from tfzoo.binaries.scores import as_text
from tfzoo.data import Examples
from tfzoo.errors import DataError

TEXTS = ["a good film", "bad", "awful play", "the play", "we saw it", "not bad"]


def score(model, examples):
    return kind_of(model).score(model, examples, batch_size=32)


@pytest.fixture
def model(tiny_bert, preprocessor, monkeypatch):
    """A function that builds a classifier with these logits for `TEXTS`."""

    def build(logits, **arguments):
        model = BertClassifier(tiny_bert(), preprocessor=preprocessor, **arguments)
        monkeypatch.setattr(model, "predict", lambda texts, **_: np.array(logits, np.float32))
        return model

    return build


def test_one_label_per_text(model):
    logits = np.eye(2)[[0, 0, 1, 1, 1, 0]]
    labels = ["ham", "ham", "ham", "spam", "spam", "spam"]
    scores = score(model(logits, class_names=["ham", "spam"]), Examples(TEXTS, label=labels))
    assert scores == {
        "examples": 6,
        "accuracy": pytest.approx(4 / 6),
        "matthews": pytest.approx(1 / 3),
        "confusion_matrix": [[2, 1], [1, 2]],
        "f1": {"ham": pytest.approx(2 / 3), "spam": pytest.approx(2 / 3)},
    }


def test_several_labels_per_text(model):
    logits = [[1, -1], [1, 1], [-1, -1], [-1, 1], [-1, -1], [1, -1]]
    labels = [["good"], ["good"], [], ["long"], ["long"], ["good", "long"]]
    classifier = model(logits, class_names=["good", "long"], problem_type="multi_label")
    scores = score(classifier, Examples(TEXTS, label=labels))
    assert scores["accuracy"] == pytest.approx(9 / 12)
    assert scores["f1"] == {"good": 1.0, "long": pytest.approx(0.4)}
    assert "confusion_matrix" not in scores
    assert as_text(scores) == "6 examples, accuracy 0.7500, F1 of good 1.0000, F1 of long 0.4000"


def test_a_regression(model):
    logits = [[1], [2], [3], [4], [5], [8]]
    regression = model(logits, num_classes=1, problem_type="regression")
    assert score(regression, Examples(TEXTS, label=[1, 2, 3, 4, 5, 6])) == {
        "examples": 6,
        "mse": pytest.approx(4 / 6),
        "mae": pytest.approx(2 / 6),
        "pearson": pytest.approx(np.corrcoef(range(6), np.ravel(logits))[0, 1]),
    }
    assert score(regression, Examples(TEXTS, label=[1] * 6))["pearson"] == 0


def test_a_masked_language_model_has_its_own_metrics(tiny_bert, preprocessor):
    masked = BertMaskedLM(tiny_bert(), preprocessor)
    scores = score(masked, Examples(TEXTS))
    assert scores.keys() == {"examples", "loss", "masked_lm_accuracy"}
    assert scores["examples"] == 6


def test_an_unknown_label_is_named_with_its_example(model):
    classifier = model(np.eye(2), class_names=["ham", "spam"])
    with pytest.raises(DataError, match="Example 1 has the label 'eggs'"):
        score(classifier, Examples(TEXTS[:2], label=["ham", "eggs"]))


def test_a_wide_confusion_matrix_is_left_out_of_the_text():
    names = [f"class {i}" for i in range(11)]
    scores = {"accuracy": 1.0, "f1": dict.fromkeys(names, 1.0)}
    text = as_text({**scores, "confusion_matrix": np.eye(11, dtype=int).tolist()})
    assert "predicted" not in text
