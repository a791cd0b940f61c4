"""Fixtures for tests of weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


@pytest.fixture
def copied(tmp_path) -> Callable:
    """A function that copies the model of an artifact and changes JSON files in it.

    `copied("name", config=change)` calls `change` with what is in `config.json`.
    """

    def copy(name: str, **changes: Callable[[dict], object]) -> Path:
        folder = shutil.copytree(ARTIFACTS / name / "model", tmp_path / name)
        for file, change in changes.items():
            path = folder / f"{file}.json"
            value = json.loads(path.read_text()) if path.is_file() else {}
            change(value)
            path.write_text(json.dumps(value))
        return folder

    return copy
