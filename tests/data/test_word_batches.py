"""Batches of words: labels on first pieces, every word once, and the way back."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.word_batches import (
    dataset_texts,
    evaluation_batches,
    prediction_batches,
    training_batches,
)
from tfzoo.errors import DataError

NAMES = ["O", "VERB", "NOUN"]
OF_WORD = {"film": "NOUN", "playing": "VERB", "played": "VERB", "saw": "VERB"}
TEXTS = ["we saw the film", "the film !", "we playing , we played", "a", "we " * 30 + "saw film"]
LABELS = [[OF_WORD.get(word, "O") for word in text.split()] for text in TEXTS]
WORDS = [text.split() for text in TEXTS]


def labelled_tokens(preprocessor, batches):
    """Pairs of the first piece and the label of each word that weighs something, and weights."""
    vocabulary = np.array(preprocessor.tokenizer.vocabulary)
    pairs, total = [], 0.0
    for features, labels, weights in batches:
        assert set(features) == {"token_ids", "segment_ids", "padding_mask"}
        assert features["token_ids"].shape == labels.shape == weights.shape
        begins = weights.numpy() > 0
        assert not labels.numpy()[~begins].any()
        pieces = vocabulary[features["token_ids"].numpy()[begins]]
        pairs += zip(pieces.tolist(), labels.numpy()[begins].tolist(), strict=True)
        total += weights.numpy().sum()
    return sorted(pairs), total


def expected_pairs(preprocessor, texts=TEXTS, room=None):
    """The same, word by word; up to `room` tokens of each text."""
    tokenizer = preprocessor.tokenizer
    pairs = []
    for text in texts:
        used = 0
        for word in text.split():
            pieces = tokenizer([word]).to_list()[0]
            if room is None or used < room:
                label = NAMES.index(OF_WORD.get(word, "O"))
                pairs.append((tokenizer.id_to_token(pieces[0]), label))
            used += len(pieces)
    return sorted(pairs)


@pytest.mark.parametrize(
    ("form", "shuffle"),
    [("texts", True), ("words", False), ("dataset", True), ("dataset of words", False)],
)
def test_training(preprocessor, form, shuffle):
    ids = [[NAMES.index(label) for label in row] for row in LABELS]
    texts, labels = {"texts": (TEXTS, LABELS), "words": (WORDS, ids)}.get(form, (None, None))
    if form == "dataset":
        texts = tf.data.Dataset.from_generator(
            lambda: zip(TEXTS, ids, strict=True),
            output_signature=(tf.TensorSpec((), tf.string), tf.TensorSpec([None], tf.int64)),
        )
    elif form == "dataset of words":
        texts = tf.data.Dataset.from_generator(
            lambda: zip(WORDS, ids, [1.0] * 5, strict=True),
            output_signature=(
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec((), tf.float32),
            ),
        )
    batches = training_batches(
        preprocessor, texts, labels, classes=NAMES, batch_size=2, shuffle=shuffle, seed=1
    )
    batches = list(batches)
    assert len(batches) == 3
    pairs, total = labelled_tokens(preprocessor, batches)
    assert pairs == expected_pairs(preprocessor, room=14)
    assert total == len(pairs)
    if not shuffle:
        assert labelled_tokens(preprocessor, batches[:1])[0] == expected_pairs(
            preprocessor, TEXTS[:2]
        )


def test_examples_are_shuffled_across_batches(preprocessor):
    texts = [f"{word} ." for word in ("a", "the", "film", "good", "bad", "great")]
    batches = training_batches(
        preprocessor, texts, [[0, 0]] * 6, classes=2, batch_size=2, shuffle=True, seed=1
    )
    neighbours = set()
    for _ in range(4):
        pairs = [sorted(features["token_ids"][:, 1].numpy().tolist()) for features, *_ in batches]
        assert sorted(np.ravel(pairs)) == [5, 6, 7, 9, 10, 11]
        neighbours |= set(map(tuple, pairs))
    assert len(neighbours) > 3


def test_evaluation_loses_no_word(preprocessor):
    batches = evaluation_batches(preprocessor, TEXTS, LABELS, classes=NAMES, batch_size=2)
    pairs, total = labelled_tokens(preprocessor, batches)
    assert pairs == expected_pairs(preprocessor)
    assert total == len(pairs) == sum(map(len, LABELS))
    assert max(features["token_ids"].shape[1] for features, *_ in batches) == 16


def test_weights_reach_their_words(preprocessor):
    weights = [np.arange(1.0, len(row) + 1) for row in LABELS]
    settings = {"classes": NAMES, "batch_size": 3}
    for given, total in (
        (weights, sum(map(sum, weights))),
        ([1, 1, 3, 1, 1], sum(map(len, LABELS)) + 10),
    ):
        batches = evaluation_batches(preprocessor, TEXTS, LABELS, given, **settings)
        assert labelled_tokens(preprocessor, batches)[1] == total
    batches = evaluation_batches(preprocessor, TEXTS[:1], LABELS[:1], weights[:1], **settings)
    assert next(iter(batches))[2].numpy().tolist() == [[0, 1, 2, 3, 4, 0]]


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_outputs_find_their_words(preprocessor, batch_size):
    """A model that answers the id of each token gives the first piece of each word."""
    texts = [*WORDS, [], ["\u200b", "film"], []]
    batches, per_word = prediction_batches(preprocessor, texts, batch_size)
    outputs = [np.stack([f["token_ids"], -f["token_ids"]], axis=-1) for f in batches]
    if batch_size:
        assert max(map(len, outputs)) == batch_size
    ragged = tf.concat([tf.RaggedTensor.from_tensor(each) for each in outputs], axis=0)
    answers = per_word(ragged)
    first = [[preprocessor.tokenizer([w]).to_list()[0] or [1] for w in row] for row in texts]
    assert [row[:, 0].tolist() for row in answers] == [[ids[0] for ids in row] for row in first]
    assert [row.shape for row in answers] == [(len(row), 2) for row in texts]


def test_outputs_of_one_width_are_an_array(preprocessor):
    batches, per_word = prediction_batches(preprocessor, [["film", "was"], ["bad"]])
    (features,) = batches
    answers = per_word(features["token_ids"].numpy()[..., None])
    assert [row.tolist() for row in answers] == [[[7], [8]], [[10]]]


@pytest.mark.parametrize(
    "columns",
    [
        (TEXTS[:2],),
        (TEXTS[:2], [0, 1]),
        (TEXTS[:2], [["a"], ["b"]]),
        ([1, 2], [[1], [2]]),
        (TEXTS[:2], [[1], [2]], ["a", "b"]),
        (TEXTS[:2], [[1], [2]], [1.0, 2.0], [1, 2]),
    ],
)
def test_datasets_that_do_not_fit(preprocessor, columns):
    dataset = tf.data.Dataset.from_tensor_slices(columns)
    settings = {"classes": 3, "batch_size": 2}
    for batches_of in (training_batches, evaluation_batches):
        options = {"shuffle": True} if batches_of is training_batches else {}
        with pytest.raises(DataError, match="The elements of a dataset must be"):
            batches_of(preprocessor, dataset, None, **settings, **options)


def test_batched_datasets(preprocessor):
    dataset = tf.data.Dataset.from_tensor_slices((["a", "we"], [[1], [2]])).batch(2)
    with pytest.raises(DataError, match="unbatch"):
        training_batches(preprocessor, dataset, None, classes=3, batch_size=2, shuffle=True)
    with pytest.raises(DataError, match="There are no texts"):
        evaluation_batches(preprocessor, dataset.unbatch().take(0), None, classes=3, batch_size=2)
    with pytest.raises(DataError, match="must be single texts"):
        dataset_texts(tf.data.Dataset.from_tensor_slices(["a", "b"]).batch(2))


def test_dataset_with_too_few_labels(preprocessor):
    dataset = tf.data.Dataset.from_tensor_slices((["a film"], [[1]]))
    batches = training_batches(preprocessor, dataset, None, classes=3, batch_size=2, shuffle=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not as many labels as words"):
        list(batches)
    with pytest.raises(DataError, match="Example 0 has 2 words and 1 labels"):
        evaluation_batches(preprocessor, dataset, None, classes=3, batch_size=2)
