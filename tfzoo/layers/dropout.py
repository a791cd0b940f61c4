"""Dropout whose mask is a function of a seed that the caller holds."""

from typing import Any

import keras

from tfzoo.layers.backend import stateless_dropout


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
    """The next seed of `generator` when training, else None."""
    return generator.next() if training else None
