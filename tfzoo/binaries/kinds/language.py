"""What masked and causal language models have in common: they learn from texts alone."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from tfzoo.binaries.kinds.kind import Kind
from tfzoo.binaries.kinds.prepared_rows import PreparedRows, holds_rows
from tfzoo.data import Columns, Examples, read_examples
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError
from tfzoo.tasks import Task


class Language(Kind):
    """Texts without labels, or rows made of them."""

    asked: ClassVar = {"text": "text"}
    needs_preset = False

    @abc.abstractmethod
    def formats(self, model: Task) -> Sequence[str]:
        """Those of prepared rows that a model learns from."""

    def read(self, source: str, **columns: Any) -> Columns:
        if holds_rows(source):
            return PreparedRows.read(source)
        return read_examples(source, label=None, **columns)

    def settings(self, arguments: Mapping[str, Any], train: Columns) -> dict[str, Any]:
        if isinstance(train, PreparedRows):
            return {**arguments, "sequence_length": train.description.recipe.sequence_length}
        return dict(arguments)

    def fit_data(self, examples: Columns, batch_size: int, seed: int | None) -> tuple:
        if isinstance(examples, PreparedRows):
            return examples.batches(batch_size, seed), None, None
        return examples.texts, None, examples.weight

    def check(self, model: Task, examples: Columns) -> None:
        if not isinstance(examples, PreparedRows):
            return
        if examples.tokenizer.get_config() != model.preprocessor.tokenizer.get_config():
            raise DataError(
                f"The rows in {examples.folder} have another vocabulary than the model; prepare "
                "them with the --tokenizer of the weights to start from."
            )
        form, known = examples.description.recipe.format, self.formats(model)
        if form not in known:
            raise DataError(
                f"The rows in {examples.folder} have the format {form}; a {type(model).__name__} "
                f"needs {' or '.join(known)}."
            )

    def score(self, model: Task, examples: Columns, batch_size: int) -> dict[str, Any]:
        """The losses and the metrics; of prepared rows always with the same masks."""
        data, _, _ = self.fit_data(examples, batch_size, seed=None)
        scores = model.evaluate(data, batch_size=batch_size, verbose=0, return_dict=True)
        return {"examples": len(examples), **scores}

    def from_records(self, records: Iterable[Record], columns: Mapping[str, Column]) -> Examples:
        return Examples([record.text(columns["text"]) for record in records])
