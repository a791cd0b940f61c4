"""Two replicas in one process are as one; see `tests.training.mirrored`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.mirrored import OPTIMIZERS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, "-m", "tests.training.mirrored"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


@pytest.mark.parametrize("task", ["classifier", "masked_lm"])
def test_two_replicas_equal_one_device(found, task):
    """With micro-batches, several steps a call, and a last batch of one row."""
    differences = found[task]
    assert differences["steps"] > 1
    assert differences["metrics"] < 1e-5
    assert differences["weights"] < 2e-5
    assert differences["predictions"] < 1e-4 * differences["scale"]


def test_each_loss_of_an_evaluation_is_a_mean_over_all_replicas(found):
    one, two = found["evaluated"]
    assert two == pytest.approx(one, 1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_two_replicas_equal_one(found, name):
    for one, two in zip(*found["optimizers"][name], strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_replicas_and_steps_draw_masks_of_their_own(found):
    assert len(found["masks"]) == len(set(found["masks"])) == 4


def test_compiled_steps_are_refused(found):
    assert found["refused"].startswith("jit_compile=True does not go with several replicas")
