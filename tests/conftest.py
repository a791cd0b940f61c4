"""Fixtures that every test may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Path]:
    """A function from a reference case's name to its folder; skips where the cases are absent."""
    folder = Path(os.environ.get("TFZOO_REFERENCE") or ROOT.parent / "shared" / "reference")

    def case(name: str) -> Path:
        if not (folder / name).is_dir():
            pytest.skip(f"no reference case {name} in {folder}; set TFZOO_REFERENCE to its parent")
        return folder / name

    return case
