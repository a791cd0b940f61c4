"""Numbered folders of arrays and JSON on disk, each one complete or ignored."""

import json
import os
import re
import shutil
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfzoo.folders import written_folder

_ARRAYS, _STATE = "arrays.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{9})")
_BLOCK = 2**20  # bytes


def write_snapshot(
    folder: Path, step: int, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]
) -> None:
    """Writes a snapshot, which is there once it is complete and on the disk.

    Args:
        folder: of all snapshots.
        step: its number; a snapshot with the same number is replaced.
        arrays: name -> array.
        state: what goes into its JSON.

    Raises:
        ConfigError: it cannot be written, because the disk is full, say.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    with written_folder(folder / f"step-{step:09d}", marker=_STATE) as partial:
        try:
            # It writes the memory of an array as it lies there, whatever the order of its axes.
            rows_first = {name: np.asarray(array, order="C") for name, array in arrays.items()}
            save_file(rows_first, partial / _ARRAYS)
        except SafetensorError as error:  # of a full disk, say
            raise OSError(str(error)) from error
        content = {"state": state, "checksum": _checksum(partial / _ARRAYS, state)}
        (partial / _STATE).write_text(json.dumps(content), encoding="utf-8")
        for name in (_ARRAYS, _STATE):
            with (partial / name).open("rb") as file:
                os.fsync(file.fileno())


def read_newest(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """The state and arrays of the newest snapshot that is intact; None where there is none.

    One that is not, such as a truncated one, is named in a warning.
    """
    for step in reversed(snapshot_steps(folder)):
        path = folder / f"step-{step:09d}"
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(
                f"The checkpoint {path} is damaged ({error!s:.200}) and is left out.", stacklevel=2
            )
    return None


def snapshot_steps(folder: Path) -> list[int]:
    """The numbers of the snapshots in a folder, rising."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("step-*"))
    return sorted(int(name[1]) for name in names if name)


def remove_snapshots(folder: Path, keep: set[int]) -> None:
    """Removes all snapshots but those with the numbers in `keep`, and what killed writers left."""
    for step in set(snapshot_steps(folder)) - keep:
        shutil.rmtree(folder / f"step-{step:09d}", ignore_errors=True)
    for path in folder.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    content = json.loads((path / _STATE).read_bytes())
    if _checksum(path / _ARRAYS, content["state"]) != content["checksum"]:
        raise ValueError("its checksum is another one")
    try:
        return content["state"], load_file(path / _ARRAYS)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _checksum(path: Path, state: Mapping[str, Any]) -> int:
    checksum = zlib.crc32(json.dumps(state).encode())
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum
