"""Progress of a `fit`: one bar over all of its epochs."""

import sys
from typing import Any, TextIO

import keras

from tfzoo.training.throughput import Throughput, current_learning_rate

_SECONDS_BETWEEN_LINES = 10
_SECONDS_BETWEEN_RATES = 1
_AS_LINES = {
    "bar_format": "{desc}{percentage:.0f}%, {rate_fmt}{postfix}, {remaining} left",
    "mininterval": _SECONDS_BETWEEN_LINES,
    "miniters": 1,
    "delay": _SECONDS_BETWEEN_LINES,
    "leave": False,
}


class Progress(keras.callbacks.Callback):
    """Shows metrics, learning rate, speed and the remaining time of a `fit(verbose=0)`.

    Speed is examples and real tokens per second, and the share of what the device would do in
    matrix products alone; see `tfzoo.training.throughput`. A terminal gets a bar, anything else a
    line now and then; both a line of metrics per epoch. After a resume it goes on where it was.

    Args:
        examples: how many there are per epoch.
        stream: where to write to; `sys.stderr` by default.
    """

    def __init__(self, examples: int, stream: TextIO | None = None) -> None:
        super().__init__()
        self.examples = examples
        self._stream = stream
        self._bar = None
        self._rates: dict[str, Any] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        from tqdm import tqdm

        self._stream = self._stream or sys.stderr
        self._throughput = Throughput(self.model)
        options = {"file": self._stream}
        if not self._stream.isatty():
            options = {"file": _Lines(self._stream), **_AS_LINES}
        self._bar = tqdm(
            desc=f"epoch 1/{self.params['epochs']}",
            total=self.examples * self.params["epochs"],
            unit=" examples",
            dynamic_ncols=True,
            **options,
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        self._bar.set_description(f"epoch {epoch + 1}/{self.params['epochs']}", refresh=False)
        self._throughput.restart()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._throughput.add_step()
        if self._throughput.seconds >= _SECONDS_BETWEEN_RATES or not self._rates:
            self._rates = self._current_rates()
        self._bar.set_postfix({**_numbers(logs), **self._rates}, refresh=False)
        if self.params["steps"]:  # else nobody knows how many before the first epoch is over
            self._advance((batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._advance(1)
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in _numbers(logs).items())
        line = f"epoch {epoch + 1}/{self.params['epochs']}: {metrics}"
        self._bar.write(line, file=self._stream)

    def on_train_end(self, logs: Any = None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the bar; needed where `fit` was interrupted, and harmless elsewhere."""
        if self._bar is not None:
            self._bar.close()

    def _advance(self, share: float) -> None:
        """Moves the bar to a share of the current epoch.

        It begins behind the first step, which is traced and says nothing of the others' speed; a
        resumed `fit` begins anywhere.
        """
        bar, place = self._bar, round((self._epoch + share) * self.examples)
        if not bar.n:
            bar.n = bar.initial = bar.last_print_n = place
            bar.unpause()
        bar.update(place - bar.n)

    def _current_rates(self) -> dict[str, Any]:
        """The learning rate, and the speed where it is known, as the bar shows them."""
        from tqdm import tqdm

        shown = {"learning rate": current_learning_rate(self.model)}
        rates = self._throughput.rates()
        if "tokens_per_second" in rates:
            shown["tokens/s"] = tqdm.format_sizeof(rates["tokens_per_second"])
        if "peak_share" in rates:
            shown["of peak"] = f"{rates['peak_share']:.0%}"
        return shown


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
    """Metrics as numbers, the whole loss first, then its parts."""
    whole = ("loss", "val_loss")
    names = sorted(logs, key=lambda name: (name not in whole, not name.endswith("loss")))
    return {name: float(logs[name]) for name in names}
