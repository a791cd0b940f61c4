"""Splits by hash."""

import pytest

from tfzoo.data import Examples, drop_duplicates, split_examples
from tfzoo.errors import ConfigError

TEXTS = [f"text {i}" for i in range(2000)]


def test_duplicates_go_and_the_first_stays():
    examples = Examples(["a", "b", "a"], ["x", "x", "y"], [1, 2, 3])
    assert drop_duplicates(examples) == examples
    assert drop_duplicates(Examples(examples.text, label=[1, 2, 3])).label == [1, 2]


def test_the_parts_are_the_whole_in_the_given_shares():
    parts = split_examples(Examples(TEXTS, label=list(range(2000))))
    assert sorted(label for part in parts for label in part.label) == list(range(2000))
    assert [len(part) for part in parts] == pytest.approx([1600, 200, 200], abs=40)
    assert all(part.label == sorted(part.label) for part in parts)


def test_a_text_falls_into_the_same_part_whatever_else_there_is():
    train, rest = split_examples(Examples(TEXTS), (0.7, 0.3))
    again = split_examples(Examples(TEXTS[::-3]), (0.7, 0.3))
    assert set(again[0].text) == set(train.text) & set(TEXTS[::-3])
    assert set(again[1].text) == set(rest.text) & set(TEXTS[::-3])


def test_the_split_never_changes():
    # Their SHA-256 begins with 82, e3 and f3; the bounds are at cc.cc and e6.66.
    parts = split_examples(Examples(["text 0", "text 22", "text 25"]))
    assert [part.text for part in parts] == [["text 0"], ["text 25"], ["text 22"]]


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (1.2, -0.2), (1, 0), ()])
def test_fractions_that_are_none(fractions):
    with pytest.raises(ConfigError, match="positive and sum to 1"):
        split_examples(Examples(TEXTS), fractions)
