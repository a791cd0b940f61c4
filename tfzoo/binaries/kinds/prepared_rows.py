"""Rows that `tfzoo.prepare` wrote, in the place of examples in memory."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfzoo.data.prepared import load_tokenizer, prepared_batches
from tfzoo.data.prepared.folder import DESCRIPTION, Description, read_description
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class PreparedRows:
    """The rows in a folder, which stay on the disk.

    Attributes:
        folder: of `tfzoo.prepare`.
        description: what its `prepared.json` says.
    """

    folder: Path
    description: Description

    @classmethod
    def read(cls, folder: str) -> "PreparedRows":
        """The rows in a folder.

        Raises:
            DataError: there are none, or they are damaged.
        """
        return cls(Path(folder), read_description(Path(folder)))

    def __len__(self) -> int:
        return self.description.rows

    @property
    def texts(self) -> Any:
        """Nothing: splitting by texts, and dropping equal ones, has to be done before.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"The rows in {self.folder} can neither be split nor compared; set "
            "config.data.validation and config.data.test to folders of their own, and leave "
            "config.data.drop_duplicates out."
        )

    def take(self, indices: Sequence[int]) -> "PreparedRows":
        """As `texts`."""
        return self.texts

    @property
    def tokenizer(self) -> Tokenizer:
        """What made the rows' ids."""
        return load_tokenizer(self.folder)

    def batches(self, batch_size: int, seed: int | None) -> Any:
        """A `tf.data.Dataset` of batches with labels.

        Args:
            batch_size: rows per batch.
            seed: of their order and their masks, which change from epoch to epoch; with None they
                come as they lie in the folder, with the same masks each time.
        """
        return prepared_batches(
            self.folder, batch_size=batch_size, shuffle=seed is not None, seed=seed or 0
        )


def holds_rows(source: str) -> bool:
    """Whether a path is a folder that `tfzoo.prepare` wrote.

    Example:

    >>> holds_rows("messages.csv")
    False
    """
    return (Path(source) / DESCRIPTION).is_file()
