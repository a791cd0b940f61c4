"""Sentences whose words have labels: CoNLL files, lists in JSON, and TFDS."""

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfzoo.data.formats import file_lines, file_records, tfds_records
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError

_OTHER_FORMATS = (".jsonl", ".tfrecord")
_NO_FORMATS = (".csv", ".json")  # which would look like CoNLL's, and make no sense
_FIRST_AND_LAST = {"tokens": 0, "ner_tags": -1}  # what the default names are in a CoNLL file
_DOCUMENT = "-DOCSTART-"
_BLANKS = re.compile(r"[ \t]+")  # others, such as a no-break space, are part of a word


@dataclasses.dataclass(frozen=True)
class WordExamples:
    """N sentences as lists of words, with labels on the words.

    Attributes:
        words: the words of each sentence.
        label: for each sentence a list with the label of each word, a name or an id.
        class_names: the names of the labels in the order of their ids, where the source says.

    Example:
        >>> examples = WordExamples([["Ada", "wrote"], ["Hello"]], [["B-PER", "O"], ["O"]])
        >>> len(examples), examples.take([1]).words
        (2, [['Hello']])
    """

    words: list[list[str]]
    label: list[list[Any]] | None = None
    class_names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.words)

    @property
    def texts(self) -> list[list[str]]:
        """What a model takes."""
        return self.words

    def take(self, indices: Sequence[int]) -> "WordExamples":
        """Returns the sentences at these indices, in this order."""
        labels = None if self.label is None else [self.label[index] for index in indices]
        return WordExamples([self.words[index] for index in indices], labels, self.class_names)


def read_words(
    source: str | os.PathLike[str], text: Column = "tokens", label: Column | None = "ner_tags"
) -> WordExamples:
    r"""Reads sentences whose words have labels.

    The name says the format: in `.jsonl` a line is an object with a list of words and a list of
    their labels; in `.tfrecord` and `tfds:name/config:split` an example has such features; every
    other file is one of CoNLL: a word and its labels on each line, in columns separated by blanks,
    and an empty line after each sentence. Lines of -DOCSTART- are left out.

    Args:
        source: path of a file, or `tfds:name/config:split`.
        text: column of the words: a name, or in CoNLL files an index; there the default is the
            first column.
        label: column of the labels, or None if there are none; in CoNLL files the default is the
            last column.

    Raises:
        DataError: if there is no such source, it is empty or damaged, a column is missing or holds
            the wrong thing, or a sentence has not one label per word; it names file and line.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "train.conll")
        >>> _ = path.write_text("Ada NNP B-PER\nwrote VBD O\n\nHello UH O\n")
        >>> read_words(path).label, read_words(path, label=1).label
        ([['B-PER', 'O'], ['O']], [['NNP', 'VBD'], ['UH']])
    """
    names = None
    if str(source).startswith("tfds:"):
        features, records = tfds_records(str(source))
        names = getattr(getattr(features.get(label), "feature", None), "names", None)
    elif Path(source).suffix.lower().startswith(_OTHER_FORMATS):
        records = file_records(Path(source), None, header=True)
    elif Path(source).suffix.lower() in _NO_FORMATS:
        raise DataError(
            f"{source} has a format that holds no lists of words; known are CoNLL's, .jsonl and "
            ".tfrecord."
        )
    else:
        text, label = (_FIRST_AND_LAST.get(column, column) for column in (text, label))
        records = _sentences(Path(source), text, label)
    words, labels = [], []
    for record in records:
        words.append(record.words(text))
        if label is not None:
            labels.append(record.word_labels(label, len(words[-1])))
    if not words:
        raise DataError(f"{source} is empty: it holds no sentences.")
    return WordExamples(words, labels if label is not None else None, names)


def _sentences(path: Path, *columns: Column | None) -> Iterator[Record]:
    """The sentences of a CoNLL file, each with the columns that are asked for."""
    wanted = [column for column in columns if column is not None]
    if named := [column for column in wanted if isinstance(column, str)]:
        raise DataError(
            f"{path} has no column {named[0]!r}, for columns of CoNLL files are indices from 0."
        )
    rows, where = [], ""
    for number, line in [*file_lines(path), (0, "")]:
        fields = _BLANKS.split(line.strip(" \t"))
        if any(fields) and fields[0] != _DOCUMENT:
            here = f"{path}, line {number}"
            where = where or here
            if len(fields) < len(wanted):
                raise DataError(f"{here} has only the column {fields[0]!r:.40}; words need labels.")
            rows.append([_field(here, fields, column) for column in wanted])
        elif rows:
            yield Record(where, dict(zip(wanted, map(list, zip(*rows, strict=True)), strict=True)))
            rows, where = [], ""


def _field(where: str, fields: list[str], column: int) -> str:
    if not -len(fields) <= column < len(fields):
        raise DataError(f"{where} has {len(fields)} columns, and none with the index {column}.")
    return fields[column]
