"""What a `fit` is like, written down while it runs: JSON lines, TensorBoard, a picture."""

import contextlib
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.training.curves import draw_curves
from tfzoo.training.metrics_file import as_line, read_metrics, write_metrics
from tfzoo.training.strategies import is_chief
from tfzoo.training.throughput import Throughput, current_learning_rate

_SECONDS_BETWEEN_PICTURES = 60
_SCALARS = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})


class MetricsLog(keras.callbacks.Callback):
    """Writes a training down in a folder, as one story however often it is killed and resumed.

    `metrics.jsonl` has a line every few steps with the step (of the optimizer), the epoch (from 1),
    the loss of that step alone, the learning rate after it, examples and real tokens per second and
    the share of the device's peak since the line before, and the seconds trained so far; and a line
    per epoch with the metrics that `fit` reports. `kind` tells them apart: "step" or "epoch".
    `tensorboard` holds the same for TensorBoard, and `curves.png` is the picture of
    `tfzoo.training.curves.draw_curves`, new after the end and, at most every minute, after an
    epoch.

    A `fit` that goes on from a checkpoint cuts off the lines of steps that it does again; one that
    starts with the optimizer's first step begins the file anew. Of several workers the first one
    writes. A folder that cannot be written to, because the disk is full, say, is a warning: the
    training goes on.

    Args:
        folder: created where it is not there.
        every_steps: optimizer steps from one line to the next.

    Raises:
        ConfigError: `every_steps` is no whole number from 1 on.
    """

    def __init__(self, folder: str | os.PathLike[str], every_steps: int = 10) -> None:
        super().__init__()
        if type(every_steps) is not int or every_steps < 1:
            raise ConfigError(f"every_steps is {every_steps!r}; give a whole number from 1 on.")
        self.folder = Path(folder)
        self.every_steps = every_steps

    def on_train_begin(self, logs: Any = None) -> None:
        self._throughput = Throughput(self.model)
        self._files = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        if self._files is None and is_chief(self.model.distribute_strategy):
            with self._going_on():
                self._files = _Files(self.folder, self._step, self._epoch)
        self._throughput.restart()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._throughput.add_step()
        step, every = self._step, self.every_steps
        if self._files is None or step // every == self._files.step // every:
            return
        metrics = {
            "loss": float(getattr(self.model, "step_loss", logs["loss"])),
            "learning_rate": current_learning_rate(self.model),
            **self._throughput.rates(),
        }
        with self._going_on():
            self._files.write("step", step, self._epoch, metrics)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._files is None:
            return
        with self._going_on():
            metrics = {name: float(value) for name, value in logs.items()}
            self._files.write("epoch", self._step, self._epoch, metrics)
            self._files.draw(at_most_every=_SECONDS_BETWEEN_PICTURES)

    def on_train_end(self, logs: Any = None) -> None:
        if self._files is None:
            return
        with self._going_on():
            self._files.draw()
            self._files.close()

    @property
    def _step(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Makes a warning of what cannot be written, and tries again in the next epoch."""
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            self._files = None
            warnings.warn(
                f"{self.folder} cannot be written to ({error!s:.200}); training goes on, and "
                "writes no metrics before the next epoch.",
                stacklevel=3,
            )


class _Files:
    """What a `MetricsLog` writes.

    Args:
        folder: for all of it.
        step: of the optimizer, with which the training starts or goes on.
        epoch: from 1, in which it does.
    """

    def __init__(self, folder: Path, step: int, epoch: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._picture = folder / "metrics.jsonl", folder / "curves.png"
        former = [
            line
            for line in read_metrics(self._path)
            if line["step"] <= step and (line["kind"] == "step" or line["epoch"] < epoch)
        ]
        write_metrics(self._path, former)
        self.step = step
        self._start = time.monotonic() - (former[-1]["seconds"] if former else 0.0)
        self._drawn = time.monotonic()
        self._board = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def write(self, kind: str, step: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Adds a line."""
        self.step = step
        seconds = round(time.monotonic() - self._start, 2)
        line = {"kind": kind, "step": step, "epoch": epoch, **metrics, "seconds": seconds}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(as_line(line))
        with self._board.as_default(step):
            for name, value in metrics.items():
                group = "validation" if name.startswith("val_") else kind
                tag = f"{group}/{name.removeprefix('val_')}"
                tf.summary.write(tag, tf.constant(value), metadata=_SCALARS)

    def draw(self, at_most_every: float = 0.0) -> None:
        """Brings TensorBoard's file and, unless the last is that new, the picture up to date."""
        self._board.flush()
        if time.monotonic() - self._drawn >= at_most_every:
            draw_curves(self._path, self._picture)
            self._drawn = time.monotonic()

    def close(self) -> None:
        """Ends TensorBoard's file."""
        self._board.close()
