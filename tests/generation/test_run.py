"""The driver of the decode loop: pieces, and a batch that shrinks as its rows finish."""

import numpy as np
import pytest

from tfzoo.generation import results_so_far


def new_state(ends):
    """A state after the first token; row r ends with its `ends[r]`-th."""
    count = len(ends)
    state = {
        "number": np.arange(count),
        "ends": np.array(ends),
        "cache": [(np.arange(count)[:, None] * 10.0,)],
        "tokens": np.zeros((count, 16), "int32"),
        "lengths": np.zeros(count, "int32"),
        "finished": np.zeros(count, "bool"),
        "broken": np.zeros(count, "bool"),
        "step": np.array(0),
        "seed": np.array([1, 0]),
        "end": np.array(-1),
    }
    return one_more(state)


def one_more(state):
    """Row r writes 100 r + step, taking r from its cache."""
    state = {n: v if n == "cache" else np.array(v) for n, v in state.items()}
    step = int(state["step"])
    goes_on = ~state["finished"]
    number = np.array(state["cache"][0][0])[:, 0] / 10
    np.testing.assert_array_equal(number, state["number"])
    state["tokens"][goes_on, step] = (100 * number + step)[goes_on]
    state["lengths"] = state["lengths"] + goes_on
    state["step"] = np.array(step + 1)
    state["finished"] = state["finished"] | (state["lengths"] >= state["ends"])
    return state


def driven(ends, steps, piece, rows=1):
    """The last results, and the batch size and the steps of each call of `advance`."""
    calls = []

    def advance(state, until):
        calls.append((len(state["finished"]), int(until)))
        while int(state["step"]) < int(until) and not np.all(state["finished"]):
            state = one_more(state)
        return state

    looks = [
        {name: np.array(column) for name, column in results.items()}
        for results in results_so_far(new_state(ends), advance, rows, steps, piece)
    ]
    return looks, calls


@pytest.mark.parametrize("piece", [1, 3, 4, 32])
@pytest.mark.parametrize("ends", [[99] * 8, [2, 9, 1, 5, 5, 3, 12, 2], [1] * 8, [99], [1, 99]])
def test_each_row_has_its_tokens_until_it_ends(ends, piece):
    looks, calls = driven(ends, 12, piece)
    expected = np.minimum(ends, 12)
    np.testing.assert_array_equal(looks[-1]["lengths"], expected)
    for row, count in enumerate(expected):
        wanted = 100 * row + np.arange(count)
        np.testing.assert_array_equal(looks[-1]["tokens"][row, :count], wanted)
    assert len(looks) == len(calls) + 1
    assert [until for _, until in calls] == [
        min(1 + piece * (i + 1), 12) for i in range(len(calls))
    ]


def test_a_batch_shrinks_to_half_as_soon_as_that_is_enough():
    _, calls = driven([2, 9, 1, 5, 5, 3, 12, 2], steps=12, piece=2)
    assert calls == [(8, 3), (4, 5), (2, 7), (2, 9), (1, 11), (1, 12)]


def test_the_rows_of_a_prompt_stay_together():
    looks, calls = driven([9, 1, 1, 1, 1, 4, 2, 2], steps=12, piece=2, rows=2)
    assert calls == [(8, 3), (4, 5), (2, 7), (2, 9)]
    np.testing.assert_array_equal(looks[-1]["lengths"], [9, 1, 1, 1, 1, 4, 2, 2])


def test_whoever_looks_may_end_a_row():
    looks = results_so_far(new_state([99, 99]), lambda state, until: one_more(state), 1, 12, 1)
    for count, results in enumerate(looks, start=1):
        results["finished"][0] |= count == 3
        results["finished"][1] |= count == 5
    np.testing.assert_array_equal(results["lengths"], [3, 5])


def test_steps_may_be_longer_than_a_piece():
    """As those of a sampler that accepts several tokens at once."""
    looks = results_so_far(
        new_state([99]), lambda state, until: one_more(one_more(one_more(state))), 1, 8, 2
    )
    assert [results["lengths"].item() for results in looks] == [1, 4, 7, 10]
