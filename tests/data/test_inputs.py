"""What counts as text, the seed of an epoch's order, and the validation split."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.inputs import (
    count_batches,
    draw_seed,
    evaluation_batches,
    feature_batches,
    is_text,
    prediction_batches,
    split_off,
    training_batches,
    weighted_by_class,
)
from tfzoo.errors import ConfigError, DataError

TEXTS = ["good film", "bad film", "a very bad film", "good"]
IDS = np.array([[2, 3]])


def dataset(*columns):
    return tf.data.Dataset.from_tensor_slices(columns if len(columns) > 1 else columns[0])


@pytest.mark.parametrize(
    "x",
    [
        TEXTS,
        [b"bytes"],
        np.array(TEXTS),
        np.array(TEXTS, object),
        np.array([b"bytes"]),
        tf.constant(TEXTS),
        (TEXTS, TEXTS),
        (np.array(TEXTS), tf.constant(TEXTS)),
        dataset(TEXTS),
        dataset(TEXTS, [0, 1, 0, 1]),
        dataset(TEXTS).batch(2),
        tf.data.Dataset.from_tensors(((TEXTS, TEXTS), [0, 1, 0, 1])),
    ],
    ids=lambda x: type(x).__name__,
)
def test_text(x):
    assert is_text(x)


@pytest.mark.parametrize(
    "x",
    [
        IDS,
        tf.constant(IDS),
        {"token_ids": IDS},
        dataset({"token_ids": IDS}),
        dataset({"token_ids": IDS}, [1]),
        None,
        keras.utils.PyDataset(),
    ],
    ids=lambda x: type(x).__name__,
)
def test_features(x):
    assert not is_text(x)


def test_pandas_column():
    pandas = pytest.importorskip("pandas")
    for dtype in ("object", "str", "string"):
        assert is_text(pandas.Series(TEXTS, dtype=dtype))
    assert not is_text(pandas.Series([1, 2]))


def test_seed_is_keras():
    seeds = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        seeds.append([draw_seed(), draw_seed()])
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1]


@pytest.mark.parametrize("batched", [True, False])
def test_dataset_keeps_its_labels(preprocessor, batched):
    data = dataset(TEXTS, [10, 11, 12, 13])
    data = data.batch(3) if batched else data
    result = training_batches(preprocessor, data, None, None, batch_size=3, shuffle=False, seed=0)
    assert [y.numpy().tolist() for _, y in result] == [[10, 11, 12], [13]]
    evaluated = evaluation_batches(preprocessor, data, None, None, batch_size=3)
    assert [y.numpy().tolist() for _, y in evaluated] == [[10, 11, 12], [13]]


def test_training_order_follows_the_seed(preprocessor):
    def order(seed):
        texts, y = ["good"] * 50, np.arange(50)
        result = training_batches(
            preprocessor, texts, y, None, batch_size=8, shuffle=True, seed=seed
        )
        return np.concatenate([y for _, y in result]).tolist()

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == list(range(50))


def test_evaluation_puts_the_longest_first(preprocessor):
    result = evaluation_batches(preprocessor, TEXTS, np.arange(4), 1.0 * np.arange(4), batch_size=2)
    assert [y.numpy().tolist() for _, y, _ in result] == [[2, 0], [1, 3]]
    assert [weights.numpy().tolist() for *_, weights in result] == [[2, 0], [1, 3]]


def test_predictions_come_back_in_the_callers_order(preprocessor):
    for x in (TEXTS, dataset(TEXTS), dataset(TEXTS).batch(3)):
        batches, positions = prediction_batches(preprocessor, x, batch_size=2)
        lengths = np.concatenate([each["padding_mask"].numpy().sum(axis=1) for each in batches])
        assert lengths[positions].tolist() == [4, 4, 6, 3]


def test_features_labels_and_weights_may_be_lists():
    x, y = {"token_ids": [[2, 3], [4, 5], [6, 7]]}, {"one": [0, 1, 2], "two": np.arange(3)}
    (rows, labels, weights), rest = feature_batches(x, y, [1.0, 2.0, 3.0], 2, shuffle=False)
    assert rows["token_ids"].numpy().tolist() == [[2, 3], [4, 5]]
    assert labels["one"].numpy().tolist() == labels["two"].numpy().tolist() == [0, 1]
    assert (weights.numpy().tolist(), rest[2].numpy().tolist()) == ([1.0, 2.0], [3.0])
    for wrong, y, weights in [
        ({"token_ids": [[2], [4, 5]]}, [0, 1], None),
        (x, [0, 1], None),
        (x, None, [1, 2, 3]),
    ]:
        with pytest.raises(DataError, match=r"make no array|different numbers|without labels"):
            feature_batches(wrong, y, weights, None, shuffle=False)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        feature_batches(x, None, None, 0, shuffle=False)


def test_weights_of_classes():
    table = np.array([0.5, 2.0], "float32")
    data = dataset(TEXTS, [1, 0, 1, 0], np.array([1.0, 2.0, 3.0, 4.0])).batch(2)
    weights = [each.numpy().tolist() for *_, each in weighted_by_class(data, table)]
    assert weights == [[2.0, 1.0], [6.0, 2.0]]
    assert [each.numpy() for *_, each in weighted_by_class(dataset(TEXTS[:1], [1]), table)] == [2.0]
    for wrong in (TEXTS, dataset(TEXTS), dataset(TEXTS, [0.0] * 4), keras.utils.PyDataset()):
        with pytest.raises(DataError, match="class_weight needs labels"):
            weighted_by_class(wrong, table)


def test_split_takes_the_last_examples_of_every_column():
    x = (np.array(TEXTS), TEXTS)
    first, last = split_off(x, np.arange(4), [0.1, 0.2, 0.3, 0.4], 0.5)
    assert [part.tolist() for part in (first[0][0], last[0][0])] == [TEXTS[:2], TEXTS[2:]]
    assert (first[0][1], last[0][1]) == (TEXTS[:2], TEXTS[2:])
    assert (first[1].tolist(), last[1].tolist()) == ([0, 1], [2, 3])
    assert (first[2], last[2]) == ([0.1, 0.2], [0.3, 0.4])


@pytest.mark.parametrize("share", [0.0, 0.9, 1.0, -0.5])
def test_split_that_leaves_nothing(share):
    with pytest.raises(ConfigError, match=f"validation_split={share} of 4 examples"):
        split_off(TEXTS, [0, 1, 0, 1], None, share)


def test_dataset_is_not_split():
    with pytest.raises(ConfigError, match="give validation_data instead"):
        split_off(dataset(TEXTS), None, None, 0.5)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (dataset(TEXTS).batch(3), 2),
        (dataset(TEXTS).filter(lambda text: True), None),
        (dataset(TEXTS).repeat(), None),
        (iter([]), None),
    ],
)
def test_batches_are_counted(x, expected):
    assert count_batches(x) == expected


def test_batches_are_counted_as_keras_does():
    class Sequence(keras.utils.PyDataset):
        num_batches = 7

    assert count_batches(Sequence()) == 7
    of_32 = feature_batches({"token_ids": np.zeros((65, 2))}, None, None, None, shuffle=True)
    assert count_batches(of_32) == 3
