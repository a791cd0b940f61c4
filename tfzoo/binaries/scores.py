"""A model's scores on labelled examples, as numbers and as text to read."""

from typing import Any

import numpy as np

from tfzoo.data import Examples
from tfzoo.errors import ConfigError
from tfzoo.tasks import Classifier, Task
from tfzoo.training.metrics import confusion_matrix, f1_scores

_MOST_COLUMNS = 10  # a wider confusion matrix is not printed


def score(model: Task, examples: Examples, batch_size: int = 32) -> dict[str, Any]:
    """A model's scores; every example counts once, whatever its weight.

    Args:
        model: a task.
        examples: with labels, unless the task makes its own.
        batch_size: examples per step.

    Returns:
        For a classifier `accuracy` (multi-label: of single decisions), `f1` by class name, and
        for one label per text `confusion_matrix`, whose rows are the true classes; for other
        tasks their loss and metrics. All are numbers and lists that JSON takes.

    Raises:
        DataError: a label is none of the model's.
        ConfigError: labels are missing.
    """
    if not isinstance(model, Classifier) or model.problem_type == "regression":
        return model.evaluate(
            examples.texts, examples.label, batch_size=batch_size, verbose=0, return_dict=True
        )
    if examples.label is None:
        raise ConfigError("Scores need labels; name the column that holds them.")
    targets = model.targets(examples.label)
    logits = model.predict(examples.texts, batch_size=batch_size, verbose=0)
    scores = {"examples": len(examples)}
    if model.problem_type == "multi_label":
        rows, predicted_rows = targets, logits > 0
        scores["accuracy"] = float(np.mean(rows == predicted_rows))
    else:
        predicted = logits.argmax(axis=-1)
        one_hot = np.eye(model.num_classes, dtype=bool)
        rows, predicted_rows = one_hot[targets], one_hot[predicted]
        scores["accuracy"] = float(np.mean(targets == predicted))
        scores["confusion_matrix"] = confusion_matrix(
            targets, predicted, model.num_classes
        ).tolist()
    names = model.class_names or [str(index) for index in range(model.num_classes)]
    f1 = f1_scores(rows, predicted_rows).tolist()
    return {**scores, "f1": dict(zip(names, f1, strict=True))}


def as_text(scores: dict[str, Any]) -> str:
    """Scores for people: a line, and the confusion matrix as a table.

    Example:

    >>> scores = {"accuracy": 0.75, "f1": {"ham": 0.667, "spam": 0.8}}
    >>> print(as_text({**scores, "confusion_matrix": [[1, 1], [0, 2]]}))
    accuracy 0.7500, F1 of ham 0.6670, F1 of spam 0.8000
    <BLANKLINE>
               predicted
                ham  spam
    true  ham     1     1
         spam     0     2
    """
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    numbers |= {f"F1 of {name}": value for name, value in scores.get("f1", {}).items()}
    text = ", ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{value:,} {name}"
        for name, value in numbers.items()
    )
    matrix = scores.get("confusion_matrix", [])
    if not 0 < len(matrix) <= _MOST_COLUMNS:
        return text
    return f"{text}\n\n{_table(matrix, list(scores['f1']))}"


def _table(matrix: list[list[int]], names: list[str]) -> str:
    name_width = max(len(name) for name in names)
    width = max(name_width, *(len(str(count)) for row in matrix for count in row)) + 2
    margin = " " * (len("true ") + name_width)
    lines = [f"{margin}  predicted", margin + "".join(f"{name:>{width}}" for name in names)]
    for index, (name, row) in enumerate(zip(names, matrix, strict=True)):
        start = "true " if index == 0 else " " * len("true ")
        lines.append(f"{start}{name:>{name_width}}" + "".join(f"{n:>{width}}" for n in row))
    return "\n".join(lines)
