"""A training that is killed goes on as if nothing had happened; two workers are as one."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.kills import killer
from tests.kills.worker import Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_killed_and_resumed_to_the_bit(tmp_path):
    """While it writes a checkpoint; `tests.kills` does it more often, and at other moments."""
    whole, killed = (
        Run(str(tmp_path / name), epochs=3, pause=0.01) for name in ("whole", "killed")
    )
    with ThreadPoolExecutor() as pool:
        alone = pool.submit(killer.live, whole, "end", random.Random(0))
        lives = [killer.live(killed, moment, random.Random(0)) for moment in ("checkpoint", "end")]
        expected = alone.result()
    assert [life.moment for life in lives] == ["checkpoint", "end"]
    assert 0 < len(lives[-1].losses) < whole.steps
    assert killer.differences(lives, expected, whole.steps) == []
    assert killer.different_results(whole, killed) == []


def numbers(losses):
    return [float.fromhex(losses[step]) for step in sorted(losses)]


def test_two_workers_equal_one(tmp_path):
    """50 steps with an uneven last batch an epoch; then `evaluate` and `predict`."""
    settings = {"task": "classifier", "epochs": 5, "dropout": 0.0}
    single = Run(str(tmp_path / "one"), **settings)
    both = Run(str(tmp_path / "two"), strategy="multi_worker", **settings)
    with killer.Worker(single) as one, killer.workers(both, 2) as two:
        for worker in (one, *two):
            status, said = worker.end(timeout=200)
            assert status == 0, said
        expected, *found = (numbers(worker.losses) for worker in (one, *two))
    assert len(expected) == 50
    assert found[0] == found[1]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    first, second = (killer.result(both, rank) for rank in range(2))
    alone = killer.result(single)
    assert first == second
    for name in ("evaluated", "predicted", "best"):
        np.testing.assert_allclose(first[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert len(first["predicted"]) == 21
    for name, values in alone["history"].items():
        np.testing.assert_allclose(first["history"][name], values, rtol=1e-4, err_msg=name)
