"""What the programs ask of a kind of task."""

import abc
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ml_collections import ConfigDict

from tfzoo.data import Columns, read_records
from tfzoo.data.records import Column, Record
from tfzoo.errors import ConfigError
from tfzoo.tasks import Task

ANY_NUMBER = sys.maxsize
_COLUMNS = ("text", "text_pair", "label", "weight", "delimiter")


class Kind(abc.ABC):
    """One kind of task: how its data are read, what is learned from them, and what it answers.

    Attributes:
        columns: what says how labelled data are read, out of `text`, `text_pair`, `label`, `weight`
            and `delimiter`, with defaults.
        asked: the columns that `tfzoo.predict` reads, in the order in which they stand in lines
            with tabs, with their defaults elsewhere; None for one that may be missing.
        needs_preset: whether a new task starts from other weights; else it may start from nothing.
        exports: whether the result of training is a SavedModel too.
    """

    columns: ClassVar[Mapping[str, Column | None]]
    asked: ClassVar[Mapping[str, Column | None]]
    needs_preset: ClassVar[bool] = True
    exports: ClassVar[bool] = True

    @abc.abstractmethod
    def read(self, source: str, **columns: Any) -> Columns:
        """Reads labelled examples from a file or from TFDS, given all of `columns`."""

    @abc.abstractmethod
    def score(self, model: Task, examples: Columns, batch_size: int) -> dict[str, Any]:
        """A model's scores on labelled examples: numbers, and dicts and lists of them."""

    def settings(self, arguments: Mapping[str, Any], train: Columns) -> dict[str, Any]:
        """Arguments of a new task's `from_preset`: those stated, and what the data decide."""
        return dict(arguments)

    def fit_data(self, examples: Columns, batch_size: int, seed: int | None) -> tuple:
        """What `fit` takes: texts, labels and weights; or batches, and twice None.

        Args:
            examples: what to learn from, or to validate on.
            batch_size: of batches.
            seed: of the order of batches; None where it does not change.
        """
        return examples.texts, examples.label, None

    def groups(self, examples: Columns) -> Sequence[str] | None:
        """What must not stand on both sides of a split; None for the texts."""
        return None

    def check(self, model: Task, examples: Columns) -> None:
        """Finds what `fit` or `score` would turn down, before training.

        Raises:
            DataError: there is something.
        """
        return None

    def read_asked(self, source: str, columns: Mapping[str, Column], delimiter: Any) -> Columns:
        """Reads a file, or TFDS, for `answers`.

        Args:
            source: of one of the formats of `tfzoo.data.read_examples`.
            columns: those of `asked` that there are.
            delimiter: what separates the columns of a file.

        Raises:
            DataError: it cannot be read.
        """
        return self.from_records(read_records(source, columns.values(), delimiter)[1], columns)

    @abc.abstractmethod
    def from_records(self, records: Iterable[Record], columns: Mapping[str, Column]) -> Columns:
        """Examples without labels, for `answers`.

        Raises:
            DataError: a record lacks something; it says which one.
        """

    @abc.abstractmethod
    def answers(self, model: Task, examples: Columns) -> list[dict[str, Any]]:
        """What `tfzoo.predict` writes for each example, as JSON takes it."""

    def tabs(self, data: ConfigDict) -> range:
        """How many tabs stand in a text to ask the export, given a config's section of the data."""
        return range(ANY_NUMBER) if data.text_pair is None else range(1, 2)

    def check_config(self, config: ConfigDict) -> None:
        """Checks what depends on the kind of task in an experiment's configuration.

        Raises:
            ConfigError: there is no preset and must be one, a column is named that such data do
                not have, or a text to ask the export is not of the right form.
        """
        teaches = config.distil.num_layers is not None
        if not config.preset and (self.needs_preset or teaches):
            raise ConfigError("config.preset is not set; set it in the config file.")
        if config.export.texts and not self.exports:
            raise ConfigError(
                "config.export.texts has nothing to ask, for pre-training ends without an export; "
                "leave it out."
            )
        chosen(self.columns, config.data, "config.data.")
        tabs = self.tabs(config.data)
        for text in config.export.texts:
            if not isinstance(text, str) or text.count("\t") not in tabs:
                raise ConfigError(
                    f"config.export.texts holds {text!r}; give strings, and where several texts "
                    "are asked at once, such as a pair, one string with a tab between them."
                )


def chosen(
    defaults: Mapping[str, Column | None], given: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    """Columns as a user names them, or else by default.

    Args:
        defaults: the columns that there are.
        given: names -> a column, or None for the default.
        prefix: of names in messages.

    Raises:
        ConfigError: a column is named that there is not.

    Example:

    >>> chosen({"text": "tokens", "label": "ner_tags"}, {"label": "pos"}, "--")
    {'text': 'tokens', 'label': 'pos'}
    """
    values = {name: given.get(name) for name in _COLUMNS}
    for name, value in values.items():
        if value is not None and name not in defaults:
            raise ConfigError(
                f"{prefix}{name} is {value!r}, but data for this kind of task have no such column; "
                "leave it out."
            )
    return {
        name: default if values[name] is None else values[name]
        for name, default in defaults.items()
    }
