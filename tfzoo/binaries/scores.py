"""Scores as text to read."""

from typing import Any

_MOST_COLUMNS = 10  # a wider confusion matrix is not printed


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
    count = [f"{scores['examples']:,} examples"] if "examples" in scores else []
    numbers = {name: value for name, value in scores.items() if isinstance(value, float)}
    for by_class in (value for value in scores.values() if isinstance(value, dict)):
        numbers |= {f"F1 of {name}": value for name, value in by_class.items()}
    text = ", ".join(count + [f"{name} {value:.4f}" for name, value in numbers.items()])
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
