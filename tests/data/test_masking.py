"""Which tokens are masked, by what, and what is asked for."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertTokenizer
from tfzoo.data.masking import mask_tokens, masked_batches

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = 2000
TOKENIZER = BertTokenizer([*SPECIAL, *(f"w{i}" for i in range(WORDS))])
PAD, _, CLS, SEP, MASK = range(5)
SEED = tf.constant([1, 2])


def make_features(lengths, width=None):
    """Rows of `lengths` random words between [CLS] and [SEP], in pairs where there is room."""
    width = width or max(lengths) + 3
    rng = np.random.default_rng(0)
    ids = np.full((len(lengths), width), PAD, np.int32)
    for row, length in zip(ids, lengths, strict=True):
        words = rng.integers(5, 5 + WORDS, length).tolist()
        tokens = [CLS, *words[: length // 2], SEP, *words[length // 2 :], SEP]
        row[: len(tokens)] = tokens
    mask = (ids != PAD).astype(np.int32)
    return {"token_ids": tf.constant(ids), "padding_mask": tf.constant(mask), "other": ids}


def as_arrays(features, seed=SEED):
    masked, labels, weights = mask_tokens(features, TOKENIZER, seed)
    assert {name: value.dtype for name, value in masked.items() if name != "other"} == {
        "token_ids": tf.int32,
        "padding_mask": tf.int32,
        "masked_positions": tf.int32,
    }
    assert (labels.dtype, weights.dtype) == (tf.int32, tf.float32)
    arrays = (masked["token_ids"], masked["masked_positions"], labels, weights)
    return [array.numpy() for array in arrays]


def test_shares():
    features = make_features([200] * 100)
    before = features["token_ids"].numpy()
    after, positions, labels, weights = as_arrays(features)
    np.testing.assert_array_equal(weights.sum(axis=1), 30)  # 15% of 200
    assert positions.shape == labels.shape == weights.shape == (100, 30)
    was = np.take_along_axis(before, positions, axis=1)
    now = np.take_along_axis(after, positions, axis=1)
    assert (now == MASK).mean() == pytest.approx(0.8, abs=0.03)
    assert (now == was).mean() == pytest.approx(0.1, abs=0.02)
    assert ((now != MASK) & (now != was)).mean() == pytest.approx(0.1, abs=0.02)
    replaced = now[(now != MASK) & (now != was)]
    assert replaced.mean() == pytest.approx(WORDS / 2, rel=0.1)
    assert replaced.max() < 5 + WORDS


def test_labels_are_what_stood_there_and_the_rest_is_untouched():
    features = make_features([40, 3, 17])
    before = features["token_ids"].numpy()
    after, positions, labels, weights = as_arrays(features)
    np.testing.assert_array_equal(labels, np.take_along_axis(before, positions, axis=1))
    chosen = np.zeros_like(before, bool)
    for row in range(3):
        chosen[row, positions[row, weights[row] == 1]] = True
    np.testing.assert_array_equal(after[~chosen], before[~chosen])
    assert not np.isin(before[chosen], [PAD, CLS, SEP]).any()
    np.testing.assert_array_equal(chosen.sum(axis=1), [6, 1, 3])  # each position once
    masked, *_ = mask_tokens(features, TOKENIZER, SEED)
    assert masked["other"] is features["other"]


def test_positions_rise_and_fillers_come_last():
    *_, positions, _, weights = as_arrays(make_features([100, 8]))
    assert weights[1].tolist() == [1] + [0] * 14
    assert positions[1, 1:].tolist() == [0] * 14
    assert (np.diff(positions[0]) > 0).all()


def test_every_position_is_chosen_equally_often():
    features = make_features([20] * 2000)
    *_, positions, _, weights = as_arrays(features)
    counts = np.bincount(positions[weights == 1], minlength=23)
    assert counts[[0, 11, 22]].tolist() == [0, 0, 0]  # special tokens
    words = np.delete(counts, [0, 11, 22])
    np.testing.assert_allclose(words / words.sum(), 1 / 20, rtol=0.2)


def test_hidden_tokens_under_the_padding_mask_are_not_chosen():
    features = make_features([40])
    features["padding_mask"] *= tf.cast(tf.range(43) < 10, tf.int32)
    *_, positions, _, weights = as_arrays(features)
    assert weights.sum() == 1
    assert positions[weights == 1] < 10


@pytest.mark.parametrize("lengths", [[0], [0, 0, 0], [0, 30]])
def test_rows_without_words(lengths):
    features = make_features(lengths)
    after, positions, _, weights = as_arrays(features)
    np.testing.assert_array_equal(after[0], features["token_ids"][0])
    assert weights[0].sum() == positions[0].sum() == 0
    assert np.isfinite(weights).all()


def test_unknown_words_may_be_chosen():
    features = make_features([30])
    features["token_ids"] = tf.where(features["token_ids"] > 4, 1, features["token_ids"])
    *_, labels, weights = as_arrays(features)
    assert labels[weights == 1].tolist() == [1] * 4


def test_every_epoch_masks_anew_and_a_seed_repeats_them():
    batches = tf.data.Dataset.from_tensors(make_features([50] * 4)).repeat(2)

    def epochs(seed):
        dataset = masked_batches(batches, TOKENIZER, seed)
        assert dataset.cardinality() == 2
        return [[features["token_ids"].numpy() for features, *_ in dataset] for _ in range(2)]

    first, again, other = epochs(seed=1), epochs(seed=1), epochs(seed=2)
    np.testing.assert_array_equal(first, again)
    masks = [*first[0], *first[1], *other[0]]  # of two batches, two epochs and another seed
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert (a != b).any()


def test_next_sentence_labels_and_weights():
    features = make_features([20, 0])
    batches = tf.data.Dataset.from_tensors((features, [1, 0], [0.5, 2.0]))
    ((masked, labels, weights),) = masked_batches(batches, TOKENIZER, seed=0)
    assert labels["next_sentence"].numpy().tolist() == [1, 0]
    assert weights["next_sentence"].numpy().tolist() == [0.5, 2.0]
    assert labels["masked_lm"].shape == masked["masked_positions"].shape == (2, 3)
    assert weights["masked_lm"].numpy().tolist() == [[0.5] * 3, [0] * 3]
    ((_, _, weights),) = masked_batches(batches.map(lambda x, y, w: (x, y)), TOKENIZER, seed=0)
    assert weights["next_sentence"].numpy().tolist() == [1, 1]


def test_dataset_of_unknown_length():
    batches = tf.data.Dataset.from_tensors(make_features([20])).filter(lambda features: True)
    assert len(list(masked_batches(batches, TOKENIZER, seed=0))) == 1
