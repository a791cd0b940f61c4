"""Runs the compiled steps from outside: in pieces, where somebody looks at what there is so far."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from tfzoo.generation.loop import RESULTS, LanguageModel, State
from tfzoo.generation.samplers import Sampler

PIECE = 32  # steps between two looks at which rows have finished
_SHARED = ("seed", "step", "end")  # what all rows of a state have together

Advance = Callable[[State, Any], State]


def advance_until(sampler: Sampler, model: LanguageModel, state: State, until: Any) -> State:
    """The steps up to one, or until all rows have finished."""
    names = sorted(state)

    def goes_on(*values: Any) -> Any:
        now = dict(zip(names, values, strict=True))
        return (now["step"] < until) & ~ops.all(now["finished"])

    def one_step(*values: Any) -> tuple:
        now = sampler.advance(model, dict(zip(names, values, strict=True)))
        return tuple(now[name] for name in names)

    values = ops.while_loop(goes_on, one_step, tuple(state[name] for name in names))
    return dict(zip(names, values, strict=True))


def results_so_far(
    state: State, advance: Advance, rows: int, steps: int, piece: int = PIECE
) -> Iterator[dict[str, np.ndarray]]:
    """Advances a batch until each row has finished or has `steps` tokens.

    Between pieces, prompts whose rows have all finished leave the batch, as soon as half of it is
    enough for the others.

    Args:
        state: of a sampler's `start`.
        advance: a compiled `advance_until`, of a state and a number of steps.
        rows: of a prompt.
        steps: how many tokens are wanted.
        piece: steps between two looks.

    Yields:
        The same dict again and again, the `RESULTS` of all rows so far. Whoever sets `finished` in
        it ends a row.
    """
    prompts = np.arange(len(state["finished"]) // rows)
    results = {name: np.array(state[name]) for name in RESULTS if name in state}
    while True:
        mine = _rows(prompts, rows)
        for name, column in results.items():
            column[mine] = ops.convert_to_numpy(state[name])
        yield results
        finished = results["finished"][mine].reshape(-1, rows).all(axis=1)
        done = int(state["step"])
        if finished.all() or done >= steps:
            return
        state = {**state, "finished": ops.convert_to_tensor(results["finished"][mine])}
        size = len(prompts)
        while size > 1 and (~finished).sum() <= size // 2:
            size //= 2
        if size < len(prompts):
            kept = np.sort(np.argsort(finished, kind="stable")[:size])
            state, prompts = _taken(state, _rows(kept, rows)), prompts[kept]
        state = advance(state, ops.convert_to_tensor(min(done + piece, steps), "int32"))


def _rows(prompts: np.ndarray, rows: int) -> np.ndarray:
    return (prompts[:, None] * rows + np.arange(rows)).reshape(-1)


def _taken(state: State, rows: np.ndarray) -> State:
    return {
        name: value
        if name in _SHARED
        else keras.tree.map_structure(lambda each: ops.take(each, rows, axis=0), value)
        for name, value in state.items()
    }
