"""Examples in memory: columns of texts, labels and weights."""

import dataclasses
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Examples:
    """N examples as columns of N values.

    Attributes:
        text: the texts.
        text_pair: the second texts, of pairs.
        label: labels as they stand in the source: class names, numbers, or lists of them.
        weight: how much each example counts.
        class_names: the names of the classes in the order of their ids, where the source says.

    Example:
        >>> examples = Examples(["good", "bad", "fine"], label=["pos", "neg", "pos"])
        >>> len(examples), examples.take([2, 1]).label
        (3, ['pos', 'neg'])
    """

    text: list[str]
    text_pair: list[str] | None = None
    label: list[Any] | None = None
    weight: list[float] | None = None
    class_names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.text)

    @property
    def texts(self) -> list[str] | tuple[list[str], list[str]]:
        """What a model takes: the texts, or the tuple of both columns of pairs."""
        return self.text if self.text_pair is None else (self.text, self.text_pair)

    def take(self, indices: Sequence[int]) -> "Examples":
        """Returns the examples at these indices, in this order."""

        def pick(column: list | None) -> list | None:
            return None if column is None else [column[index] for index in indices]

        return Examples(
            [self.text[index] for index in indices],
            pick(self.text_pair),
            pick(self.label),
            pick(self.weight),
            self.class_names,
        )
