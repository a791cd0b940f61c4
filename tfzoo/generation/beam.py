"""Beam search."""

from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.generation.loop import RESULTS, LanguageModel, State
from tfzoo.generation.samplers import Sampler, with_broken, written
from tfzoo.generation.settings import check_count, check_number

_NEVER = -1e9


class Beam(Sampler):
    """Keeps the likeliest texts, and in the end gives the best of them.

    A text's score is the sum of its log-probabilities, divided by
    `((5 + tokens) / 6) ** length_penalty` (https://arxiv.org/abs/1609.08144, section 7). A text
    that has ended stays among the others as long as its sum is good enough.

    Args:
        num_beams: W, how many texts are kept.
        length_penalty: 0 for none; above, longer texts gain.
        num_samples: how many of the best texts are given, the best first.
        repetition_penalty: as in `Sampler`.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(
        self,
        num_beams: int = 4,
        length_penalty: float = 0.0,
        num_samples: int = 1,
        repetition_penalty: float = 1.0,
    ) -> None:
        super().__init__(repetition_penalty)
        check_count("num_beams", num_beams)
        check_count("num_samples", num_samples)
        check_number("length_penalty", length_penalty, lambda x: x >= 0, "a number from 0 on")
        if num_samples > num_beams:
            raise ConfigError(
                f"Of {num_beams} beams {num_samples} cannot be given; raise num_beams."
            )
        self.num_beams = num_beams
        self.length_penalty = length_penalty
        self.num_samples = num_samples

    @property
    def rows(self) -> int:
        return self.num_beams

    def start(self, model: LanguageModel, hidden: Any, state: State) -> State:
        """All beams of a prompt are alike, so but the first one none may be chosen."""
        first = ops.arange(hidden.shape[0]) % self.num_beams == 0
        return super().start(model, hidden, {**state, "scores": ops.where(first, 0.0, _NEVER)})

    def take(self, logits: Any, state: State) -> State:
        beams, words = self.num_beams, logits.shape[-1]
        gains = ops.log_softmax(self.penalized(logits, state))  # (B W, V)
        stays = ops.where(ops.arange(words)[None] == ops.maximum(state["end"], 0), 0.0, _NEVER)
        gains = ops.where(state["finished"][:, None], stays, gains)
        sums = ops.reshape(state["scores"][:, None] + gains, (-1, beams * words))
        state = with_broken(ops.repeat(sums, beams, axis=0), state)
        scores, chosen = ops.top_k(sums, beams)  # (B, W)
        prompts = ops.arange(sums.shape[0], dtype="int32")[:, None]
        sources = ops.reshape(prompts * beams + ops.cast(chosen, "int32") // words, (-1,))
        kept = {name: state[name] for name in ("cache", "seen", *RESULTS) if name in state}
        kept = keras.tree.map_structure(lambda each: ops.take(each, sources, axis=0), kept)
        state = {**state, **kept, "scores": ops.reshape(scores, (-1,))}
        return written(ops.reshape(chosen % words, (-1,)), state)

    def best(self, state: State) -> Any:
        """Rows (B, num_samples) of the best texts of each prompt, the best first."""
        lengths = ops.cast(state["lengths"], "float32")
        scores = state["scores"] / ((5 + lengths) / 6) ** self.length_penalty
        scores = ops.reshape(scores, (-1, self.num_beams))
        rows = ops.top_k(scores, self.num_samples)[1]
        return rows + ops.arange(scores.shape[0], dtype=rows.dtype)[:, None] * self.num_beams
