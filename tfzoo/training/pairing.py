"""Which teacher can teach which student, and what."""

import math
from collections.abc import Sequence

from tfzoo.errors import ConfigError
from tfzoo.tasks import Classifier, Task
from tfzoo.tasks.parts import check_fit
from tfzoo.training.shrink import check_layers, spread

_SAME = ("num_classes", "class_names", "problem_type")


def check_pair(teacher: Task, student: Task) -> None:
    """Checks that a teacher's outputs mean to a student what its own do.

    Raises:
        ConfigError: they do not.
    """
    for task in (teacher, student):
        if not isinstance(task, Task) or type(task).call is not Task.call:
            raise ConfigError(f"A {type(task).__name__} cannot be distilled; choose another task.")
    if teacher.kind != student.kind:
        raise ConfigError(
            f"A {type(teacher).__name__} cannot teach a {type(student).__name__}, which has other "
            "outputs."
        )
    for name in _SAME:
        theirs, its = (task.own_config().get(name) for task in (teacher, student))
        if None not in (theirs, its) and theirs != its:
            raise ConfigError(
                f"The teacher's {name} is {theirs!r:.80} and the student's {its!r:.80}; they must "
                "be the same."
            )
    if not _same_ids(teacher, student):
        raise ConfigError(
            "The student must have the tokenizer of its teacher, which sees the student's token "
            "ids; give both the same vocabulary."
        )


def _same_ids(teacher: Task, student: Task) -> bool:
    if None in (teacher.preprocessor, student.preprocessor):
        rows = {task.backbone.token_embedding.input_dim for task in (teacher, student)}
        return len(rows) == 1
    theirs, its = (task.preprocessor.tokenizer.get_config() for task in (teacher, student))
    if theirs == its:
        check_fit(teacher.backbone, student.preprocessor)  # positions
    return theirs == its


def check_heads(teacher: Task, student: Task) -> None:
    """Checks that attention can be matched head by head.

    Raises:
        ConfigError: it cannot.
    """
    theirs, its = (task.backbone.encoder.layer_config["num_heads"] for task in (teacher, student))
    if theirs != its:
        raise ConfigError(
            f"Attention is matched head by head, and the teacher has {theirs} heads and the "
            f"student {its}; leave attention_weight at 0."
        )


def check_settings(temperature: float, label_weight: float, *others: float) -> None:
    """Checks the numbers of a `Distiller`.

    Raises:
        ConfigError: one of them makes no sense.
    """
    if not 0 < temperature < math.inf:
        raise ConfigError(f"temperature is {temperature!r:.40}; it must be positive.")
    if not 0 <= label_weight <= 1:
        raise ConfigError(f"label_weight is {label_weight!r:.40}; it must be between 0 and 1.")
    if not all(0 <= weight < math.inf for weight in others):
        raise ConfigError(
            f"hidden_weight is {others[0]!r:.40} and attention_weight is {others[1]!r:.40}; they "
            "must be finite, and not negative."
        )


def check_cacheable(student: Task, matches_layers: bool) -> None:
    """Checks that a teacher's logits are all that a student needs of it.

    Raises:
        ConfigError: they are not.
    """
    if matches_layers:
        raise ConfigError(
            "A cache holds logits alone; leave it out to match hidden states or attention."
        )
    if not isinstance(student, Classifier):
        raise ConfigError(
            f"A cache holds one row of logits per text, and a {type(student).__name__} gives "
            "others; leave it out."
        )


def matched_layers(layer_map: Sequence[int] | None, teacher: Task, student: Task) -> list[int]:
    """For each of a student's layers, the index of the teacher's layer that it is to match.

    Args:
        layer_map: the caller's choice; None for layers that are evenly spread.
        teacher, student: a pair.

    Raises:
        ConfigError: there are no such layers, or not one for each of the student's.
    """
    depth, wanted = (len(task.backbone.encoder.layers) for task in (teacher, student))
    if layer_map is None:
        return spread(wanted, depth)
    layer_map = check_layers(layer_map, depth)
    if len(layer_map) != wanted:
        raise ConfigError(
            f"layer_map has {len(layer_map)} entries; give one for each of the student's {wanted} "
            "layers."
        )
    return layer_map
