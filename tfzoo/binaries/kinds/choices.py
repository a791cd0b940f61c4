"""Multiple choice: which of several texts goes with a context."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from ml_collections import ConfigDict

from tfzoo.binaries.kinds.kind import ANY_NUMBER, Kind
from tfzoo.data.choices import ChoiceExamples, choice_labels, choice_lists, read_choices
from tfzoo.data.records import Column, Record
from tfzoo.tasks import MultipleChoice


class Choices(Kind):
    """Contexts, each with several choices and the number of the right one."""

    columns: ClassVar = {
        "text": "context",
        "text_pair": "choices",
        "label": "label",
        "delimiter": None,
    }
    asked: ClassVar = {"text": "context", "text_pair": "choices"}

    def read(
        self, source: str, *, text: Column, text_pair: Any, label: Column | None, delimiter: Any
    ) -> ChoiceExamples:
        return read_choices(
            source, context=text, choices=text_pair, label=label, delimiter=delimiter
        )

    def check(self, model: MultipleChoice, examples: ChoiceExamples) -> None:
        choice_lists(examples.texts)
        choice_labels(examples.label, examples.choices)

    def score(
        self, model: MultipleChoice, examples: ChoiceExamples, batch_size: int
    ) -> dict[str, Any]:
        """`accuracy`."""
        targets = choice_labels(examples.label, examples.choices)
        logits = model.predict(examples.texts, batch_size=batch_size, verbose=0)
        accuracy = float(np.mean(logits.argmax(axis=-1) == targets))
        return {"examples": len(examples), "accuracy": accuracy}

    def read_asked(
        self, source: str, columns: Mapping[str, Column], delimiter: Any
    ) -> ChoiceExamples:
        return self.read(source, **columns, label=None, delimiter=delimiter)

    def from_records(
        self, records: Iterable[Record], columns: Mapping[str, Column]
    ) -> ChoiceExamples:
        records = list(records)
        return ChoiceExamples(
            [record.text(columns["text"]) for record in records],
            [record.texts(columns["text_pair"]) for record in records],
        )

    def answers(self, model: MultipleChoice, examples: ChoiceExamples) -> list[dict[str, Any]]:
        rows = zip(examples.context, model.choose(*examples.texts), strict=True)
        return [{"context": context, **answer} for context, answer in rows]

    def tabs(self, data: ConfigDict) -> range:
        return range(2, ANY_NUMBER)
