"""Folders and files of results: tried before any work is done, complete or absent afterwards."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import keras

from tfzoo.errors import ConfigError
from tfzoo.training.snapshots import remove_snapshots
from tfzoo.weights.formats.tfzoo import MARKER

_REST = 10e6  # bytes of vocabularies, graphs and JSON
_MARKERS = {"best": MARKER, "export": "saved_model.pb"}
_FILES = ("metrics.json", "metrics.jsonl", "curves.png")


def prepare_workdir(folder: str) -> Path:
    """Makes a folder for the results of training, and tries it.

    Raises:
        ConfigError: it cannot be written, or holds something that training would not replace.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"0")
    except OSError as error:
        raise _unwritable(path, error) from None
    for name, marker in _MARKERS.items():
        if (path / name).exists() and not (path / name / marker).is_file():
            raise ConfigError(
                f"{path / name} is in the way, for training did not write it; choose another "
                "workdir."
            )
    return path


def remove_results(workdir: Path) -> None:
    """Removes what an earlier training left in a workdir that `prepare_workdir` has tried."""
    for name in _MARKERS:
        shutil.rmtree(workdir / name, ignore_errors=True)
    boards = (workdir / "tensorboard").glob("events.out.tfevents.*")
    for path in (*(workdir / name for name in _FILES), *boards):
        path.unlink(missing_ok=True)
    remove_checkpoints(workdir)


def remove_checkpoints(workdir: Path) -> None:
    """Removes the checkpoints in a workdir, so that the next training there begins anew."""
    folder = workdir / "checkpoints"
    remove_snapshots(folder, keep=set())
    with contextlib.suppress(OSError):  # there is none, or there is something else in it
        folder.rmdir()


def check_room(workdir: Path, model: keras.Model) -> None:
    """Checks that a disk has room for what training a model writes.

    That is two presets, the old and the new, an export, and checkpoints of weights and two moments:
    the last three, the best, and the one that is being written.

    Raises:
        ConfigError: it has not.
    """
    needed = (3 + 5 * 3) * 4 * model.count_params() + _REST  # float32
    free = shutil.disk_usage(workdir).free
    if free < needed:
        raise ConfigError(
            f"The disk of {workdir} has {free / 1e6:,.0f} MB left, and the results need up to "
            f"{needed / 1e6:,.0f} MB; free some space, or choose another workdir."
        )


@contextlib.contextmanager
def complete_file(path: Path) -> Iterator[TextIO]:
    """A text file to write, which takes its name once it is complete.

    Raises:
        ConfigError: it cannot be written.
    """
    is_device = path.exists() and not path.is_file()  # such as /dev/null
    partial = path if is_device else path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        if not is_device:
            os.replace(partial, path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        if not is_device:
            partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file.

    Raises:
        ConfigError: it cannot be written.
    """
    with complete_file(path) as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be written ({error.strerror}); choose a place that you may write, on a "
        "disk with room."
    )
