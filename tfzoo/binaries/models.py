"""Tasks by name, new ones for some data, and trained ones by handle."""

from collections.abc import Mapping
from typing import Any

from tfzoo import tasks
from tfzoo.binaries.kinds import KINDS, kind_of
from tfzoo.binaries.kinds.prepared_rows import PreparedRows
from tfzoo.data import Columns
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.signatures import constructor_parameters
from tfzoo.tasks import Task
from tfzoo.tasks.parts import arguments, routed
from tfzoo.tokenizers.tokenizer import Tokenizer
from tfzoo.training import Distiller, choose_precision, shrink
from tfzoo.weights.formats import open_source
from tfzoo.weights.resolve import resolve


def task_class(name: str) -> type[Task]:
    """The task of this name.

    Raises:
        ConfigError: there is none.

    Example:

    >>> task_class("BertClassifier").__name__
    'BertClassifier'
    """
    known = _tasks()
    if name not in known:
        raise ConfigError(
            f"{name!r} is no task that the programs know; choose one of {', '.join(known)}."
        )
    return known[name]


def new_task(
    task: type[Task],
    preset: str | None,
    arguments: Mapping[str, Any],
    precision: str,
    train: Columns,
) -> Task:
    """A task that starts from a preset; a classifier gets the classes of its training data.

    Args:
        task: its class.
        preset: a preset's name or any handle; None starts from nothing but the vocabulary of
            prepared rows.
        arguments: of `from_preset`; they may state `class_names` or `num_classes`. Without a preset
            they are those of the task and its backbone, and name the latter's sizes.
        precision: "auto", "float32" or "mixed_bfloat16".
        train: the training data.

    Raises:
        TfzooError: what `from_preset` raises; DataError also where all labels are the same, and
            ConfigError where nothing says what a task without a preset is.
    """
    settings = kind_of(task).settings(arguments, train)
    settings["dtype"] = choose_precision(precision)
    if preset is not None:
        return task.from_preset(preset, **settings)
    if not isinstance(train, PreparedRows):
        raise ConfigError(
            "config.preset is not set, and only rows that tfzoo.prepare wrote have a vocabulary to "
            "start from nothing with; set config.preset, or prepare config.data.train."
        )
    return _from_nothing(task, settings, train.tokenizer)


def _from_nothing(task: type[Task], settings: dict[str, Any], tokenizer: Tokenizer) -> Task:
    """A task with random weights for a vocabulary."""
    if not isinstance(tokenizer, getattr(task, "tokenizer_class", ())):
        raise ConfigError(
            f"config.data.train has the vocabulary of a {type(tokenizer).__name__}, which is none "
            f"of a {task.__name__}'s; set config.task to one of its family."
        )
    backbone_class = task.backbone_class
    mine = routed(
        settings,
        task=arguments(task) - {"backbone", "preprocessor"},
        backbone=backbone_class.argument_names() - {"name", "vocabulary_size"},
        preprocessor={"sequence_length"},
    )
    sizes = {"vocabulary_size": tokenizer.vocabulary_size, **mine["backbone"]}
    parameters = constructor_parameters(backbone_class).values()
    needed = [each.name for each in parameters if each.default is each.empty]
    if lacking := [f"config.model.{name}" for name in needed if name not in sizes]:
        raise ConfigError(
            f"Without config.preset, the sizes of a {backbone_class.__name__} must be given; set "
            f"{', '.join(lacking)}."
        )
    preprocessor = task.preprocessor_class(tokenizer, **mine["preprocessor"])
    return task(backbone_class(**sizes), preprocessor, **mine["task"])


def new_distiller(
    preset: str, num_layers: int, precision: str, settings: Mapping[str, Any]
) -> Distiller:
    """What trains a student that has some of its teacher's layers.

    Args:
        preset: the teacher, as for `trained_task`.
        num_layers: of the student.
        precision: "auto", "float32" or "mixed_bfloat16".
        settings: arguments of `Distiller`.

    Raises:
        TfzooError: what `trained_task`, `shrink` and `Distiller` raise.
    """
    teacher = trained_task(preset, precision)
    return Distiller(teacher, shrink(teacher, num_layers), **settings)


def saved_class(handle: str) -> type[Task]:
    """The class of a task that `save_to_preset` wrote after training.

    Args:
        handle: a folder, or any handle that stands for one.

    Raises:
        HandleError: nothing is found there.
        WeightsError: what is found is damaged, or weights without a task.
        ConfigError: the programs do not know the task.
    """
    families = [task for task in _tasks().values() if hasattr(task, "backbone_class")]
    is_name = any(handle in task.backbone_class.presets for task in families)
    saved = None if is_name else open_source(resolve(handle)).config.get("task")
    if not isinstance(saved, dict) or "class" not in saved:
        raise WeightsError(
            f"{handle} holds no trained task; train one with `python -m tfzoo.train`, whose result "
            "is the folder `best` in its workdir."
        )
    return task_class(saved["class"])


def trained_task(handle: str, precision: str) -> Task:
    """A task with its heads' weights, as `save_to_preset` wrote them after training.

    Args:
        handle: a folder, or any handle that stands for one.
        precision: "auto", "float32" or "mixed_bfloat16".

    Raises:
        TfzooError: what `saved_class` and `from_preset` raise.
    """
    return saved_class(handle).from_preset(handle, dtype=choose_precision(precision))


def _tasks() -> dict[str, type[Task]]:
    """The tasks that the programs know, by name; those without a family choose it by weights."""
    public = {name: getattr(tasks, name) for name in tasks.__all__}
    return {name: task for name, task in public.items() if getattr(task, "kind", None) in KINDS}
