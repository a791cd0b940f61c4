"""SQuAD's scores, against values that its evaluation script gives."""

import pytest

from tfzoo.errors import DataError
from tfzoo.training.squad_scores import squad_scores


def test_formulas_by_hand():
    """Four pairs: equal but for case, article and comma; 2 of 3 and 2 of 4 words shared."""
    predictions = ["The  Eiffel-Tower!", "in the year 1889", "Gustave", ""]
    references = [["eiffeltower"], ["the year 1889 or so"], ["Paris", "Gustave Eiffel"], ["Seine"]]
    shared = 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)
    scores = squad_scores(predictions, references)
    assert scores["exact"] == 25
    assert scores["f1"] == pytest.approx(100 * (1 + shared + 2 / 3 + 0) / 4)
    assert scores["total"] == 4
    assert len(scores) == 3


@pytest.mark.parametrize(
    ("prediction", "reference", "exact", "f1"),
    [
        ("A cat", "the cat", 100, 100),
        ("another cat", "cat", 0, 200 / 3),  # articles are whole words
        ("U.S.", "us", 100, 100),  # punctuation goes before articles
        ("a-b", "ab", 100, 100),
        ("a.", "", 100, 100),
        ("“cat”", "cat", 0, 0),  # only ASCII punctuation
        ("cat cat", "cat", 0, 200 / 3),  # a word counts as often as both have it
        ("cat cat", "cat cat dog", 0, 80),
        ("Straße", "strasse", 0, 0),
        ("cat\u00a0dog", "cat dog", 100, 100),
        ("a cat", "", 0, 0),
        ("", "cat", 0, 0),
    ],
)
def test_comparisons(prediction, reference, exact, f1):
    scores = squad_scores([prediction], [[reference]])
    assert (scores["exact"], scores["f1"]) == (exact, pytest.approx(f1))


def test_the_best_reference_counts():
    """Of both scores by itself."""
    scores = squad_scores(["big dog"], [["cat", "a big brown dog", "dog"]])
    assert scores["f1"] == pytest.approx(80)


def test_no_answers():
    scores = squad_scores(["", "x", "cat", "The"], [[], [], ["cat"], ["the", "a"]])
    assert scores["exact"] == scores["f1"] == 75
    assert (scores["has_answer_exact"], scores["has_answer_total"]) == (100, 2)
    assert (scores["no_answer_f1"], scores["no_answer_total"]) == (50, 2)


def test_lengths():
    with pytest.raises(DataError, match="2 predictions and 1 lists"):
        squad_scores(["a", "b"], [["a"]])
    with pytest.raises(DataError, match="at least one"):
        squad_scores([], [])
