"""One record of a source, and what may stand in its columns."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from tfzoo.errors import DataError

Column = str | int


@dataclasses.dataclass(frozen=True)
class Record:
    """The fields of a line, object or example, by column name or index.

    Attributes:
        where: where it stands, for messages: "train.csv, line 7".
        fields: the values.
    """

    where: str
    fields: dict[Column, Any]

    def text(self, column: Column) -> str:
        """The text in a column, which may be empty."""
        value = self._value(column)
        if not isinstance(value, str):
            raise DataError(
                f"{self.where}: column {column!r} holds {type(value).__name__} instead of text."
            )
        return value

    def label(self, column: Column | Sequence[Column]) -> Any:
        """The label in a column; of several columns, the list of those that hold a one."""
        if not isinstance(column, Column):
            return [str(name) for name in column if self._is_one(name)]
        value = self._value(column)
        if value is None or value == "":
            raise DataError(f"{self.where}: column {column!r} holds no label.")
        return value

    def texts(self, column: Column) -> list[str]:
        """The list of texts in a column."""
        value = self._value(column)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise DataError(
                f"{self.where}: column {column!r} holds {value!r:.60} instead of a list of texts."
            )
        return value

    def words(self, column: Column) -> list[str]:
        """The words in a column: those of a list, or of a text that is split at white space."""
        value = self._value(column)
        return value.split() if isinstance(value, str) else self.texts(column)

    def word_labels(self, column: Column, count: int) -> list[Any]:
        """The labels in a column, one for each of so many words, where one need not be a list."""
        value = self._value(column)
        labels = value.split() if isinstance(value, str) else value
        if count == 1 and isinstance(labels, int):  # as TFRecords hold it
            labels = [labels]
        if not isinstance(labels, list) or len(labels) != count:
            found = f"{len(labels)} labels" if isinstance(labels, list) else f"{labels!r:.60}"
            raise DataError(
                f"{self.where}: column {column!r} holds {found} for {count} words; give one each."
            )
        return labels

    def weight(self, column: Column) -> float:
        """The weight in a column."""
        value = self._value(column)
        try:
            weight = float(value)
        except (TypeError, ValueError):
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise DataError(
                f"{self.where}: column {column!r} holds {value!r} instead of a weight, a number "
                "of at least 0."
            )
        return weight

    def _is_one(self, column: Column) -> bool:
        value = self._value(column)
        if str(value) not in ("0", "1"):
            raise DataError(f"{self.where}: column {column!r} holds {value!r} instead of 0 or 1.")
        return str(value) == "1"

    def _value(self, column: Column) -> Any:
        if column not in self.fields:
            raise DataError(
                f"{self.where}: there is no column {column!r}, only "
                f"{', '.join(map(repr, self.fields)) or 'an empty record'}."
            )
        return self.fields[column]
