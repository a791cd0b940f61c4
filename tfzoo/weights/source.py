"""A folder of weights, opened and ready to be read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tfzoo.errors import WeightsError
from tfzoo.weights.saved_model import SavedModelGraph
from tfzoo.weights.tensors import Tensors, listed


@dataclass(frozen=True)
class Source:
    """Published weights, ready to be read.

    Attributes:
        format: the name of a module of `tfzoo.weights.formats`.
        folder: where it lies.
        tensors: its weights.
        config: the configuration in the terms of its format; empty where it has none.
        family: the architecture, such as "bert"; None where the source does not say.
        task: the kind of task that it was saved as, a key of `tfzoo.weights.family.HEADS`; None
            where it does not say.
        lowercase: whether its tokenizer lower-cases; None where it does not say.
        add_prefix_space: whether its tokenizer begins texts with a space; None as above.
        settings: the arguments of that task, as far as the source states them.
        assets: our name of a tokenizer's file -> its name in the format, where they differ.
        vocabularies: our name of a tokenizer's file -> reads the pieces that it would hold from
            where the format has them; that gives None where the file itself is to be read.
        graph: what only the graph of a TF1 hub module says.
    """

    format: str
    folder: Path
    tensors: Tensors
    config: dict = field(default_factory=dict)
    family: str | None = None
    task: str | None = None
    lowercase: bool | None = None
    add_prefix_space: bool | None = None
    settings: dict = field(default_factory=dict)
    assets: dict[str, str] = field(default_factory=dict)
    vocabularies: dict[str, Callable[[], list[str] | None]] = field(default_factory=dict)
    graph: SavedModelGraph | None = None

    def vocabulary(self, asset: str) -> Path | list[str]:
        """What a tokenizer is made of: its file, or a list of the pieces.

        Args:
            asset: our name of the file.

        Raises:
            WeightsError: there is none, it is damaged, or it is for a tokenizer of another kind.
        """
        pieces = self.vocabularies[asset]() if asset in self.vocabularies else None
        return self.asset(asset) if pieces is None else pieces

    def shape(self, name: str, rank: int) -> tuple[int, ...]:
        """The shape of a tensor that has so many dimensions.

        Raises:
            WeightsError: there is no such tensor, or it has another number of dimensions.
        """
        spec = self.tensors.specs.get(name)
        if spec is None or len(spec.shape) != rank:
            raise WeightsError(
                f"{self.folder} has no {name!r} of {rank} dimensions, by which the size of the "
                "model would be known; it is damaged, or of another family."
            )
        return spec.shape

    def count(self, pattern: str) -> int:
        """How many different numbers a regular expression's group finds at the start of names.

        Raises:
            WeightsError: they are not those from 0 on.
        """
        found = (re.match(pattern, name) for name in self.tensors.specs)
        numbers = {int(match[1]) for match in found if match}
        if numbers != set(range(len(numbers))):
            raise WeightsError(
                f"{self.folder} numbers its layers {listed(sorted(map(str, numbers)))}, not from 0 "
                "on; it is damaged: fetch it again."
            )
        return len(numbers)

    def find(self, pattern: str) -> Path | None:
        """The first file of this name, as in `asset`; None if there is none."""
        pattern = self.assets.get(pattern, pattern)
        for folder in (self.folder, self.folder / "assets"):
            for path in sorted(folder.glob(pattern)):
                return path
        return None

    def asset(self, pattern: str) -> Path:
        """The first file of this name in the folder or its `assets`.

        Args:
            pattern: a name or a pattern, such as `vocab.txt` or `*.model`.

        Raises:
            WeightsError: there is none.
        """
        if path := self.find(pattern):
            return path
        pattern = self.assets.get(pattern, pattern)
        raise WeightsError(
            f"{self.folder} has no {pattern}, which its tokenizer needs (it holds "
            f"{contents(self.folder)}); add the file, or fetch the complete weights."
        )


def contents(folder: Path) -> str:
    """What lies in a folder, for a message."""
    return listed(sorted(path.name for path in folder.iterdir())) or "nothing"
