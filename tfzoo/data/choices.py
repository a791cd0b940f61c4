"""Contexts, choices and the numbers of the right ones: files of them, and what a model takes."""

import dataclasses
import os
from collections.abc import Iterable, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np

from tfzoo.data.formats import file_records
from tfzoo.data.labels import class_ids
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError


@dataclasses.dataclass(frozen=True)
class ChoiceExamples:
    """N examples, each a context with several choices.

    Attributes:
        context: the texts that the choices are about.
        choices: for each context its choices, one at least.
        label: for each context the number of the right choice, from 0 on, where the source says.

    Example:
        >>> examples = ChoiceExamples(["It rained.", "It froze."], [["wet", "dry"], ["ice", "sun"]])
        >>> examples.take([1]).texts
        (['It froze.'], [['ice', 'sun']])
    """

    context: list[str]
    choices: list[list[str]]
    label: list[Any] | None = None

    def __len__(self) -> int:
        return len(self.context)

    @property
    def texts(self) -> tuple[list[str], list[list[str]]]:
        """What a model takes: contexts and choices."""
        return self.context, self.choices

    def take(self, indices: Sequence[int]) -> "ChoiceExamples":
        """Returns the examples at these indices, in this order."""
        return ChoiceExamples(
            [self.context[index] for index in indices],
            [self.choices[index] for index in indices],
            None if self.label is None else [self.label[index] for index in indices],
        )


def read_choices(
    path: str | os.PathLike[str],
    *,
    context: Column = "context",
    choices: Column | Sequence[Column] = "choices",
    label: Column | None = "label",
    stem: Column | None = None,
    delimiter: str | None = None,
) -> ChoiceExamples:
    r"""Reads the examples of a file; its name says the format as in `read_examples`.

    SWAG's files are read with `context="sent1", stem="sent2", choices=["ending0", "ending1",
    "ending2", "ending3"]`.

    Args:
        path: of the file.
        context: column of the context.
        choices: column of a list of choices, in `.jsonl`; or several columns of one choice each, of
            which the last ones may be empty.
        label: column of the number of the right choice, from 0 on; None if there is none.
        stem: column of a text that all choices begin with, such as a question.
        delimiter: what separates columns, whatever the file's name.

    Raises:
        DataError: there is no such file, it is empty or damaged, or a column is missing or holds
            the wrong thing; it names file, line and column.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "swag.csv")
        >>> _ = path.write_text("sent1,sent2,ending0,ending1,label\nIt rains.,She,dries,waits,1\n")
        >>> columns = {"context": "sent1", "stem": "sent2", "choices": ["ending0", "ending1"]}
        >>> read_choices(path, **columns).choices
        [['She dries', 'She waits']]
    """
    columns = [choices] if isinstance(choices, Column) else [*choices]
    by_name = any(isinstance(column, str) for column in (context, *columns))
    contexts, lists, labels = [], [], []
    for record in file_records(Path(path), delimiter, header=by_name):
        start = "" if stem is None else record.text(stem) + " "
        contexts.append(record.text(context))
        lists.append([start + choice for choice in _choices_of(record, columns)])
        if label is not None:
            labels.append(record.label(label))
    if not contexts:
        raise DataError(f"{path} is empty: it holds no examples.")
    return ChoiceExamples(contexts, lists, labels or None)


def choice_lists(x: Any) -> tuple[Any, list[list[str]]]:
    """Reads contexts and N lists of choices.

    Args:
        x: a tuple `(contexts, choices)`; choices are lists or a 2-D array of strings, and need not
            be as many everywhere.

    Returns:
        The contexts as they are, and the lists.

    Raises:
        DataError: it is something else, the two differ in length, or an example has no choices; the
            message names the example.

    Example:
        >>> choice_lists((["It rained."], [["wet", b"dry"]]))
        (['It rained.'], [['wet', 'dry']])
    """
    columns = x if isinstance(x, tuple) else ()
    columns = [each.numpy() if hasattr(each, "numpy") else each for each in columns]
    if len(columns) != 2 or not all(isinstance(each, Sized) for each in columns):
        raise DataError("A multiple-choice model takes a tuple of two lists: (contexts, choices).")
    contexts, choices = columns
    lists = [_strings(index, each) for index, each in enumerate(choices)]
    if len(contexts) != len(lists):
        raise DataError(
            f"There are {len(contexts)} contexts and {len(lists)} lists of choices; give one list "
            "per context."
        )
    if not lists:
        raise DataError("There are no examples.")
    return contexts, lists


def choice_labels(labels: Iterable[Any], choices: Sequence[Sequence[str]]) -> np.ndarray:
    """Turns the numbers of the right choices into what a loss takes.

    Args:
        labels: N whole numbers, from 0 on.
        choices: N lists of choices.

    Returns:
        An int32 array of shape (N,).

    Raises:
        DataError: there are not N, or at the first that is the number of no choice.

    Example:
        >>> choice_labels([1, 2], [["wet", "dry"], ["ice", "sun"]])
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Example 1 has the label 2; the classes are the ids 0..1.
    """
    labels = list(labels)
    if len(labels) != len(choices):
        raise DataError(
            f"There are {len(choices)} examples and {len(labels)} labels; give one label each."
        )
    counts = np.array([len(each) for each in choices])
    ids = class_ids(labels, int(counts.max()))
    if (ids >= counts).any():
        index = int(np.argmax(ids >= counts))
        raise DataError(
            f"Example {index} has the label {ids[index]}, and choices from 0 to "
            f"{counts[index] - 1}; correct one."
        )
    return ids


def _choices_of(record: Record, columns: Sequence[Column]) -> list[str]:
    """The choices in a column, or in several of which the last ones may be empty."""
    if len(columns) != 1:
        texts = [record.text(column) for column in columns]
        while texts and not texts[-1]:
            texts.pop()
    else:
        texts = record.fields.get(columns[0])
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise DataError(
            f"{record.where}: there are no choices in {', '.join(map(repr, columns))}, a column of "
            "a list of texts or several columns of texts."
        )
    if "" in texts:
        raise DataError(f"{record.where}: choice {texts.index('')} is empty; fill or remove it.")
    return texts


def _strings(index: int, choices: Any) -> list[str]:
    if isinstance(choices, str | bytes) or not isinstance(choices, Iterable):
        raise DataError(f"Example {index} has the choices {choices!r:.60}; give a list of strings.")
    texts = [t.decode("utf-8", "ignore") if isinstance(t, bytes) else t for t in choices]
    if not texts:
        raise DataError(f"Example {index} has no choices.")
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            raise DataError(
                f"Choice {number} of example {index} is {text!r:.60}; give a text with something "
                "in it."
            )
    return texts
