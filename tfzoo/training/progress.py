"""Progress of a `fit`: one bar over all of its epochs."""

import sys
from typing import Any, TextIO

import keras

_SECONDS_BETWEEN_LINES = 10
_AS_LINES = {
    "bar_format": "{desc}{percentage:.0f}%, {rate_fmt}{postfix}, {remaining} left",
    "mininterval": _SECONDS_BETWEEN_LINES,
    "miniters": 1,
    "delay": _SECONDS_BETWEEN_LINES,
    "leave": False,
}


class Progress(keras.callbacks.Callback):
    """Shows metrics, examples per second and the remaining time of a `fit(verbose=0)`.

    A terminal gets a bar, anything else a line now and then; both a line of metrics per epoch.

    Args:
        examples: how many there are per epoch.
        stream: where to write to; `sys.stderr` by default.
    """

    def __init__(self, examples: int, stream: TextIO | None = None) -> None:
        super().__init__()
        self.examples = examples
        self._stream = stream
        self._bar = None

    def on_train_begin(self, logs: Any = None) -> None:
        from tqdm import tqdm

        self._stream = self._stream or sys.stderr
        self._epochs = self.params["epochs"]
        options = {"file": self._stream}
        if not self._stream.isatty():
            options = {"file": _Lines(self._stream), **_AS_LINES}
        self._bar = tqdm(
            desc=f"epoch 1/{self._epochs}",
            total=self.examples * self._epochs,
            unit=" examples",
            dynamic_ncols=True,
            **options,
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        self._bar.set_description(f"epoch {epoch + 1}/{self._epochs}", refresh=False)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._bar.n == 0:
            self._bar.unpause()  # the first step is traced, and says nothing of the others' speed
        self._bar.set_postfix(_numbers(logs), refresh=False)
        self._advance((batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in _numbers(logs).items())
        self._bar.write(f"epoch {epoch + 1}/{self._epochs}: {metrics}", file=self._stream)

    def on_train_end(self, logs: Any = None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the bar; needed where `fit` was interrupted, and harmless elsewhere."""
        if self._bar is not None:
            self._bar.close()

    def _advance(self, share: float) -> None:
        """Moves the bar to a share of the current epoch."""
        self._bar.update(round((self._epoch + share) * self.examples) - self._bar.n)


class _Lines:
    """A stream that makes a line of each state of a bar, which would draw over the one before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self._stream.write(f"{line}\n")

    def flush(self) -> None:
        self._stream.flush()


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    """Metrics as numbers, losses first."""
    names = sorted(logs, key=lambda name: not name.endswith("loss"))
    return {name: float(logs[name]) for name in names}
