"""Words and spans that are masked as a whole."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertTokenizer
from tfzoo.data.mask_units import units_of
from tfzoo.data.masking import Masking, mask_tokens
from tfzoo.errors import ConfigError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENIZER = BertTokenizer([*SPECIAL, *(f"w{i}" for i in range(50)), *(f"##{i}" for i in range(30))])
CLS, SEP = TOKENIZER.cls_id, TOKENIZER.sep_id
LENGTH = 200  # words and their parts in a row


def rows(count, seed=0):
    """Rows of words with parts behind some of them, with a [SEP] in the middle."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, TOKENIZER.vocabulary_size, (count, LENGTH))
    ids[:, LENGTH // 2] = SEP
    ends = np.full((count, 1), CLS), np.full((count, 1), SEP)
    ids = np.hstack([ends[0], ids, ends[1]]).astype(np.int32)
    return {"token_ids": tf.constant(ids), "padding_mask": tf.ones_like(ids)}


def masked(features, unit, **shares):
    """The columns that are to be predicted (B, S), and the ids afterwards."""
    masking = Masking(unit=unit, **shares)
    after, _, weights = mask_tokens(features, TOKENIZER, tf.constant([3, 4]), masking)
    positions = after["masked_positions"].numpy()
    chosen = np.zeros(after["token_ids"].shape, bool)
    for row, (columns, real) in enumerate(zip(positions, weights.numpy(), strict=True)):
        chosen[row, columns[real > 0]] = True
    return chosen, after["token_ids"].numpy()


def words(features):
    ids = features["token_ids"]
    maskable = tf.reduce_all(ids[..., None] != [CLS, SEP], axis=-1)
    return units_of(ids, maskable, TOKENIZER).numpy()


def runs(row):
    """Lengths of the stretches of ones."""
    edges = np.flatnonzero(np.diff(row.astype(int), prepend=0, append=0))
    return (edges[1::2] - edges[::2]).tolist()


def test_what_a_word_is():
    ids = tf.constant([[CLS, 5, 60, 61, 6, SEP, 60, 7, 0]])
    maskable = tf.constant([[False, True, True, True, True, False, True, True, False]])
    assert units_of(ids, maskable, TOKENIZER).numpy().tolist() == [[0, 1, 1, 1, 2, 3, 4, 5, 6]]


def test_a_span_ends_at_a_special_token():
    ids = tf.constant([[CLS, 5, 60, 6, SEP, 7, 8, SEP]])
    maskable = ~tf.reduce_any(ids[..., None] == [CLS, SEP], axis=-1)
    long = units_of(ids, maskable, TOKENIZER, tf.fill([1, 8], 0.999))
    assert long.numpy().tolist() == [[0, 1, 1, 1, 2, 3, 3, 4]]
    short = units_of(ids, maskable, TOKENIZER, tf.zeros([1, 8]))
    assert short.numpy().tolist() == [[0, 1, 1, 2, 3, 4, 5, 6]]


def test_the_marks_of_other_vocabularies():
    class Marked:
        special_tokens = {"pad_id": "<pad>"}  # noqa: RUF012
        vocabulary = ("<pad>", "▁play", "ing", "Ġplay")

    ids = tf.constant([[1, 2, 2, 3, 2, 0]])
    assert units_of(ids, ids != 0, Marked()).numpy().tolist() == [[0, 0, 0, 1, 1, 2]]


@pytest.mark.parametrize("unit", ["whole_word", "span"])
def test_the_budget_is_that_of_tokens(unit):
    features = rows(50)
    chosen, _ = masked(features, unit)
    assert chosen.sum(axis=1).tolist() == [30] * 50  # 15% of 199
    assert not chosen[np.isin(features["token_ids"].numpy(), [CLS, SEP])].any()


def test_words_are_whole():
    features = rows(50)
    chosen, _ = masked(features, "whole_word")
    for row, numbers in zip(chosen, words(features), strict=True):
        size, hit = np.bincount(numbers), np.bincount(numbers, weights=row)
        assert set(np.unique(hit / size)) == {0, 1}
    tokens, _ = masked(features, "token")
    assert max(map(len, map(runs, chosen))) < min(map(len, map(runs, tokens)))


def test_a_word_that_is_too_long_is_passed_over():
    features = {"token_ids": tf.constant([[CLS, 5, 60, 61, 62, SEP]] * 2), "other": 0}
    features["padding_mask"] = tf.ones_like(features["token_ids"])
    assert masked(features, "whole_word")[0].sum() == 0
    assert masked(features, "whole_word", share=0.9)[0].sum(axis=1).tolist() == [4, 4]


def test_every_word_of_a_length_is_chosen_equally_often():
    row = [CLS, *[5, 60] * 20, *[6] * 20, SEP]
    features = {"token_ids": tf.constant([row] * 2000)}
    features["padding_mask"] = tf.ones_like(features["token_ids"])
    counts = masked(features, "whole_word", share=0.5)[0].sum(axis=0)
    np.testing.assert_allclose(counts[1:41] / counts[1:41].mean(), 1, atol=0.1)
    np.testing.assert_allclose(counts[41:61] / counts[41:61].mean(), 1, atol=0.1)
    assert counts[1:41].mean() / counts[41:61].mean() == pytest.approx(1, abs=0.05)


def test_spans_are_of_spanberts_lengths():
    ids = tf.constant(np.full((400, 256), 5, np.int32))  # each token a word
    noise = tf.random.stateless_uniform(ids.shape, [1, 2])
    numbers = units_of(ids, ids > 0, TOKENIZER, noise).numpy()
    lengths = collections.Counter()
    for row in numbers:
        lengths.update(np.bincount(row)[:-1].tolist())  # the last is cut by the row's end
    assert max(lengths) == 10
    weights = {n: 0.2 * 0.8 ** (n - 1) for n in range(1, 11)}
    for n, weight in weights.items():
        found, expected = lengths[n] / lengths.total(), weight / sum(weights.values())
        assert found == pytest.approx(expected, abs=0.015)


def test_spans_start_with_words_stay_in_a_segment_and_share_their_fate():
    features = rows(200, seed=1)
    before = features["token_ids"].numpy()
    chosen, after = masked(features, "span", masked=0.5, random=0.0)
    numbers = words(features)
    continued = np.diff(numbers, axis=1, prepend=-1) == 0
    cut = (chosen & continued & ~np.roll(chosen, 1, axis=1)).sum()
    assert cut == 0  # only the end of a span may be inside of a word
    is_mask = (after == TOKENIZER.mask_id) & chosen
    inside = chosen[:, 1:] & chosen[:, :-1]
    same = (is_mask[:, 1:] == is_mask[:, :-1])[inside].mean()
    assert same > 0.9  # neighbours of two spans may differ
    assert is_mask.sum() / chosen.sum() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(after[~chosen], before[~chosen])


def test_what_no_masking_is():
    for change, message in (
        ({"unit": "word"}, "one of token, whole_word, span, not word"),
        ({"share": 0}, "between 0 and 1, not 0"),
        ({"masked": 0.9, "random": 0.2}, "0.9 masked and 0.2 random"),
    ):
        with pytest.raises(ConfigError, match=message):
            dataclasses.replace(Masking(), **change)
