"""SQuAD 1.1 and 2.0, from their JSON files or from TFDS."""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfzoo.data.formats import tfds_records
from tfzoo.errors import DataError


@dataclasses.dataclass(frozen=True)
class QuestionExamples:
    """N questions about contexts, with answers.

    Attributes:
        id: names of the questions.
        question: the questions.
        context: the texts that they are about.
        answers: for each question its acceptable answers, dicts of `text` and `answer_start`; none
            where the context does not answer it.
    """

    id: list[str]
    question: list[str]
    context: list[str]
    answers: list[list[dict[str, Any]]]

    def __len__(self) -> int:
        return len(self.question)

    @property
    def texts(self) -> tuple[list[str], list[str]]:
        """What a model takes: questions and contexts."""
        return self.question, self.context

    @property
    def first_answers(self) -> list[dict[str, Any] | None]:
        """What a model learns: the first answer of each question, None where there is none."""
        return [each[0] if each else None for each in self.answers]

    @property
    def references(self) -> list[list[str]]:
        """What `tfzoo.training.squad_scores` compares with: the texts of all answers."""
        return [[answer["text"] for answer in each] for each in self.answers]

    def take(self, indices: Sequence[int]) -> "QuestionExamples":
        """Returns the questions at these indices, in this order."""
        columns = (self.id, self.question, self.context, self.answers)
        return QuestionExamples(*([column[index] for index in indices] for column in columns))


def read_squad(source: str | os.PathLike[str]) -> QuestionExamples:
    """Reads SQuAD 1.1, SQuAD 2.0, or a dataset in their format.

    Args:
        source: path of the JSON file, or `tfds:name/config:split`, as of TFDS' `squad`.

    Raises:
        DataError: there is no such source, it is damaged or empty, or an entry lacks something; it
            names the question.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "tiny.json")
        >>> answers = [{"text": "Ada", "answer_start": 0}]
        >>> qas = [{"id": "1", "question": "Who?", "answers": answers}]
        >>> paragraphs = [{"context": "Ada wrote it.", "qas": qas}]
        >>> _ = path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
        >>> read_squad(path).first_answers
        [{'text': 'Ada', 'answer_start': 0}]
    """
    entries = _of_tfds if str(source).startswith("tfds:") else _of_file
    ids, questions, contexts, answers = [], [], [], []
    for where, context, entry in entries(source):
        ids.append(str(_get(entry, "id", str | int, where)))
        questions.append(_get(entry, "question", str, where))
        contexts.append(context)
        answers.append(_answers(entry, context, where))
    if not ids:
        raise DataError(f"{source} is empty: it holds no questions.")
    return QuestionExamples(ids, questions, contexts, answers)


def _of_file(path: str | os.PathLike[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each question of a JSON file: where it stands, its context, and what is said of it."""
    number = 0
    for article in _get(_document(path), "data", list, path):
        for paragraph in _get(article, "paragraphs", list, path):
            context = _get(paragraph, "context", str, path)
            for entry in _get(paragraph, "qas", list, path):
                yield f"{path}, question {number}", context, entry
                number += 1


def _of_tfds(source: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each question of a split of TFDS, where answers are columns."""
    for where, fields in ((each.where, each.fields) for each in tfds_records(source)[1]):
        columns = _get(fields, "answers", dict, where)
        texts, starts = (_get(columns, name, list, where) for name in ("text", "answer_start"))
        pairs = zip(texts, starts, strict=True)
        answers = [{"text": text, "answer_start": start} for text, start in pairs]
        yield where, _get(fields, "context", str, where), {**fields, "answers": answers}


def _document(path: str | os.PathLike[str]) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON ({error!s:.200}).") from None


def _get(fields: Any, name: str, kind: Any, where: object) -> Any:
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DataError(
            f"{where}: there is no {name}, or it is not what SQuAD has there; is the file in "
            "SQuAD's format?"
        )
    return value


def _answers(entry: dict[str, Any], context: str, where: str) -> list[dict[str, Any]]:
    """The answers to a question; SQuAD 2.0 lists wrong ones elsewhere, as `plausible_answers`."""
    if "is_impossible" in entry and _get(entry, "is_impossible", bool, where):
        return []
    found = []
    for answer in _get(entry, "answers", list, where):
        text, start = _get(answer, "text", str, where), _get(answer, "answer_start", int, where)
        if start < 0 or context[start : start + len(text)] != text:
            raise DataError(
                f"{where}: the answer {text!r:.60} is not what its context has at {start}; correct "
                "answer_start, which counts characters."
            )
        found.append({"text": text, "answer_start": start})
    return found
