"""Question answerers, which find the answer in a context."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ml_collections import ConfigDict

from tfzoo.binaries.kinds.kind import Kind
from tfzoo.data import QuestionExamples, read_squad
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError
from tfzoo.tasks import QuestionAnswerer
from tfzoo.training.squad_scores import squad_scores


class Questions(Kind):
    """Questions, contexts and answers, in the format of SQuAD."""

    columns: ClassVar = {}
    asked: ClassVar = {"text": "question", "text_pair": "context"}

    def read(self, source: str) -> QuestionExamples:
        return read_squad(source)

    def fit_data(self, examples: QuestionExamples, batch_size: int, seed: int | None) -> tuple:
        return examples.texts, examples.first_answers, None

    def groups(self, examples: QuestionExamples) -> Sequence[str]:
        """The contexts: a model that has learned of one must not be scored on it."""
        return examples.context

    def check(self, model: QuestionAnswerer, examples: QuestionExamples) -> None:
        from tfzoo.data.context_batches import evaluation_batches

        cutter, answers = model.context_windows, examples.first_answers
        evaluation_batches(cutter, examples.texts, answers, batch_size=1)

    def score(
        self, model: QuestionAnswerer, examples: QuestionExamples, batch_size: int
    ) -> dict[str, Any]:
        """`exact` and `f1` as SQuAD's own script computes them, but as shares of 1, not percent."""
        answers = model.answer(*examples.texts, batch_size=batch_size)
        scores = squad_scores([answer["text"] for answer in answers], examples.references)
        shares = {
            name: score if name.endswith("total") else score / 100 for name, score in scores.items()
        }
        return {"examples": shares.pop("total"), **shares}

    def read_asked(
        self, source: str, columns: Mapping[str, Column], delimiter: Any
    ) -> QuestionExamples:
        if Path(source).suffix.lower() == ".json":
            return read_squad(source)
        return super().read_asked(source, columns, delimiter)

    def from_records(
        self, records: Iterable[Record], columns: Mapping[str, Column]
    ) -> QuestionExamples:
        questions, contexts = [], []
        for record in records:
            questions.append(record.text(columns["text"]))
            contexts.append(record.text(columns["text_pair"]))
            if not contexts[-1].strip():
                raise DataError(f"{record.where}: the context is empty; leave out its question.")
        count = len(questions)
        return QuestionExamples(list(map(str, range(count))), questions, contexts, [[]] * count)

    def answers(self, model: QuestionAnswerer, examples: QuestionExamples) -> list[dict[str, Any]]:
        found = zip(examples.question, model.answer(*examples.texts), strict=True)
        return [{"question": question, "answer": answer} for question, answer in found]

    def tabs(self, data: ConfigDict) -> range:
        return range(1, 2)
