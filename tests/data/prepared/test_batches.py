"""Batches of prepared data: every row once per epoch, whoever reads them, and `fit` on them."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.distribute import input_lib, input_util

from tfzoo import BertMaskedLM, BertPretrainer, ElectraBackbone, ElectraPretrainer
from tfzoo.data.masking import ELECTRA, Masking
from tfzoo.data.prepared import prepared_batches
from tfzoo.data.prepared.folder import read_description
from tfzoo.errors import ConfigError
from tfzoo.training import AdamW


@pytest.fixture(scope="module")
def sentences(make):
    return make()


@pytest.fixture(scope="module")
def pairs(make):
    return make(format="nsp")


@pytest.fixture(scope="module")
def static(make):
    return make(format="nsp", static=True, duplicates=2)


def rows_of(batches):
    """The rows of an epoch but for empty ones, with the masks undone."""
    found = []
    for features, ids, weights in batches.as_numpy_iterator():
        real = features["padding_mask"].any(axis=1)
        if isinstance(ids, dict):
            np.testing.assert_array_equal(weights["next_sentence"], real)
            ids, weights = ids["masked_lm"], weights["masked_lm"]
        assert not weights[~real].any()
        restored = features["token_ids"].copy()
        rows, columns = np.nonzero(weights)
        restored[rows, features["masked_positions"][rows, columns]] = ids[rows, columns]
        found += [row.tobytes() for row in restored[real]]
    return found


@pytest.mark.parametrize("folder", ["sentences", "pairs", "static"])
def test_every_row_once_in_another_order_each_epoch(folder, request):
    folder = request.getfixturevalue(folder)
    batches = prepared_batches(folder, batch_size=16, seed=1)
    count = read_description(folder).rows
    assert count % 16, "else nothing is filled up"
    first, second = rows_of(batches), rows_of(batches)
    plain = rows_of(prepared_batches(folder, batch_size=16, shuffle=False))
    assert len(plain) == count
    assert len(batches) == -(-count // 16)
    assert collections.Counter(first) == collections.Counter(second) == collections.Counter(plain)
    assert len({tuple(first), tuple(second), tuple(plain)}) == 3
    again = prepared_batches(folder, batch_size=16, seed=1)
    assert [rows_of(again), rows_of(again)] == [first, second]
    assert rows_of(prepared_batches(folder, batch_size=16, seed=2)) != first
    shapes = {spec.shape[0] for spec in tf.nest.flatten(batches.element_spec)}
    assert shapes == {16}


def test_masks_are_anew_each_epoch_but_not_for_validation(sentences):
    def ids(batches):
        return next(iter(batches))[0]["token_ids"].numpy()

    training = prepared_batches(sentences, seed=1)
    assert (ids(training) != ids(training)).any()
    fixed = prepared_batches(sentences, seed=1, shuffle=False)
    np.testing.assert_array_equal(ids(fixed), ids(fixed))
    without = prepared_batches(
        sentences, seed=1, shuffle=False, masking=Masking(masked=0, random=0)
    )
    assert (ids(fixed) == 4).any()
    assert not (ids(without) == 4).any()


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_every_batch(pairs, workers):
    """As `experimental_distribute_dataset` gives them their part, which is what `fit` calls."""
    whole = prepared_batches(pairs, batch_size=8, seed=3)
    parts = []
    for index in range(workers):
        batches = prepared_batches(pairs, batch_size=8, seed=3)
        context = tf.distribute.InputContext(workers, index, workers)
        parts.append(
            input_util.get_distributed_dataset(
                batches,
                input_lib.InputWorkers([("/device:CPU:0", ("/device:CPU:0",))]),
                tf.distribute.OneDeviceStrategy("/device:CPU:0"),
                num_replicas_in_sync=workers,
                input_context=context,
            )
        )
    for _ in range(2):
        for batch, *shares in zip(whole, *parts, strict=True):
            flat = [tf.nest.flatten(share) for share in shares]
            assert {share[0].shape[0] for share in flat} == {8 // workers}
            for column, *columns in zip(tf.nest.flatten(batch), *flat, strict=True):
                np.testing.assert_array_equal(column, np.concatenate(columns))


def learn(model, batches):
    keras.utils.set_random_seed(0)
    model.compile(AdamW(0.01), run_eagerly=True)
    losses = model.fit(batches, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_a_masked_language_model_learns(sentences, tiny_bert):
    learn(BertMaskedLM(tiny_bert(num_layers=1, dropout=0.0)), prepared_batches(sentences, seed=0))


def test_a_pretrainer_learns(pairs, static, tiny_bert):
    batches = prepared_batches(pairs, seed=0)
    assert prepared_batches(static).element_spec == batches.element_spec
    learn(BertPretrainer(tiny_bert(num_layers=1, dropout=0.0)), batches)


def test_electra_learns(sentences):
    backbone = ElectraBackbone(
        vocabulary_size=23, num_layers=1, num_heads=4, hidden_dim=16, intermediate_dim=32
    )
    batches = prepared_batches(sentences, seed=0, masking=ELECTRA)
    learn(ElectraPretrainer(backbone, generator_hidden_dim=8), batches)


def test_what_cannot_be_batched(sentences, static):
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        prepared_batches(sentences, batch_size=0)
    with pytest.raises(ConfigError, match="are masked already"):
        prepared_batches(static, masking=Masking())
