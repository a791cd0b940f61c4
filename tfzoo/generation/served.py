"""A sampler whose settings are not known before a SavedModel is asked."""

from typing import Any

from keras import ops

from tfzoo.generation.loop import State
from tfzoo.generation.samplers import Sample, within_top_k, within_top_p


class Served(Sample):
    """Draws as `Sample` does, or searches greedily, as tensors say.

    Args:
        temperature: float32 scalar; 0 for greedy search.
        top_k: int32 scalar; 0 for all tokens.
        top_p: float32 scalar; 1 for all tokens.
    """

    def __init__(self, temperature: Any, top_k: Any, top_p: Any) -> None:
        super().__init__()
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p

    def choose(self, logits: Any, state: State) -> Any:
        draw = super().choose
        return ops.cond(
            self.temperature > 0,
            lambda: draw(logits, state),
            lambda: ops.argmax(logits, axis=-1),
        )

    def restricted(self, logits: Any) -> Any:
        words = logits.shape[-1]
        logits = ops.cond(
            self.top_k > 0,
            lambda: within_top_k(logits, ops.minimum(self.top_k, words)),
            lambda: logits,
        )
        return ops.cond(self.top_p < 1, lambda: within_top_p(logits, self.top_p), lambda: logits)
