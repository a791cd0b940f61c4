"""Speculative decoding: the model's own texts, whatever the draft proposes."""

import itertools
from collections import Counter

import numpy as np
import pytest
from keras import ops

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.generation import Speculative
from tfzoo.generation.speculative import verdict
from tfzoo.tasks.prompts import Continuations

PROMPTS = [[1, 2], [5, 4, 4, 2, 1]]


@pytest.fixture(scope="module")
def model(new_model):
    return new_model(seed=1, vocabulary_size=20, num_layers=2)


@pytest.fixture(scope="module")
def draft(new_model):
    return new_model(seed=9, vocabulary_size=20)


def lengths(model, sampler, new_tokens):
    """How many tokens there are after each round."""
    run = Continuations(model, PROMPTS[0], new_tokens, sampler, (), seed=0, batch_size=1)
    return [results["lengths"].item() for results in run._results([0], piece=1)]


def test_greedy_texts_are_those_of_the_model(model, draft):
    expected = model.generate(PROMPTS, 30)
    for each in (model, draft):
        sampler = Speculative(each, tokens=3)
        assert model.generate(PROMPTS, 30, sampler) == expected
        gains = np.diff(lengths(model, sampler, 30))
        assert set(gains) == {4} if each is model else 1 <= gains.mean() < 3


def test_draws_are_distributed_as_those_of_the_model(new_model, outputs_of):
    """Chi-square tests; the draft's own distribution is far from it."""
    model, draft = new_model(seed=2, vocabulary_size=3), new_model(seed=7, vocabulary_size=3)
    sampler = Speculative(draft, tokens=2, temperature=1.5, top_k=2)
    counts = Counter(tuple(model.generate([1, 2], 3, sampler, seed=seed)) for seed in range(400))

    def chi_square(model):
        total = 0
        for text in itertools.product(range(3), repeat=3):
            logits = outputs_of(model, [[1, 2, *text]])[1][0, 1:-1] / 1.5
            kept = logits > logits.min(axis=-1, keepdims=True)
            shares = np.where(kept, np.exp(logits), 0)
            shares = shares / shares.sum(axis=-1, keepdims=True)
            expected = 400 * shares[range(3), text].prod()
            assert expected or not counts[text]
            total += (counts[text] - expected) ** 2 / expected if expected else 0
        return total

    assert sum(counts.values()) == 400
    assert chi_square(model) < 18.5  # 7 degrees of freedom: 1%
    with pytest.raises(AssertionError):
        assert chi_square(draft) < 100


def test_the_verdict_gives_the_distribution_of_the_model():
    """Whatever is proposed, what comes out has the model's probabilities: appendix A.1."""
    random = np.random.default_rng(0)
    ours, theirs = random.dirichlet([0.5] * 5, size=(2, 4))
    theirs[-1] = 0
    for place in range(3):
        out = np.zeros(5)
        for proposed in range(5):
            tokens = np.array([theirs[i].argmax() for i in range(4)])
            tokens[place] = proposed
            ratio = min(1, ours[place, proposed] / theirs[place, proposed])
            numbers = np.zeros(3)
            for numbers[place], share in ((ratio * 0.999, ratio), (ratio * 1.001, 1 - ratio)):
                if share <= 0:
                    continue
                accepted, rest = map(np.array, verdict(ours, theirs, ops.array(tokens), numbers))
                if accepted > place:
                    assert share == ratio
                    out[proposed] += theirs[place, proposed] * share
                else:
                    assert (accepted, share) == (place, 1 - ratio)
                    out += theirs[place, proposed] * share * rest / rest.sum()
        np.testing.assert_allclose(out, ours[place], atol=1e-6)
    accepted, rest = map(np.array, verdict(ours, ours, ops.array([0, 1, 2, 3]), np.full(3, 0.99)))
    assert accepted == 3


def test_a_seed_gives_the_same_texts_in_whatever_batch(model, draft):
    sampler = Speculative(draft, tokens=3, temperature=1.0)
    texts = model.generate(PROMPTS, 12, sampler, seed=3)
    assert texts == [model.generate(ids, 12, sampler, seed=3) for ids in PROMPTS]
    assert texts != model.generate(PROMPTS, 12, sampler, seed=4)


def test_a_draft_whose_logits_are_no_numbers(model, new_model):
    draft = new_model(vocabulary_size=20)
    draft.weights[-1].assign(np.full(draft.weights[-1].shape, np.nan))
    with pytest.raises(WeightsError, match="logits are no numbers"):
        model.generate(PROMPTS[0], 30, Speculative(draft, tokens=3, temperature=1.0))


def test_a_draft_that_does_not_fit(model, new_model):
    with pytest.raises(ConfigError, match=r"draft has 6 tokens and 96 positions, the model 20 and"):
        model.generate(PROMPTS, 4, Speculative(new_model()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokens": 0}, "tokens is 0; give a whole number"),
        ({"temperature": 0}, "temperature is 0; give a positive number"),
    ],
)
def test_wrong_settings(model, settings, message):
    with pytest.raises(ConfigError, match=message):
        Speculative(model, **settings)
