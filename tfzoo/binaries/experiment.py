"""One experiment from its data to an exported model."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
from ml_collections import ConfigDict

from tfzoo.binaries.config import check_values
from tfzoo.binaries.models import new_task, task_class, trained_task
from tfzoo.binaries.results import check_room, prepare_workdir, remove_results, write_json
from tfzoo.binaries.scores import as_text, score
from tfzoo.binaries.splits import read_splits
from tfzoo.data import Examples
from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks import Task
from tfzoo.training import fine_tuning_optimizer
from tfzoo.training.best_preset import BestPreset
from tfzoo.training.progress import Progress


def train(config: ConfigDict, workdir: str) -> None:
    """Trains a task, scores its best preset on the test split, and exports that.

    Args:
        config: the fields of `tfzoo.binaries.config.default_config`.
        workdir: folder for the results, which `tfzoo.train` lists.

    Raises:
        TfzooError: something that the user stated cannot be used.
    """
    started = time.monotonic()
    check_values(config)
    task = task_class(config.task)
    folder = prepare_workdir(workdir)
    keras.utils.set_random_seed(config.seed)
    splits = read_splits(config.data)
    print("data:", ", ".join(f"{len(part):,} {name}" for name, part in splits.items()))
    arguments = config.model.to_dict()
    model = new_task(task, config.preset, arguments, config.precision, splits["train"])
    print(f"model: {model.count_params():,} parameters, {model.dtype_policy.name}", flush=True)
    check_room(folder, model)
    write_json(folder / "config.json", config.to_dict())
    remove_results(folder)  # of an earlier run, which had another config
    best = _fit(model, config, splits, folder / "best")

    model = trained_task(str(folder / "best"), "float32")
    test = score(model, splits["test"], config.eval.batch_size)
    seconds = round(time.monotonic() - started, 1)
    write_json(folder / "metrics.json", {"test": test, "validation": best, "seconds": seconds})
    print(f"test split, after epoch {best['epoch']}: {as_text(test)}", flush=True)
    if task.outputs_for_serving is not Task.outputs_for_serving:
        model.export(folder / "export", text_pair=config.data.text_pair is not None)
        _ask(folder / "export", config.export.texts)
    print(f"{folder} is complete after {time.monotonic() - started:.0f} s")


def _fit(
    model: Task, config: ConfigDict, splits: dict[str, Examples], folder: Path
) -> dict[str, Any]:
    """Trains a model, keeps its best preset in a folder, and returns the metrics of that."""
    settings, train, validation = config.train, splits["train"], splits["validation"]
    _check_labels(model, splits)
    if settings.last_layers is not None:
        model.backbone.train_last_layers(settings.last_layers)
    model.compile(
        fine_tuning_optimizer(
            settings.learning_rate, settings.warmup, settings.weight_decay, settings.clip_norm
        )
    )
    best, progress = BestPreset(folder), Progress(len(train))
    try:
        model.fit(
            train.texts,
            train.label,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            sample_weight=train.weight,
            validation_data=(validation.texts, validation.label, validation.weight),
            validation_batch_size=config.eval.batch_size,
            callbacks=[progress, best],
            verbose=0,
        )
    except KeyboardInterrupt:
        if best.saved:
            raise KeyboardInterrupt(f"the best preset so far is {folder}") from None
        raise
    finally:
        progress.close()
    if not best.saved:
        raise ConfigError(
            "Training diverged: no validation loss was finite; lower config.train.learning_rate."
        )
    return best.saved


def _check_labels(model: Task, splits: dict[str, Examples]) -> None:
    """Finds a label that is none of the model's classes before training, not after it."""
    for name, examples in splits.items():
        try:
            if examples.label is not None:
                model.targets(examples.label)
        except DataError as error:
            raise DataError(f"{name} split: {error}") from None


def _ask(export: Path, texts: tuple[str, ...]) -> None:
    """Prints an export's answers, given by a process that knows neither tfzoo nor Keras."""
    if not texts:
        return
    command = [sys.executable, "-P", Path(__file__).with_name("ask_export.py"), export, *texts]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"{export} cannot be loaded on its own:\n{asked.stderr}")
    print(f"answers of {export}, loaded in a process of its own:\n{asked.stdout}", end="")
