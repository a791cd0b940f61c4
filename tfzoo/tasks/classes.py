"""The classes of a head: how many there are, and what they are called."""

from collections.abc import Sequence
from typing import Any

from tfzoo.errors import ConfigError

_TOGETHER = ("class_names", "num_classes", "problem_type")


def count_classes(num_classes: int | None, class_names: Sequence[str] | None, default: int) -> int:
    """How many classes a task has, from its constructor's arguments.

    Args:
        num_classes: None for one per name.
        class_names: None where they have none.
        default: the number where neither is given.

    Raises:
        ConfigError: there is not one name per class, or one is no string.

    Example:

    >>> count_classes(None, ["ham", "spam"], 3), count_classes(None, None, 3)
    (2, 3)
    """
    if strange := [name for name in class_names or () if not isinstance(name, str)]:
        raise ConfigError(
            f"The class name {strange[0]!r:.80} is not a string; give names as strings."
        )
    if num_classes is None:
        num_classes = len(class_names or ()) or default
    if class_names is not None and len(set(class_names)) != num_classes:
        raise ConfigError(
            f"{len(set(class_names))} different class names are given for {num_classes} "
            "classes; give one name per class."
        )
    return num_classes


def class_settings(
    task_class: type, head: str, source: Any, saved: dict[str, Any], overrides: dict[str, Any]
) -> dict[str, Any]:
    """A task's own arguments, with those of its classes from where they are known.

    Where a caller changes the number of classes, the source's names no longer hold, and the other
    way round; where it makes a regression of a classifier, neither does. Those of another kind of
    task never do.

    Args:
        task_class: a task of a family.
        head: the name of its head.
        source: an opened `tfzoo.weights.source.Source`.
        saved: the arguments that the source states.
        overrides: the caller's.
    """
    from tfzoo.weights import preset

    if source.task not in (None, task_class.kind):
        saved = {name: value for name, value in saved.items() if name not in _TOGETHER}
    saved = dict(saved)
    if names := saved.get("class_names"):
        saved.setdefault("num_classes", len(names))
    elif count := preset.num_classes(task_class.backbone_class, head, source):
        saved["num_classes"] = count
    settings = {**saved, **overrides}
    if ("regression" in (saved.get("problem_type"), settings.get("problem_type"))) and (
        saved.get("problem_type") != settings.get("problem_type")
    ):
        stale = ("num_classes", "class_names")
    elif overrides.get("num_classes", saved.get("num_classes")) != saved.get("num_classes"):
        stale = ("class_names",)
    elif len(overrides.get("class_names") or ()) not in (0, saved.get("num_classes")):
        stale = ("num_classes",)
    else:
        stale = ()
    return {n: value for n, value in settings.items() if n in overrides or n not in stale}
