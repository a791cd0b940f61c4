"""What a checkpoint is asked for, and what it refuses."""

import numpy as np
import pytest

from tfzoo.errors import ConfigError
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.snapshots import write_snapshot

SETTINGS = {"batch_size": 32, "optimizer": {"rate": 0.1, "name": "adamw"}, "layers": [1, 2]}


@pytest.fixture
def folder(tmp_path):
    settings = Checkpoints(tmp_path, settings=SETTINGS).settings
    write_snapshot(tmp_path, 4, {"a": np.ones(2)}, {"settings": settings, "seed": 17})
    return tmp_path


def test_the_seed_is_the_checkpoints(folder, tmp_path):
    assert Checkpoints(folder, settings=SETTINGS).seed(lambda: 5) == 17
    assert Checkpoints(tmp_path / "new").seed(lambda: 5) == 5
    assert Checkpoints(tmp_path / "new").newest() is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_size": 64}, "batch_size was 32 and is 64"),
        ({"optimizer": {"rate": 0.2, "name": "adamw"}}, "optimizer.rate was 0.1 and is 0.2"),
        ({"optimizer": None}, "optimizer was {'rate': 0.1, 'name': 'adamw'} and is None"),
        ({"layers": [1]}, r"layers was \[1, 2\] and is \[1\]"),
        ({"more": "x"}, "more was None and is 'x'"),
        (
            {"batch_size": 1, "more": "x"},
            "batch_size was 32 and is 1; more was None and is 'x'",
        ),
    ],
)
def test_changes_are_named_and_refused_unless_allowed(folder, change, told):
    settings = {**SETTINGS, **change}
    for refused in ("newest", "seed"):
        checkpoints = Checkpoints(folder, settings=settings)
        with pytest.raises(ConfigError, match=rf"other settings \({told}\); undo the change"):
            getattr(checkpoints, refused)(*([int] if refused == "seed" else []))
    allowed = Checkpoints(folder, settings=settings, allow_changes=True)
    state, arrays = allowed.newest()
    assert state["seed"] == 17
    np.testing.assert_array_equal(arrays["a"], np.ones(2))


def test_settings_need_not_be_of_jsons_types(folder):
    """A tuple is a list, and what JSON does not know is its text, on both sides."""
    assert Checkpoints(folder, settings={**SETTINGS, "layers": (1, 2)}).newest() is not None
    assert Checkpoints(folder, settings={"path": folder}).settings == {"path": str(folder)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every_steps": 0}, "every_steps is 0; it must be a whole number from 1 on"),
        ({"every_steps": 1.5}, "every_steps is 1.5"),
        ({"keep": 0}, "keep is 0"),
        ({"keep": True}, "keep is True"),
        ({"every_seconds": 0}, "every_seconds is 0; it must be positive"),
        ({"every_seconds": float("nan")}, "every_seconds is nan"),
    ],
)
def test_numbers_that_make_no_sense(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        Checkpoints(tmp_path, **arguments)
