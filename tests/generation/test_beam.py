"""Beam search, against all texts there are."""

import itertools
from functools import partial

import numpy as np
import pytest

from tfzoo.generation import Beam, results_so_far
from tfzoo.tasks.prompts import Continuations

PROMPT, WORDS, NEW, END = [1, 2], 6, 4, 0


@pytest.fixture(scope="module")
def model(new_model):
    model = new_model(seed=4)
    model.preprocessor = type("Preprocessor", (), {"tokenizer": type("T", (), {"end_id": END})()})
    return model


@pytest.fixture(scope="module")
def texts(model, outputs_of):
    """All texts of up to four tokens, what they end with included, and their log-probabilities."""
    found = {}
    for tokens in itertools.product(range(WORDS), repeat=NEW):
        size = tokens.index(END) + 1 if END in tokens else NEW
        found[tokens[:size]] = 0.0
    rows = [[*PROMPT, *tokens, *[END] * (NEW - len(tokens))] for tokens in found]
    logits = outputs_of(model, rows)[1][:, len(PROMPT) - 1 : -1]
    logits = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for tokens, gains in zip(found, logits, strict=True):
        found[tokens] = sum(gains[i, token] for i, token in enumerate(tokens))
    assert sum(map(np.exp, found.values())) == pytest.approx(1)
    return found


def ranked(texts, length_penalty):
    """All texts, the best first, without their end tokens."""
    scores = {
        tokens: sum_ / ((5 + len(tokens)) / 6) ** length_penalty for tokens, sum_ in texts.items()
    }
    best = sorted(scores, key=scores.get, reverse=True)
    return [[token for token in tokens if token != END] for tokens in best]


@pytest.mark.parametrize("length_penalty", [0.0, 4.0])
def test_the_optimum_is_found(model, texts, length_penalty):
    expected = ranked(texts, length_penalty)
    assert expected[0] != ranked(texts, 4.0 - length_penalty)[0]
    sampler = Beam(num_beams=160, length_penalty=length_penalty, num_samples=5)
    assert model.generate(PROMPT, NEW, sampler) == expected[:5]


def test_few_beams_may_miss_it_but_know_their_scores(model, texts):
    """With two beams, what a plain loop over two beams finds; and with one, greedy search."""
    assert model.generate(PROMPT, NEW, Beam(num_beams=1)) == model.generate(PROMPT, NEW)
    beams = {(): 0.0}
    for _ in range(NEW):
        longer = {
            text: sum(np.exp(s) for t, s in texts.items() if t[: len(text)] == text)
            for beam in beams
            for text in ([beam] if END in beam else [(*beam, word) for word in range(WORDS)])
        }
        beams = dict(sorted(longer.items(), key=lambda item: -item[1])[:2])
    expected = [[token for token in tokens if token != END] for tokens in beams]
    assert model.generate(PROMPT, NEW, "beam", num_samples=2) != [expected[0]]
    assert model.generate(PROMPT, NEW, Beam(num_beams=2, num_samples=2)) == expected


def test_a_beam_that_is_ended_from_outside_stays(new_model):
    """In a model without an end token too."""
    model, sampler = new_model(seed=4), Beam(num_beams=2)
    run = Continuations(model, PROMPT, NEW, sampler, (), 0, 1)
    lay_out, start, advance = model.compiled_steps(sampler)
    state, advance = start(lay_out(), *run._inputs([PROMPT])), partial(advance, lay_out())
    looks = results_so_far(state, advance, 2, NEW, piece=1)
    for results in looks:
        results["finished"][0] = True
    assert sorted(results["lengths"]) == [1, NEW]
    assert results["scores"].min() > -100
