"""Dropout whose mask is a function of a seed that the caller holds."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import keras

from tfzoo.layers.backend import stateless_dropout

_STRIDE = 1009  # between the seeds of one step: above the uses of a `DropoutSeeds`
_step = threading.local()  # replicas of a strategy are traced in threads of their own


class DropoutSeeds:
    """The dropout of one call of a layer: every use draws its own mask from one seed.

    The seed is drawn outside whatever recomputes the layer in the backward pass, so that the
    recomputation sees the masks of the first run.

    Args:
        seed: integer tensor (2,), or None where nothing is dropped.
    """

    def __init__(self, seed: Any = None) -> None:
        self._seed = seed
        self._uses = 0

    def __call__(self, x: Any, rate: float) -> Any:
        """`x` with a share `rate` dropped, or as it is where there is no seed."""
        if self._seed is None or not rate:
            return x
        self._uses += 1
        return stateless_dropout(x, rate, self._seed + self._uses)


def draw_seed(generator: keras.random.SeedGenerator, training: bool | None) -> Any:
    """A new seed when training, else None.

    Inside `step_seeds` it follows from the step's seed; elsewhere it is the next one of
    `generator`.
    """
    if not training:
        return None
    seed = getattr(_step, "seed", None)
    if seed is None:
        return generator.next()
    _step.draws += 1
    return seed + keras.ops.array([0, _step.draws * _STRIDE], seed.dtype)


@contextlib.contextmanager
def step_seeds(seed: Any) -> Iterator[None]:
    """Makes every seed drawn inside a function of one seed and of how many were drawn before.

    So a training step that is run again, after a restart, drops what it dropped the first time,
    and each replica can be given a seed of its own.

    Args:
        seed: integer tensor (2,).
    """
    outer = getattr(_step, "seed", None), getattr(_step, "draws", 0)
    _step.seed, _step.draws = seed, 0
    try:
        yield
    finally:
        _step.seed, _step.draws = outer
