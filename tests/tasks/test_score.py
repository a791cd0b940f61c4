"""Scores of texts: a plain loop over the logits, windows, batches, and wrong inputs."""

import keras
import numpy as np
import pytest
from keras import ops

from tfzoo import GPT2Backbone, GPT2CausalLM, GPT2Tokenizer, LanguageModelPreprocessor
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

POSITIONS = 24
TEXTS = [
    "some words",
    "",
    "a",
    "x" * 23,
    "y" * 24,
    "The quick brown fox jumps over the lazy dog.",
]


def backbone():
    keras.utils.set_random_seed(3)
    model = GPT2Backbone(257, 2, 2, 16, 32, max_sequence_length=POSITIONS)
    for variable in model.weights:
        if "bias" not in variable.path and "norm" not in variable.path:
            variable.assign(np.random.default_rng(1).normal(size=variable.shape) * 0.3)
    return model


@pytest.fixture(scope="module")
def model():
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    return GPT2CausalLM(backbone(), LanguageModelPreprocessor(tokenizer, sequence_length=16))


@pytest.fixture(scope="module")
def ids(model):
    return model.preprocessor.tokenizer(TEXTS).to_list()


def plain(model, row, stride):
    """Log-probabilities of a row's tokens but the first, token by token from whole logits."""
    found, starts = [], {}
    for column in range(len(row) - 1):
        start = max(0, -(-(column + 1 - POSITIONS) // stride)) * stride
        if start not in starts:
            logits = model({"token_ids": ops.array([row[start : start + POSITIONS]])})
            starts[start] = ops.convert_to_numpy(ops.log_softmax(logits[0]))
        found.append(starts[start][column - start, row[column + 1]])
    return np.array(found, "float32")


@pytest.mark.parametrize("stride", [None, 1, 7, POSITIONS])
def test_scores_equal_a_plain_loop_over_the_logits(model, ids, stride):
    scores = model.score(TEXTS, stride=stride, batch_size=4)
    assert [len(each["token_ids"]) for each in scores] == [10, 0, 1, 23, 24, 44]
    for row, score in zip(ids, scores, strict=True):
        expected = plain(model, [0, *row], stride or POSITIONS // 2)
        assert score["token_ids"].tolist() == row
        assert score["log_probabilities"].dtype == "float32"
        np.testing.assert_allclose(score["log_probabilities"], expected, atol=1e-4)
        if row:
            assert score["perplexity"] == pytest.approx(np.exp(-expected.mean()), rel=1e-4)
    assert np.isnan(scores[1]["perplexity"])
    assert np.ptp(np.concatenate([each["log_probabilities"] for each in scores])) > 3


def test_a_batch_equals_texts_alone_and_ids_their_texts(model, ids):
    together = model.score(TEXTS)
    alone = [model.score(text) for text in TEXTS]
    of_ids = model.score([np.array(row, int) for row in ids])
    one = model.score(ids[0])
    for found in (alone, of_ids, [one, *together[1:]]):
        for score, other in zip(together, found, strict=True):
            np.testing.assert_allclose(
                score["log_probabilities"], other["log_probabilities"], atol=1e-5
            )


def test_the_perplexity_of_evaluate(model, ids):
    texts = [TEXTS[0], TEXTS[2]]
    scores = model.score([[*ids[0], 0], [*ids[2], 0]])  # evaluate predicts the end too
    together = np.concatenate([each["log_probabilities"] for each in scores])
    evaluated = model.evaluate(texts, verbose=0, return_dict=True)
    assert evaluated["perplexity"] == pytest.approx(np.exp(-together.mean()), rel=1e-5)


def test_a_model_without_an_end_token_makes_no_logits(monkeypatch):
    model = GPT2CausalLM(backbone())
    expected = plain(model, [5, 6, 7], 1)
    monkeypatch.delattr("tfzoo.tasks.CausalLM.logits")
    score, nothing = model.score([[5, 6, 7], [8]])
    assert score["token_ids"].tolist() == [6, 7]
    np.testing.assert_allclose(score["log_probabilities"], expected, atol=1e-5)
    assert nothing["token_ids"].tolist() == nothing["log_probabilities"].tolist() == []


def test_wrong_texts(model):
    cases = {
        "Text 1 is not a string but NoneType": ["a", None],
        "There are no texts": [],
        "not a NoneType": None,
        "not a dict": {"token_ids": [[1]]},
        "Text 1 is no string and no list of ids from 0 to 256": [[1], [257]],
        "Text 0 is no string": [[-1]],
        "Text 0 is no string and no list": [[1.5]],
        "Text 2 is no string": [[1], [], [[1], [2, 3]]],
    }
    for message, texts in cases.items():
        with pytest.raises(DataError, match=message):
            model.score(texts)
    with pytest.raises(DataError, match="no preprocessor, so it takes ids"):
        GPT2CausalLM(model.backbone).score(["a"])


def test_wrong_settings(model):
    for stride in (0, POSITIONS + 1, 2.5, True):
        with pytest.raises(ConfigError, match="from 1 to the model's 24 positions"):
            model.score(TEXTS, stride=stride)
    with pytest.raises(ConfigError, match="batch_size must be at least 1"):
        model.score(TEXTS, batch_size=0)


def test_logits_that_are_no_numbers():
    model = GPT2CausalLM(backbone())
    table = model.backbone.token_embedding.embeddings
    table.assign(ops.full(table.shape, np.nan))
    with pytest.raises(WeightsError, match="NaN"):
        model.score([3, 4])
