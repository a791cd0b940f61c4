"""Spans of entities, against seqeval's."""

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from tfzoo.data.entities import entity_spans, marks_entities, word_spans

TAGS = ["O", *(f"{prefix}-{label}" for prefix in "BIES" for label in ("PER", "LOC-1"))]


def test_spans_are_those_of_seqeval():
    rng = np.random.default_rng(0)
    found = 0
    for length in rng.integers(0, 12, 2000):
        tags = rng.choice(TAGS, length).tolist()
        expected = [(label, start, end + 1) for label, start, end in get_entities(tags)]
        assert entity_spans(tags) == expected, tags
        found += len(expected)
    assert found > 5000


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (TAGS, True),
        (["O", "B-a\nb"], True),
        (["B-PER", "I-PER"], True),
        (["O", "B", "I"], False),
        (["NOUN", "VERB", "O"], False),
        (["O", "X-PER"], False),
        (["O"], False),
        ([], False),
    ],
)
def test_what_marks_entities(names, expected):
    assert marks_entities(names) is expected


def test_words_alone():
    assert word_spans([1, "NOUN"]) == [(1, 0, 1), ("NOUN", 1, 2)]
