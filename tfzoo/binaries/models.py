"""Tasks by name, new ones for some data, and trained ones by handle."""

from collections.abc import Mapping
from typing import Any

from tfzoo import tasks
from tfzoo.data import Examples, find_class_names
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.tasks import Classifier, MaskedLM, Task
from tfzoo.training import choose_precision
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
    task: type[Task], preset: str, arguments: Mapping[str, Any], precision: str, train: Examples
) -> Task:
    """A task that starts from a preset; a classifier gets the classes of its training data.

    Args:
        task: its class.
        preset: a preset's name or any handle.
        arguments: of `from_preset`; they may state `class_names` or `num_classes`.
        precision: "auto", "float32" or "mixed_bfloat16".
        train: the training data.

    Raises:
        TfzooError: what `from_preset` raises; ConfigError also where labels are missing.
    """
    arguments = dict(arguments)
    if issubclass(task, Classifier):
        if train.label is None:
            raise ConfigError(f"{task.__name__} learns from labels; set config.data.label.")
        if not arguments.keys() & {"class_names", "num_classes"}:
            if arguments.get("problem_type") == "regression":
                arguments["num_classes"] = 1
            else:
                names = train.class_names or find_class_names(train.label)
                if len(names) < 2:
                    raise DataError(
                        f"All training examples have the label {names[0]!r}; a classifier needs "
                        "examples of at least two classes."
                    )
                arguments["class_names"] = names
    return task.from_preset(preset, dtype=choose_precision(precision), **arguments)


def trained_task(handle: str, precision: str) -> Task:
    """A task with its heads' weights, as `save_to_preset` wrote them after training.

    Args:
        handle: a folder, or any handle that stands for one.
        precision: "auto", "float32" or "mixed_bfloat16".

    Raises:
        HandleError: nothing is found there.
        WeightsError: what is found is damaged, or weights without a task.
    """
    is_name = any(handle in task.backbone_class.presets for task in _tasks().values())
    saved = None if is_name else open_source(resolve(handle)).config.get("task")
    if not isinstance(saved, dict) or "class" not in saved:
        raise WeightsError(
            f"{handle} holds no trained task; train one with `python -m tfzoo.train`, whose result "
            "is the folder `best` in its workdir."
        )
    return task_class(saved["class"]).from_preset(handle, dtype=choose_precision(precision))


def _tasks() -> dict[str, type[Task]]:
    """The tasks of a family that learn from texts and their labels, by name."""
    public = {name: getattr(tasks, name) for name in tasks.__all__}
    return {
        name: task
        for name, task in public.items()
        if hasattr(task, "backbone_class") and issubclass(task, Classifier | MaskedLM)
    }
