"""Classifiers and regressions of texts and of pairs of texts."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from tfzoo.binaries.kinds.kind import Kind
from tfzoo.data import Examples, WordExamples, find_class_names, read_examples
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError
from tfzoo.tasks import Classifier
from tfzoo.training.metrics import confusion_matrix, correlation, f1_scores


class Classification(Kind):
    """Texts with a label each."""

    columns: ClassVar = {
        "text": "text",
        "text_pair": None,
        "label": "label",
        "weight": None,
        "delimiter": None,
    }
    asked: ClassVar = {"text": "text", "text_pair": None}

    def read(self, source: str, **columns: Any) -> Examples:
        return read_examples(source, **columns)

    def settings(self, arguments: Mapping[str, Any], train: Examples) -> dict[str, Any]:
        if arguments.get("problem_type") == "regression":
            return {"num_classes": 1, **arguments}
        return with_classes(arguments, train)

    def fit_data(self, examples: Examples, batch_size: int, seed: int | None) -> tuple:
        return examples.texts, examples.label, examples.weight

    def check(self, model: Classifier, examples: Examples) -> None:
        model.targets(examples.label)

    def score(self, model: Classifier, examples: Examples, batch_size: int) -> dict[str, Any]:
        """Scores in which every example counts once, whatever its weight.

        Returns:
            `accuracy` (multi-label: of single decisions) and `f1` by class name; for one label per
            text `confusion_matrix`, whose rows are the true classes, and for two classes Matthews'
            correlation; of a regression `mse`, `mae` and, for one value, Pearson's correlation.

        Raises:
            DataError: a label is none of the model's.
        """
        targets = model.targets(examples.label)
        logits = model.predict(examples.texts, batch_size=batch_size, verbose=0)
        scores = {"examples": len(examples)}
        if model.problem_type == "regression":
            return {**scores, **_regression_scores(targets, logits)}
        if model.problem_type == "multi_label":
            rows, predicted_rows = targets, logits > 0
            scores["accuracy"] = float(np.mean(rows == predicted_rows))
        else:
            predicted = logits.argmax(axis=-1)
            one_hot = np.eye(model.num_classes, dtype=bool)
            rows, predicted_rows = one_hot[targets], one_hot[predicted]
            scores["accuracy"] = float(np.mean(targets == predicted))
            if model.num_classes == 2:
                scores["matthews"] = correlation(targets, predicted)  # the same, of two classes
            scores["confusion_matrix"] = confusion_matrix(
                targets, predicted, model.num_classes
            ).tolist()
        names = model.class_names or [str(index) for index in range(model.num_classes)]
        f1 = f1_scores(rows, predicted_rows).tolist()
        return {**scores, "f1": dict(zip(names, f1, strict=True))}

    def from_records(self, records: Iterable[Record], columns: Mapping[str, Column]) -> Examples:
        rows = [[record.text(column) for column in columns.values()] for record in records]
        return Examples(**dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))

    def answers(self, model: Classifier, examples: Examples) -> list[dict[str, Any]]:
        asked = {"text": examples.text, "text_pair": examples.text_pair}
        columns = {name: column for name, column in asked.items() if column is not None}
        rows = zip(*columns.values(), strict=True)
        return [
            {**dict(zip(columns, row, strict=True)), **answer}
            for row, answer in zip(rows, model.classify(examples.texts), strict=True)
        ]


def with_classes(arguments: Mapping[str, Any], train: Examples | WordExamples) -> dict[str, Any]:
    """Arguments of a classifier, with the names of the classes that its training data have.

    Args:
        arguments: those that a user states; with `class_names` or `num_classes` they stay as is.
        train: the training data, which may state the names.

    Raises:
        DataError: the data have not two classes.

    Example:

    >>> with_classes({"dropout": 0.2}, Examples(["win", "hi"], label=["spam", "ham"]))
    {'dropout': 0.2, 'class_names': ['ham', 'spam']}
    """
    if arguments.keys() & {"class_names", "num_classes"}:
        return dict(arguments)
    names = train.class_names or find_class_names(train.label)
    if len(names) < 2:
        raise DataError(
            f"All training examples have the label {names[0]!r}; a classifier needs examples of at "
            "least two classes."
        )
    return {**arguments, "class_names": names}


def _regression_scores(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    errors = predictions - targets
    scores = {"mse": float(np.mean(errors**2)), "mae": float(np.mean(np.abs(errors)))}
    if targets.shape[1] == 1:
        scores["pearson"] = correlation(targets[:, 0], predictions[:, 0])
    return scores
