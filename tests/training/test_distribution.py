"""Batches under a `keras.distribution`; `tests/models/test_jax.py` trains under a real one."""

from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from tfzoo.data.bucketing import Batcher
from tfzoo.training.distribution import even_batches, whole_batches


@pytest.fixture
def four_devices(monkeypatch):
    now = [SimpleNamespace(num_model_replicas=4)]
    monkeypatch.setattr(keras.distribution, "distribution", lambda: now[-1])
    monkeypatch.setattr(keras.distribution, "set_distribution", now.append)
    return now[0]


def labelled(count):
    rows = tf.data.Dataset.range(count)
    return rows.map(lambda i: ({"token_ids": tf.stack([i, i])}, i)).batch(8)


@pytest.mark.usefixtures("four_devices")
@pytest.mark.parametrize(
    ("count", "last"), [(16, [8, 9, 10, 11, 12, 13, 14, 15]), (11, [8, 9, 10, 8]), (9, [8] * 4)]
)
def test_the_last_batch_is_filled_up_with_its_own_rows(count, last):
    batches = even_batches(labelled(count))
    assert int(batches.cardinality()) == 2
    (_, first), (features, labels) = batches
    assert first.numpy().tolist() == list(range(8))
    assert labels.numpy().tolist() == last
    assert features["token_ids"].numpy().tolist() == [[each, each] for each in last]


def test_features_alone_stay_so(four_devices):
    batches = even_batches(labelled(9).map(lambda x, y: x))
    assert [len(batch["token_ids"]) for batch in batches] == [8, four_devices.num_model_replicas]


def test_nothing_changes_on_one_device():
    batches = labelled(9)
    assert even_batches(batches) is batches


def test_batches_are_whole_for_a_while(four_devices):
    with whole_batches():
        assert keras.distribution.distribution() is None
    assert keras.distribution.distribution() is four_devices


def test_jax_gets_few_lengths(preprocessor, monkeypatch):
    monkeypatch.setattr(preprocessor, "sequence_length", 128)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    texts = ["a", "the film was good", "a " * 40, "a " * 200]
    batches, _ = Batcher(preprocessor, batch_size=1).longest_first(tf.constant(texts))
    assert [batch["token_ids"].shape[1] for batch in batches] == [128, 64, 32, 32]
