"""Batches: which examples they hold, in which order, how padded, and what cannot be batched."""

import collections
import itertools
import random

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data import bucketing
from tfzoo.data.pipeline import dataset_batches, sorted_batches, training_batches
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import BertTokenizer, TextPreprocessor

WORDS = [f"w{i}" for i in range(1000)]
TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
PREPROCESSOR = TextPreprocessor(TOKENIZER, sequence_length=44)
NASTY = ["", "nul\0byte", "\0", "w1 " * 10000, "👩🏽 emoji", "中文句子", b"\xff\xfe not utf-8"]


@pytest.fixture(autouse=True)
def eights(monkeypatch):
    """Lengths are multiples of 8, whatever the device."""
    monkeypatch.setattr(bucketing, "_length_multiple", lambda: 8)


def make_texts(count, seed=0):
    """Texts of 1 to 60 words; the first word says which one it is."""
    chance = random.Random(seed)
    return [
        " ".join([WORDS[i], *chance.choices(WORDS, k=chance.randrange(60))]) for i in range(count)
    ]


def examples_of(features):
    """Which text each row holds, and how many real tokens."""
    first_words = features["token_ids"][:, 1].numpy() - 5
    return first_words.tolist(), features["padding_mask"].numpy().sum(axis=1).tolist()


def epoch(dataset):
    """The examples of every batch of one epoch."""
    batches = (batch[0] if isinstance(batch, tuple) else batch for batch in dataset)
    return [examples_of(features)[0] for features in batches]


def order(dataset):
    """The examples of one epoch."""
    return list(itertools.chain.from_iterable(epoch(dataset)))


def assert_little_padding(batches):
    """Rows are padded to the longest of their batch, rounded up to a multiple of 8, at most 44."""
    for features, *_ in batches:
        longest = max(examples_of(features)[1])
        assert features["token_ids"].shape[1] == min(-(-longest // 8) * 8, 44)


def test_every_example_once_per_epoch_in_exact_batches():
    texts, y = make_texts(1000), np.arange(1000)
    dataset = training_batches(PREPROCESSOR, texts, y, 2.0 * y, batch_size=7, seed=0)
    assert dataset.cardinality() == 143
    batches = list(dataset)
    assert collections.Counter(len(labels) for _, labels, _ in batches) == {7: 142, 6: 1}
    for features, labels, weights in batches:
        assert examples_of(features)[0] == labels.numpy().tolist()
        assert (weights.numpy() == 2.0 * labels.numpy()).all()
    assert sorted(order(batches)) == list(range(1000))


def test_a_batch_holds_rows_of_similar_length_in_random_order():
    dataset = training_batches(PREPROCESSOR, make_texts(1000), batch_size=10, seed=0)
    batches = [(features,) for features in dataset]
    assert_little_padding(batches)
    lengths = [examples_of(features)[1] for (features,) in batches]
    assert np.mean([max(batch) - min(batch) for batch in lengths]) < 3
    longest = [max(batch) for batch in lengths]
    assert longest != sorted(longest)
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.4


def test_the_seed_decides_the_order_of_every_epoch():
    def two_epochs(seed):
        dataset = training_batches(PREPROCESSOR, texts, y, batch_size=8, seed=seed)
        return epoch(dataset), epoch(dataset)

    texts, y = make_texts(600), np.arange(600)
    first, second = two_epochs(seed=1)
    assert first != second
    assert sorted(map(sorted, first)) != sorted(map(sorted, second))  # not the same batches either
    assert two_epochs(seed=1) == (first, second)
    assert two_epochs(seed=2)[0] != first


def test_equal_lengths_are_mixed():
    texts = [WORDS[i] for i in range(600)]
    batches = epoch(training_batches(PREPROCESSOR, texts, np.zeros(600), batch_size=8, seed=0))
    assert min(max(batch) - min(batch) for batch in batches) > 100


def test_without_shuffling_the_callers_order_is_kept():
    texts = make_texts(50)
    dataset = training_batches(PREPROCESSOR, texts, np.arange(50), batch_size=8, shuffle=False)
    assert dataset.cardinality() == 7
    assert order(dataset) == list(range(50))
    assert_little_padding(dataset)


def test_a_token_budget_is_kept_and_used():
    dataset = training_batches(PREPROCESSOR, make_texts(1000), tokens_per_batch=400, seed=0)
    shapes = [features["token_ids"].shape for features in dataset]
    assert max(rows * length for rows, length in shapes) <= 400
    assert np.mean([rows * length for rows, length in shapes]) > 350
    assert sorted(order(dataset)) == list(range(1000))


def test_workers_share_every_batch():
    def batches(context=None):
        return training_batches(
            PREPROCESSOR, texts, y, batch_size=10, seed=3, input_context=context
        )

    texts, y = make_texts(95), np.arange(95)
    contexts = [tf.distribute.InputContext(3, worker) for worker in range(3)]
    whole, parts = list(batches()), [list(batches(context)) for context in contexts]
    assert [len(part) for part in parts] == [10, 10, 10]
    for (features, labels), *shares in zip(whole, *parts, strict=True):
        assert sorted(np.concatenate([share for _, share in shares])) == sorted(labels)
        assert {share["token_ids"].shape[1] for share, _ in shares} == {
            features["token_ids"].shape[1]
        }
    with pytest.raises(ConfigError, match="need a seed"):
        training_batches(PREPROCESSOR, texts, input_context=contexts[0])


@pytest.mark.parametrize("size", [{"batch_size": 7}, {"tokens_per_batch": 200}])
def test_sorted_batches_and_the_way_back(size):
    texts, y = make_texts(200), {"a": np.arange(200), "b": np.ones((200, 2))}
    dataset, positions = sorted_batches(PREPROCESSOR, texts, y, **size)
    batches = list(dataset)
    assert dataset.cardinality() == len(batches)
    lengths = [length for features, _ in batches for length in examples_of(features)[1]]
    assert lengths == sorted(lengths, reverse=True)
    assert_little_padding(batches)
    labels = np.concatenate([labels["a"] for _, labels in batches])
    assert labels.tolist() == order(batches)
    assert labels[positions].tolist() == list(range(200))
    assert batches[0][1]["b"].shape[1:] == (2,)


def test_nasty_texts_pass():
    dataset, positions = sorted_batches(PREPROCESSOR, NASTY, batch_size=2)
    lengths = np.concatenate([examples_of(features)[1] for features in dataset])[positions]
    assert lengths.tolist() == [2, 3, 2, 44, 4, 6, 6]
    assert sum(1 for _ in training_batches(PREPROCESSOR, NASTY, batch_size=2)) == 4


def test_many_texts_are_encoded_in_chunks():
    texts = [WORDS[i % 1000] for i in range(20000)]
    dataset, positions = sorted_batches(PREPROCESSOR, texts, np.arange(20000), batch_size=5000)
    batches = list(dataset)
    words = np.concatenate([examples_of(features)[0] for features, _ in batches])
    assert words[positions].tolist() == [i % 1000 for i in range(20000)]


def test_pairs():
    first, second = make_texts(60), make_texts(60, seed=1)
    batches = list(training_batches(PREPROCESSOR, (first, second), np.arange(60), batch_size=8))
    assert sorted(order(batches)) == list(range(60))
    expected = PREPROCESSOR((first, second))
    for features, labels in batches:
        for name in ("token_ids", "segment_ids"):
            rows = tf.gather(expected[name], labels)[:, : features[name].shape[1]]
            np.testing.assert_array_equal(features[name], rows)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_dataset_of_single_examples_is_batched(shuffle):
    dataset = tf.data.Dataset.from_tensor_slices((make_texts(100), np.arange(100)))
    batches = dataset_batches(PREPROCESSOR, dataset, batch_size=8, shuffle=shuffle, seed=0)
    assert batches.cardinality() == 13
    assert sorted(order(batches)) == list(range(100))
    assert (order(batches) == list(range(100))) == (not shuffle)
    assert_little_padding(batches)
    for features, labels in batches:
        assert examples_of(features)[0] == labels.numpy().tolist()


def test_a_dataset_of_batches_keeps_them():
    dataset = tf.data.Dataset.from_tensor_slices((make_texts(20), np.arange(20))).batch(6)
    batches = list(dataset_batches(PREPROCESSOR, dataset))
    assert [labels.numpy().tolist() for _, labels in batches] == [
        [*range(6)], [*range(6, 12)], [*range(12, 18)], [18, 19]
    ]  # fmt: skip
    assert [labels.numpy().tolist() for _, labels in batches] == epoch(batches)
    assert_little_padding(batches)


def test_datasets_of_texts_or_pairs_without_labels():
    texts = make_texts(20)
    single = dataset_batches(PREPROCESSOR, tf.data.Dataset.from_tensor_slices(texts))
    assert sorted(order(single)) == list(range(20))
    pairs = tf.data.Dataset.from_tensor_slices(((texts, texts),))
    for dataset in (pairs, pairs.batch(5)):
        for features in dataset_batches(PREPROCESSOR, dataset):
            assert features["segment_ids"].numpy().any()


@pytest.mark.parametrize(
    "elements",
    [
        [1, 2],
        (["a", "b"], ["x", "y"]),
        {"text": ["a", "b"]},
        [[["a"]], [["b"]]],
        ((["a", "b"], [1, 2]),),
    ],
    ids=["numbers", "string labels", "dict", "rank 2", "half a pair"],
)
def test_datasets_of_something_else(elements):
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    with pytest.raises(DataError, match="The elements of a dataset must be"):
        dataset_batches(PREPROCESSOR, dataset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no texts"),
        ((["a", "b"], [1]), r"2 texts, but the labels have the shape \(1,\)"),
        ((["a", "b"], {"x": [1, 2], "y": [1, 2, 3]}), r"labels have the shape \(3,\)"),
        ((["a", "b"], 1), r"labels have the shape \(\)"),
        ((["a", "b"], [1, [2]]), "The labels make no array"),
        ((["a", "b"], [1, 2], [0.5]), r"sample weights have the shape \(1,\)"),
        ((["a", "b"], None, [1, 1]), "without labels"),
        ((["a", None],), "Text 1 is not a string"),
    ],
)
@pytest.mark.parametrize("batches", [training_batches, sorted_batches])
def test_columns_that_do_not_fit(batches, arguments, message):
    with pytest.raises(DataError, match=message):
        batches(PREPROCESSOR, *arguments)


@pytest.mark.parametrize("batches", [training_batches, sorted_batches])
def test_impossible_sizes(batches):
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        batches(PREPROCESSOR, ["a"], batch_size=0)
    with pytest.raises(ConfigError, match="no room for one row of 44 tokens"):
        batches(PREPROCESSOR, ["a"], tokens_per_batch=43)
