"""Contrastive search, against a plain loop over candidates."""

import numpy as np
import pytest

from tfzoo.errors import ConfigError
from tfzoo.generation import Contrastive

PROMPTS = [[1, 2], [3], [5, 4, 4, 2, 1]]
NEW = 10


def searched(model, outputs_of, ids, top_k, alpha):
    """Section 4 of the paper, by whole passes over all tokens."""
    text = list(ids)
    for _ in range(NEW):
        hidden, logits = outputs_of(model, [text])
        shares = np.exp(logits[0, -1]) / np.exp(logits[0, -1]).sum()
        candidates = np.argsort(-shares)[:top_k]
        new = outputs_of(model, [[*text, each] for each in candidates])[0][:, -1]
        before = hidden[0] / np.linalg.norm(hidden[0], axis=-1, keepdims=True)
        new = new / np.linalg.norm(new, axis=-1, keepdims=True)
        scores = (1 - alpha) * shares[candidates] - alpha * (new @ before.T).max(axis=1)
        text.append(int(candidates[scores.argmax()]))
    return text[len(ids) :]


def test_a_ragged_batch_has_what_plain_loops_find(new_model, outputs_of):
    model = new_model(seed=1, vocabulary_size=20, num_layers=2)
    expected = [searched(model, outputs_of, ids, 3, 0.5) for ids in PROMPTS]
    assert model.generate(PROMPTS, NEW, Contrastive(top_k=3, alpha=0.5)) == expected
    assert expected != model.generate(PROMPTS, NEW)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_k": 0}, "top_k is 0; give a whole number from 1 on"),
        ({"alpha": 1.5}, "alpha is 1.5; give a number from 0 to 1"),
        ({"alpha": "a"}, "alpha is 'a'; give a number from 0 to 1"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        Contrastive(**settings)
