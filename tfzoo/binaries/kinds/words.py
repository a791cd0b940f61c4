"""Token classifiers, which label words: named entities, parts of speech."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from keras import ops

from tfzoo.binaries.kinds.classification import with_classes
from tfzoo.binaries.kinds.kind import Kind
from tfzoo.data import WordExamples, read_words
from tfzoo.data.entities import entity_spans, marks_entities, spans_to_read
from tfzoo.data.records import Column, Record
from tfzoo.data.words import word_labels
from tfzoo.tasks import TokenClassifier
from tfzoo.training.entities import entity_scores

_TEXTS = (".csv", ".tsv", ".txt")  # texts to be answered lie in them, not words in columns


class Words(Kind):
    """Sentences with a label on each word."""

    columns: ClassVar = {"text": "tokens", "label": "ner_tags"}
    asked: ClassVar = {"text": "tokens"}

    def read(self, source: str, **columns: Any) -> WordExamples:
        return read_words(source, **columns)

    def settings(self, arguments: Mapping[str, Any], train: WordExamples) -> dict[str, Any]:
        return with_classes(arguments, train)

    def check(self, model: TokenClassifier, examples: WordExamples) -> None:
        word_labels(examples.label, examples.words, model.class_names or model.num_classes)

    def score(
        self, model: TokenClassifier, examples: WordExamples, batch_size: int
    ) -> dict[str, Any]:
        """`accuracy` of words; and of labels in a BIO scheme, the scores of entities by seqeval."""
        names = _names(model)
        true = word_labels(examples.label, examples.words, model.class_names or model.num_classes)
        logits = model.predict(examples.words, batch_size=batch_size, verbose=0)
        predicted = [row.argmax(axis=-1) for row in logits]
        accuracy = np.mean(np.concatenate(true) == np.concatenate(predicted))
        scores = {"examples": len(examples), "accuracy": float(accuracy)}
        if not marks_entities(names):
            return scores
        tags = ([[names[index] for index in row] for row in rows] for rows in (true, predicted))
        return {**scores, **entity_scores(*tags)}

    def read_asked(
        self, source: str, columns: Mapping[str, Column], delimiter: Any
    ) -> WordExamples:
        suffix = Path(source).suffix.lower()
        if suffix not in _TEXTS:
            return read_words(source, columns["text"], label=None)
        names = {"text": "text"} if suffix == ".txt" else columns
        return super().read_asked(source, names, delimiter)

    def from_records(
        self, records: Iterable[Record], columns: Mapping[str, Column]
    ) -> WordExamples:
        return WordExamples([record.words(columns["text"]) for record in records])

    def answers(self, model: TokenClassifier, examples: WordExamples) -> list[dict[str, Any]]:
        names = _names(model)
        answers = []
        logits = model.predict(examples.words, verbose=0)
        for words, row in zip(examples.words, logits, strict=True):
            labels = [names[index] for index in row.argmax(axis=-1)]
            answer = {"words": words, "labels": labels}
            if marks_entities(names):
                probabilities = ops.convert_to_numpy(ops.softmax(row)).max(axis=-1, initial=0)
                answer["entities"] = spans_to_read(
                    words, words, entity_spans(labels), probabilities
                )
            answers.append(answer)
        return answers


def _names(model: TokenClassifier) -> list[str]:
    return model.class_names or list(map(str, range(model.num_classes)))
