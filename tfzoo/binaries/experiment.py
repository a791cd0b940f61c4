"""One experiment from its data to an exported model."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from tfzoo.binaries.config import check_values
from tfzoo.binaries.fitting import describe_newest, find_checkpoints, fit
from tfzoo.binaries.kinds import Kind, kind_of
from tfzoo.binaries.models import new_distiller, new_task, task_class, trained_task
from tfzoo.binaries.results import (
    check_room,
    prepare_workdir,
    remove_checkpoints,
    remove_results,
    write_json,
)
from tfzoo.binaries.scores import as_text
from tfzoo.binaries.splits import read_splits
from tfzoo.data import Columns
from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks import Task
from tfzoo.training.strategies import agreed, is_chief


def train(
    config: ConfigDict,
    workdir: str,
    strategy: tf.distribute.Strategy | None = None,
    restart: bool = False,
    allow_changes: bool = False,
) -> None:
    """Trains a task, scores its best preset on the test split, and exports that.

    Of several workers, all train; the first one does the rest, alone.

    Args:
        config: the fields of `tfzoo.binaries.config.default_config`.
        workdir: folder for the results, which `tfzoo.train` lists.
        strategy: of `tfzoo.training.get_strategy`; None for one device.
        restart: begin anew where there are checkpoints to go on from.
        allow_changes: go on from checkpoints of another config.

    Raises:
        TfzooError: something that the user stated cannot be used, or training cannot go on.
        TrainingStoppedError: SIGTERM came.
    """
    started = time.monotonic()
    strategy = strategy or tf.distribute.get_strategy()
    check_values(config)
    task = task_class(config.task)
    kind = kind_of(task)
    kind.check_config(config)
    folder = prepare_workdir(workdir)
    checkpoints = find_checkpoints(config, folder, allow_changes)
    done = None if restart else describe_newest(checkpoints)
    keras.utils.set_random_seed(config.seed)
    splits = read_splits(kind, config.data)
    with strategy.scope():
        learner, model = _models(task, config, splits["train"])
    _check_data(kind, model, splits)
    if is_chief(strategy):
        print("data:", ", ".join(f"{len(part):,} {name}" for name, part in splits.items()))
        print(f"model: {model.count_params():,} parameters, {model.dtype_policy.name}", flush=True)
        if done:
            print(f"going on after {done}; --restart would begin anew", flush=True)
        else:
            check_room(folder, model)
            remove_results(folder)  # of an earlier run, which may have had another config
        write_json(folder / "config.json", config.to_dict())
    agreed(strategy, False)  # the other workers wait here until that is done
    best = fit(kind, learner, config, splits, folder, checkpoints)
    if is_chief(strategy):
        _finish(kind, config, splits["test"], folder, best, started)


def _models(task: type[Task], config: ConfigDict, train: Columns) -> tuple[Task, Task]:
    """What `fit` is called on, and the task that learns: the same one, unless it has a teacher."""
    settings = config.distil.to_dict()
    num_layers = settings.pop("num_layers")
    if num_layers is None:
        model = new_task(task, config.preset, config.model.to_dict(), config.precision, train)
        return model, model
    distiller = new_distiller(config.preset, num_layers, config.precision, settings)
    if not isinstance(distiller.student, task):
        raise ConfigError(
            f"config.preset is a {type(distiller.teacher).__name__}, and config.task is "
            f"{task.__name__}; name the teacher's own."
        )
    return distiller, distiller.student


def _check_data(kind: Kind, model: Task, splits: dict[str, Columns]) -> None:
    """Finds what cannot be learned, such as an unknown label, before training, not after it."""
    for name, examples in splits.items():
        try:
            kind.check(model, examples)
        except DataError as error:
            raise DataError(f"{name} split: {error}") from None


def _finish(
    kind: Kind,
    config: ConfigDict,
    test: Columns,
    folder: Path,
    best: dict[str, Any],
    started: float,
) -> None:
    """Scores and exports the best preset, after which there is nothing to go on with."""
    model = trained_task(str(folder / "best"), "float32")
    scores = kind.score(model, test, config.eval.batch_size)
    seconds = round(time.monotonic() - started, 1)
    write_json(folder / "metrics.json", {"test": scores, "validation": best, "seconds": seconds})
    print(f"test split, after epoch {best['epoch']}: {as_text(scores)}", flush=True)
    if kind.exports:
        model.export(folder / "export", text_pair=config.data.text_pair is not None)
        _ask(folder / "export", config.export.texts)
    remove_checkpoints(folder)
    print(f"{folder} is complete after {time.monotonic() - started:.0f} s")


def _ask(export: Path, texts: tuple[str, ...]) -> None:
    """Prints an export's answers, given by a process that knows neither tfzoo nor Keras."""
    if not texts:
        return
    command = [sys.executable, "-P", Path(__file__).with_name("ask_export.py"), export, *texts]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"{export} cannot be loaded on its own:\n{asked.stderr}")
    print(f"answers of {export}, loaded in a process of its own:\n{asked.stdout}", end="")
