"""Contrastive search."""

from typing import Any

import keras
from keras import ops

from tfzoo.generation.loop import LanguageModel, State
from tfzoo.generation.samplers import Sampler, last_column, with_broken, written
from tfzoo.generation.settings import check_count, check_number


class Contrastive(Sampler):
    """Chooses, of the likeliest tokens, one that is unlike what the text has so far.

    Contrastive search, https://arxiv.org/abs/2202.06417, section 4. A token's score is
    `(1 - alpha) * probability - alpha * similarity`, where the similarity is the largest cosine
    between its hidden state and those before it. Each step runs the model on all candidates.

    Args:
        top_k: k, how many of the likeliest tokens are candidates.
        alpha: from 0, greedy search, to 1.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(self, top_k: int = 4, alpha: float = 0.6) -> None:
        super().__init__()
        check_count("top_k", top_k)
        check_number("alpha", alpha, lambda x: 0 <= x <= 1, "a number from 0 to 1")
        self.top_k = top_k
        self.alpha = alpha

    def of_prompts(
        self, model: LanguageModel, token_ids: Any, hidden: Any, columns: State
    ) -> State:
        """`directions` (B, K, H), which the hidden states of all columns have."""
        room = columns["padding_mask"].shape[1] - hidden.shape[1]
        return {"directions": ops.pad(_directions(hidden), ((0, 0), (0, room), (0, 0)))}

    def start(self, model: LanguageModel, hidden: Any, state: State) -> State:
        return self.advance(model, {**state, "logits": model.logits(hidden)})

    def advance(self, model: LanguageModel, state: State) -> State:
        state, column = with_broken(state["logits"], state), last_column(state) + 1
        count = min(self.top_k, model.vocabulary_size)
        shares, tokens = ops.top_k(ops.softmax(state["logits"]), count)  # (B, k)
        names = ("cache", "padding_mask", "position_ids")
        repeated = keras.tree.map_structure(
            lambda each: ops.repeat(each, count, axis=0), {name: state[name] for name in names}
        )
        hidden, cache = model.decode(ops.reshape(tokens, (-1, 1)), repeated, column)  # (B k, 1, H)
        directions = _directions(hidden)
        similarity = _similarity(ops.reshape(directions, (*tokens.shape, -1)), state, column)
        scores = (1 - self.alpha) * shares - self.alpha * similarity
        chosen = ops.argmax(scores, axis=-1) + ops.arange(tokens.shape[0]) * count  # of B k
        hidden, new, cache = keras.tree.map_structure(
            lambda each: ops.take(each, chosen, axis=0), (hidden, directions, cache)
        )
        state = {
            **state,
            "cache": cache,
            "directions": ops.slice_update(state["directions"], (0, column, 0), new),
            "logits": model.logits(hidden[:, -1]),
        }
        return written(ops.take(ops.reshape(tokens, (-1,)), chosen), state)


def _directions(hidden: Any) -> Any:
    """Float32 vectors (..., H) of length 1."""
    hidden = ops.cast(hidden, "float32")
    return hidden / ops.maximum(ops.norm(hidden, axis=-1, keepdims=True), 1e-12)


def _similarity(directions: Any, state: State, column: Any) -> Any:
    """The largest cosine (B, k) between candidates (B, k, H) and what stands before a column."""
    before = state["directions"]
    cosines = ops.matmul(directions, ops.transpose(before, (0, 2, 1)))  # (B, k, K)
    is_before = (ops.arange(before.shape[1]) < column) & (state["padding_mask"] > 0)
    return ops.max(ops.where(is_before[:, None], cosines, -1.0), axis=-1)
