"""A loader with every fault that the fuzzer looks for, each behind the mutation of a file."""

import os
import time
import warnings
from pathlib import Path

from tfzoo.errors import WeightsError


def load(folder: Path) -> None:
    """Does what the names of the files say that are not as they were."""
    for name, fault in _FAULTS.items():
        if (folder / name).read_bytes() != _CONTENT:
            fault(folder)


def _accept(folder: Path) -> None:
    pass


def _refuse(folder: Path) -> None:
    raise WeightsError("no")


def _raise(folder: Path) -> None:
    raise KeyError("no")


def _warn(folder: Path) -> None:
    warnings.warn("no", RuntimeWarning, stacklevel=1)


def _hang(folder: Path) -> None:
    time.sleep(60)


def _abort(folder: Path) -> None:
    os.abort()


def _allocate(folder: Path) -> None:
    len(b"x" * 2**27)


def _write(folder: Path) -> None:
    (folder.parent / "home" / "stray.txt").write_text("no")


def _overwrite(folder: Path) -> None:
    (folder.parent / "canary.txt").write_text("dead")


def _delete(folder: Path) -> None:
    (folder / "accept").unlink()


_CONTENT = b"valid"
_FAULTS = {
    "accept": _accept,
    "refuse": _refuse,
    "raise": _raise,
    "warn": _warn,
    "allocate": _allocate,
    "write": _write,
    "overwrite": _overwrite,
    "delete": _delete,
    # After these two, a worker has to be started again.
    "hang": _hang,
    "abort": _abort,
}
VALID = {"planted": dict.fromkeys(_FAULTS, _CONTENT)}
