"""Checkpoints from which a killed `fit` goes on as if nothing had happened."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfzoo.errors import ConfigError
from tfzoo.training.snapshots import read_newest


class Checkpoints:
    """Writes the whole state of a `fit` every now and then, and finds it again.

    Give one to `fit`, and the same program started again goes on where the last checkpoint was
    written: with the same batches, dropout and losses. A checkpoint holds the weights, the
    optimizer, the metrics so far, the state of random generators and callbacks, and the place in
    the data. It is written in the background, and takes its name when it is complete. SIGTERM
    writes one more and ends `fit` with `TrainingStoppedError`.

    Args:
        folder: for the checkpoints of one training, and of no other; all workers share it.
        every_steps: optimizer steps from one to the next.
        every_seconds: or seconds, whichever comes first. There is one after each epoch too.
        keep: how many of the last are kept; the one after the epoch with the lowest validation
            loss stays besides.
        settings: what the training depends on, such as an experiment's configuration; JSON.
        allow_changes: go on although the settings differ.

    Raises:
        ConfigError: a number makes no sense.

    Example:

    >>> import tempfile
    >>> Checkpoints(tempfile.mkdtemp(), every_seconds=600).keep
    3
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every_steps: int | None = None,
        every_seconds: float | None = 600,
        keep: int = 3,
        settings: Mapping[str, Any] | None = None,
        allow_changes: bool = False,
    ) -> None:
        for name, value in (("every_steps", every_steps), ("keep", keep)):
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number from 1 on.")
        if every_seconds is not None and not every_seconds > 0:
            raise ConfigError(f"every_seconds is {every_seconds!r}; it must be positive.")
        self.folder = Path(folder)
        self.every_steps, self.every_seconds, self.keep = every_steps, every_seconds, keep
        self.settings = json.loads(json.dumps(dict(settings or {}), default=str))
        self.allow_changes = allow_changes

    def seed(self, draw: Callable[[], int]) -> int:
        """The seed of the newest checkpoint's `fit`, or a new one where there is none.

        Raises:
            ConfigError: the checkpoint is of other settings.
        """
        found = self.newest()
        return draw() if found is None else found[0]["seed"]

    def newest(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """The newest intact checkpoint: what it says, and its arrays.

        Raises:
            ConfigError: it is of other settings.
        """
        found = read_newest(self.folder)
        changes = found and "; ".join(_changes(found[0]["settings"], self.settings))
        if changes and not self.allow_changes:
            raise ConfigError(
                f"The checkpoints in {self.folder} were written with other settings ({changes}); "
                "undo the change, choose another folder, or allow changes."
            )
        return found


def _changes(old: Any, new: Any, path: str = "") -> list[str]:
    """What differs between two settings, for people to read."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = ((name, old.get(name), new.get(name)) for name in sorted({*old, *new}))
        return [each for name, *values in pairs for each in _changes(*values, f"{path}.{name}")]
    return [] if old == new else [f"{path.strip('.')} was {old!r:.60} and is {new!r:.60}"]
