"""The training of an experiment, which goes on where an earlier process stopped."""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from tfzoo.binaries.config import new_optimizer
from tfzoo.binaries.kinds import Kind
from tfzoo.data import Columns
from tfzoo.errors import ConfigError
from tfzoo.tasks import Task
from tfzoo.training import BestPreset, Checkpoints, MetricsLog, Progress
from tfzoo.training.strategies import is_chief


def find_checkpoints(config: ConfigDict, folder: Path, allow_changes: bool) -> Checkpoints:
    """The checkpoints of an experiment, of which there may be none yet.

    Args:
        config: the experiment's.
        folder: its workdir.
        allow_changes: whether they may be of another config.
    """
    return Checkpoints(
        folder / "checkpoints",
        every_steps=config.train.checkpoint_steps,
        every_seconds=config.train.checkpoint_seconds,
        settings=config.to_dict(),
        allow_changes=allow_changes,
    )


def describe_newest(checkpoints: Checkpoints) -> str | None:
    """Where the newest checkpoint was written, to read; None where there is none.

    Raises:
        ConfigError: the checkpoints are of another config.
    """
    try:
        found = checkpoints.newest()
    except ConfigError as error:
        message = str(error).removesuffix(".")
        raise ConfigError(f"{message} (--allow_changes), or start anew (--restart).") from None
    if found is None:
        return None
    epoch, step = found[0]["position"]["epoch"], found[0]["position"]["step"]
    return f"step {step} of epoch {epoch + 1}" if step else f"epoch {epoch}"


def fit(
    kind: Kind,
    model: Task,
    config: ConfigDict,
    splits: dict[str, Columns],
    folder: Path,
    checkpoints: Checkpoints,
) -> dict[str, Any]:
    """Trains a model. Of several workers, the chief shows, logs and keeps what comes of it.

    Args:
        kind: of the task.
        model: a task, or what trains one.
        config: the experiment's.
        splits: the parts `train` and `validation` of its data.
        folder: the workdir, whose `best` gets the best preset.
        checkpoints: those to go on from, and to write.

    Returns:
        The metrics of the best preset; nothing for workers that are not the chief.

    Raises:
        TfzooError: what `fit` of a task raises; ConfigError also where no validation loss was
            finite.
        KeyboardInterrupt: the user's; its message tells what there is.
    """
    settings, strategy = config.train, model.distribute_strategy
    if settings.last_layers is not None:
        model.backbone.train_last_layers(settings.last_layers)
    with strategy.scope():
        model.compile(
            new_optimizer(settings),
            accumulation_steps=settings.accumulation_steps,
            steps_per_execution=settings.steps_per_execution,
        )
    texts, labels, weights = kind.fit_data(splits["train"], settings.batch_size, config.seed)
    steps = settings.steps_per_epoch
    progress = Progress(steps * settings.batch_size if steps else len(splits["train"]))
    best = BestPreset(folder / "best")
    try:
        model.fit(
            texts,
            labels,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            steps_per_epoch=steps,
            sample_weight=weights,
            validation_data=kind.fit_data(splits["validation"], config.eval.batch_size, None),
            validation_batch_size=config.eval.batch_size,
            checkpoints=checkpoints,
            callbacks=[progress, MetricsLog(folder), best] if is_chief(strategy) else [],
            verbose=0,
        )
    except KeyboardInterrupt:
        if best.saved:
            raise KeyboardInterrupt(f"the best preset so far is {best.folder}") from None
        raise
    finally:
        progress.close()
    if is_chief(strategy) and not best.saved:
        raise ConfigError(
            "Training diverged: no validation loss was finite; lower config.train.learning_rate."
        )
    return best.saved
