"""Embedders, which learn from pairs of texts and embed single ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from keras import ops
from ml_collections import ConfigDict

from tfzoo.binaries.kinds.kind import ANY_NUMBER, Kind
from tfzoo.data import Examples, read_examples, real_targets
from tfzoo.data.records import Column, Record
from tfzoo.tasks import Embedder
from tfzoo.training.metrics import correlation
from tfzoo.training.retrieval import retrieval_scores


class Embedding(Kind):
    """Pairs of texts that belong together; or with a label, how alike they are, from -1 to 1."""

    columns: ClassVar = {
        "text": "text",
        "text_pair": "text_pair",
        "label": None,
        "weight": None,
        "delimiter": None,
    }
    asked: ClassVar = {"text": "text"}

    def read(self, source: str, **columns: Any) -> Examples:
        return read_examples(source, **columns)

    def settings(self, arguments: Mapping[str, Any], train: Examples) -> dict[str, Any]:
        objective = "ranking" if train.label is None else "similarity"
        return {"objective": objective, **arguments}

    def fit_data(self, examples: Examples, batch_size: int, seed: int | None) -> tuple:
        return examples.texts, examples.label, examples.weight

    def groups(self, examples: Examples) -> Sequence[str]:
        """The first texts, each of which may have several second ones."""
        return examples.text

    def check(self, model: Embedder, examples: Examples) -> None:
        from tfzoo.data.pairs import labelled

        labelled(examples.texts, examples.label, model.takes_labels)
        if model.takes_labels:
            model.targets(examples.label)

    def score(self, model: Embedder, examples: Examples, batch_size: int) -> dict[str, Any]:
        """How well first texts find their second ones; with labels, how the cosines fit those."""
        first, second = (
            model.predict(texts, batch_size=batch_size, verbose=0) for texts in examples.texts
        )
        if examples.label is None:
            return {"examples": len(examples), **retrieval_scores(first, second)}
        targets = real_targets(examples.label)[:, 0]
        cosines = ops.sum(ops.normalize(first) * ops.normalize(second), axis=-1)
        pearson = correlation(targets, ops.convert_to_numpy(cosines))
        return {"examples": len(examples), "pearson": pearson}

    def from_records(self, records: Iterable[Record], columns: Mapping[str, Column]) -> Examples:
        return Examples([record.text(columns["text"]) for record in records])

    def answers(self, model: Embedder, examples: Examples) -> list[dict[str, Any]]:
        vectors = model.predict(examples.text, verbose=0).tolist()
        rows = zip(examples.text, vectors, strict=True)
        return [{"text": text, "embedding": vector} for text, vector in rows]

    def tabs(self, data: ConfigDict) -> range:
        return range(ANY_NUMBER)
