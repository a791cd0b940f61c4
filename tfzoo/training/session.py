"""A `fit` that is running: what its state is, when it is written, and what stops it."""

import dataclasses
import math
import signal
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from tfzoo.errors import ConfigError, TrainingError, TrainingStoppedError
from tfzoo.training.callback_state import callback_state, restore_callbacks
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.snapshots import remove_snapshots, snapshot_steps, write_snapshot
from tfzoo.training.strategies import agreed, is_chief, num_workers, of_chief

_STEPS_BETWEEN_AGREEMENTS = 10  # of several workers on whether to write a checkpoint
_LEARNT = "callbacks/"  # the names of arrays that are a callback's


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a `fit` stands between two steps.

    Attributes:
        epoch: counted from 0.
        step: steps of this epoch that are done.
        passes: how often the data were begun before the present time.
        offset: batches of the present pass that are done.
    """

    epoch: int
    step: int = 0
    passes: int = 0
    offset: int = 0


class Session:
    """Writes the checkpoints of a `fit` that is running; a context manager.

    Args:
        checkpoints: where and when.
        model: compiled, with all its variables.
        callbacks: the `keras.callbacks.CallbackList`; plain attributes are part of the state.
        seed: that data and dropout follow from; part of the state.
    """

    def __init__(
        self, checkpoints: Checkpoints, model: keras.Model, callbacks: Any, seed: int
    ) -> None:
        self._checkpoints, self._model = checkpoints, model
        self._callbacks, self._seed = callbacks, seed
        self._strategy = model.distribute_strategy
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._pending: Future | None = None
        self._asked_to_stop = threading.Event()
        self._best = {"step": -1, "loss": math.inf}

    def __enter__(self) -> "Session":
        self._last_step, self._last_time = self._step, time.monotonic()
        self._former = None
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGTERM, lambda *_: self._asked_to_stop.set())
        return self

    def __exit__(self, *error: Any) -> None:
        if self._former is not None:
            signal.signal(signal.SIGTERM, self._former)
        self._wait()
        self._writer.shutdown()

    def restore(self, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Position:
        """Gives model and callbacks the state of a checkpoint.

        Returns:
            Where the training stands.

        Raises:
            ConfigError: the checkpoint is of another model.
        """
        variables = self._variables()
        learnt = {name: array for name, array in arrays.items() if name.startswith(_LEARNT)}
        arrays = {name: arrays[name] for name in arrays.keys() - learnt}
        theirs = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
        mine = {name: (tuple(v.shape), v.dtype) for name, v in variables.items()}
        if different := {name for name, _ in mine.items() ^ theirs.items()}:
            raise ConfigError(
                f"The checkpoints in {self._checkpoints.folder} are of another model, in which "
                f"{len(different)} variables have other shapes; choose another folder, or the "
                "same model, optimizer and metrics."
            )
        for name, variable in variables.items():
            variable.assign(arrays[name])
        learnt = {name.removeprefix(_LEARNT): array for name, array in learnt.items()}
        restore_callbacks(self._callbacks.callbacks, state["callbacks"], learnt)
        self._model.stop_training = state["stopped"]
        self._best = state["best"]
        self._last_step = self._step
        return Position(**state["position"])

    def check_all_start_alike(self) -> None:
        """Checks that all workers found the same checkpoint, or none.

        Raises:
            ConfigError: they did not, because they do not share the folder, say.
        """
        step = self._step
        differs = of_chief(self._strategy, step) != step
        if agreed(self._strategy, differs):
            raise ConfigError(
                f"The workers find different checkpoints in {self._checkpoints.folder}, this one "
                f"that of step {step}; give all workers one folder that they share."
            )

    def after_step(self, position: Position) -> None:
        """Writes a checkpoint if it is time to.

        Raises:
            TrainingError: a weight is not finite.
            TrainingStoppedError: SIGTERM came, and the checkpoint is written.
        """
        step, every = self._step, self._checkpoints.every_steps
        due = every is not None and step // every > self._last_step // every
        stop = False
        if num_workers(self._strategy) == 1 or step % _STEPS_BETWEEN_AGREEMENTS == 0:
            stop = agreed(self._strategy, self._asked_to_stop.is_set())
            due = due or agreed(self._strategy, self._time_is_up)
        if due or stop:
            self._save(position)
        if stop:
            self._wait(must_succeed=True)
            raise TrainingStoppedError(
                f"Training was stopped by SIGTERM after step {step}, which is saved in "
                f"{self._checkpoints.folder}; the same command goes on from there."
            )

    def after_epoch(self, position: Position, logs: dict[str, Any]) -> None:
        """Writes a checkpoint, which stays if its validation loss is the lowest so far."""
        loss = float(logs.get("val_loss", math.inf))
        if loss < self._best["loss"]:
            self._best = {"step": self._step, "loss": loss}
        self._save(position)

    @property
    def last(self) -> str:
        """Which checkpoint is the last one, as a sentence."""
        self._wait()
        steps = snapshot_steps(self._checkpoints.folder)
        if not steps:
            return "There is no checkpoint yet."
        return f"The last checkpoint is that of step {steps[-1]}."

    @property
    def _step(self) -> int:
        return int(keras.ops.convert_to_numpy(self._model.optimizer.iterations))

    @property
    def _time_is_up(self) -> bool:
        seconds = self._checkpoints.every_seconds
        return seconds is not None and time.monotonic() - self._last_time >= seconds

    def _variables(self) -> dict[str, keras.Variable]:
        model = self._model
        groups = {
            "model": model.variables,
            "optimizer": model.optimizer.variables,
            "metrics": model.metrics_variables,
        }
        return {
            f"{group}/{index}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    def _save(self, position: Position) -> None:
        """Copies the state, and leaves the writing to a thread."""
        self._wait()
        variables = self._variables()
        arrays = {
            name: np.array(keras.ops.convert_to_numpy(variable))
            for name, variable in variables.items()
        }
        for name, array in arrays.items():
            if variables[name].trainable and not np.isfinite(array).all():
                raise TrainingError(
                    f"After step {self._step} the weight {variables[name].path} is not finite; "
                    f"lower the learning rate. {self.last}"
                )
        callbacks, learnt = callback_state(self._callbacks.callbacks)
        arrays |= {_LEARNT + name: array for name, array in learnt.items()}
        state = {
            "position": dataclasses.asdict(position),
            "settings": self._checkpoints.settings,
            "seed": self._seed,
            "best": self._best,
            "callbacks": callbacks,
            "stopped": bool(self._model.stop_training),
        }
        self._last_step, self._last_time = self._step, time.monotonic()
        if is_chief(self._strategy):
            self._pending = self._writer.submit(
                _write, self._checkpoints, self._step, arrays, state
            )

    def _wait(self, must_succeed: bool = False) -> None:
        """Waits for the checkpoint that is being written."""
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        try:
            pending.result()
        except ConfigError as error:
            if must_succeed:
                raise
            warnings.warn(f"{error} Training goes on without this checkpoint.", stacklevel=2)


def _write(
    checkpoints: Checkpoints, step: int, arrays: dict[str, np.ndarray], state: dict[str, Any]
) -> None:
    write_snapshot(checkpoints.folder, step, arrays, state)
    last = snapshot_steps(checkpoints.folder)[-checkpoints.keep :]
    remove_snapshots(checkpoints.folder, keep={*last, state["best"]["step"]})
