"""A folder of weights, opened and ready to be read."""

from dataclasses import dataclass, field
from pathlib import Path

from tfzoo.errors import WeightsError
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
        class_names: the names of a classifier's classes, in order, where it has real ones.
        problem_type: a classifier's; None where it does not say.
        assets: our name of a tokenizer's file -> its name in the format, where they differ.
    """

    format: str
    folder: Path
    tensors: Tensors
    config: dict = field(default_factory=dict)
    family: str | None = None
    task: str | None = None
    lowercase: bool | None = None
    class_names: list[str] | None = None
    problem_type: str | None = None
    assets: dict[str, str] = field(default_factory=dict)

    def asset(self, pattern: str) -> Path:
        """The first file of this name in the folder or its `assets`.

        Args:
            pattern: a name or a pattern, such as `vocab.txt` or `*.model`.

        Raises:
            WeightsError: there is none.
        """
        pattern = self.assets.get(pattern, pattern)
        for folder in (self.folder, self.folder / "assets"):
            for path in sorted(folder.glob(pattern)):
                return path
        raise WeightsError(
            f"{self.folder} has no {pattern}, which its tokenizer needs (it holds "
            f"{contents(self.folder)}); add the file, or fetch the complete weights."
        )


def contents(folder: Path) -> str:
    """What lies in a folder, for a message."""
    return listed(sorted(path.name for path in folder.iterdir())) or "nothing"
