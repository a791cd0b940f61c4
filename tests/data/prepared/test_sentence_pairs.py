"""Pairs of segments: what follows what, and what does not."""

import random

import numpy as np
import pytest

from tfzoo import BertTokenizer
from tfzoo.data.prepared.sentence_pairs import encode_documents, pair_rows
from tfzoo.errors import ConfigError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
DOCUMENTS, SENTENCES, WORDS = 40, 30, 7  # every word of the corpus is another one
COUNT = DOCUMENTS * SENTENCES * WORDS
TOKENIZER = BertTokenizer([*SPECIAL, *(f"w{i}" for i in range(COUNT))])


def corpus():
    numbers = iter(range(COUNT))
    for _ in range(DOCUMENTS):
        yield [" ".join(f"w{next(numbers)}" for _ in range(WORDS)) for _ in range(SENTENCES)]


ENCODED = encode_documents(TOKENIZER, corpus())


def pairs(width=48, seed=0, encoded=ENCODED, **options):
    """Of each row the ids of both segments, and the label."""
    options = {"swapped": False, "short_share": 0.1, **options}
    rows = pair_rows(TOKENIZER, encoded, width, rng=random.Random(seed), **options)
    assert {name: column.dtype for name, column in rows.items()} == dict.fromkeys(rows, np.int32)
    found = []
    for ids, mask, segments, label in zip(*rows.values(), strict=True):
        first, second = ids[(segments == 0) & (mask == 1)], ids[segments == 1]
        assert (first[0], first[-1], second[-1]) == (2, 3, 3)
        assert len(ids) == width
        assert not ids[mask == 0].any()
        found.append((first[1:-1] - 5, second[:-1] - 5, label))
    return found


def document(ids):
    (number,) = set((ids // (SENTENCES * WORDS)).tolist())
    return number


def test_documents_are_encoded_without_empty_ones():
    encoded = encode_documents(TOKENIZER, [[" ", "w1 w2", ""], [""], ["w3", "w4"]])
    assert encoded.ids.tolist() == [6, 7, 8, 9]
    assert (encoded.sentences, encoded.documents) == ([0, 2, 3, 4], [0, 1, 3])
    assert pairs(encoded=encode_documents(TOKENIZER, [])) == []


def test_half_of_the_segments_follow_and_the_others_are_of_another_document():
    found = pairs()
    assert np.mean([label for *_, label in found]) == pytest.approx(0.5, abs=0.06)
    for first, second, label in found:
        assert (np.diff(first) == 1).all()
        assert (np.diff(second) == 1).all()
        assert (document(first) != document(second)) == label
        if not label:
            assert 1 <= second[0] - first[-1] <= WORDS * SENTENCES  # a gap where it was too long


def test_no_sentence_is_lost():
    found = pairs(width=400, short_share=0.0)  # wide enough that nothing is cut
    seen = np.concatenate([f if label else np.concatenate([f, s]) for f, s, label in found])
    np.testing.assert_array_equal(seen, np.arange(COUNT))


def test_swapped_segments():
    found = pairs(swapped=True)
    assert np.mean([label for *_, label in found]) == pytest.approx(0.5, abs=0.06)
    for first, second, label in found:
        assert document(first) == document(second)
        assert (first[0] > second[0]) == label
    lonely = encode_documents(TOKENIZER, [["w1 w2"], ["w3"]])
    assert pairs(encoded=lonely, swapped=True) == []
    assert [label for *_, label in pairs(encoded=lonely)] == [1, 1]


def test_long_segments_are_cut_at_either_end():
    encoded = encode_documents(TOKENIZER, [[" ".join(f"w{i}" for i in range(60))] * 2])
    found = [pairs(12, seed, encoded, swapped=True)[0] for seed in range(300)]
    for first, second, _ in found:
        assert (len(first), len(second)) == (5, 4)
    starts = np.array([first[0] for first, *_ in found])
    assert starts.mean() == pytest.approx(27.5, abs=1)  # of the 55 tokens that go
    assert starts.std() == pytest.approx(np.sqrt(55) / 2, rel=0.2)


def test_some_rows_are_short():
    def lengths(share):
        return np.array([len(f) + len(s) for f, s, _ in pairs(width=96, short_share=share)])

    assert (lengths(0.0) < 90).mean() < 0.35  # at the end of a document
    assert (lengths(1.0) < 90).mean() > 0.7


def test_the_seed_decides():
    def ids(seed):
        return [first.tolist() for first, *_ in pairs(seed=seed)]

    assert ids(1) == ids(1) != ids(2)


def test_what_cannot_be_paired():
    with pytest.raises(ConfigError, match="at least 5, not 4"):
        pairs(width=4)

    class WithoutSegments(BertTokenizer):
        has_segments = False

    tokenizer, rng = WithoutSegments(SPECIAL), random.Random()
    with pytest.raises(ConfigError, match="a family without segments; choose the format full_se"):
        pair_rows(tokenizer, ENCODED, 16, swapped=False, short_share=0.1, rng=rng)
