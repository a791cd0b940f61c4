"""What a family states about its weights: published presets, and how other formats write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tfzoo.weights import mapping
from tfzoo.weights.names import Table
from tfzoo.weights.source import Source

# What a task of each kind has on top of its backbone; a family's pre-trainer has some of these.
HEADS = {
    "Classifier": ("classification_head",),
    "TokenClassifier": ("token_classification_head",),
    "QuestionAnswerer": ("span_head",),
    "MultipleChoice": ("multiple_choice_head",),
    "Pretrainer": ("masked_lm_head", "next_sentence_head", "generator", "discriminator_head"),
    "MaskedLM": ("masked_lm_head",),
    "CausalLM": (),
    "Embedder": (),
}
# Heads whose tensors other formats call as they call those of others, a pooler's or a classifier's.
NAMELESS = ("multiple_choice_head",)


@dataclass(frozen=True)
class Preset:
    """Published weights of a family, or a size alone.

    Args:
        handle: where they are, for `tfzoo.weights.resolve`; None where they are not published.
        licence: under which they are published; None as above.
        lowercase: whether their tokenizer lower-cases; None where there is no choice.
        sizes: constructor arguments of the backbone.
        sha256: of the file that `handle` downloads, where it is known.
    """

    handle: str | None
    licence: str | None
    lowercase: bool | None
    sizes: Mapping[str, Any]
    sha256: str | None = None


@dataclass(frozen=True)
class Format:
    """How a family's weights are written in one foreign format.

    Args:
        config: the constructor arguments of our backbone, from a source.
        table: the backbone's names, given those arguments.
        heads: name of one of our heads -> its table, for the heads that the format has.
        marks: patterns (`fnmatch`) of names that only this family's weights have, for a format
            that does not say whose weights it holds.
        describe: their configuration, from a backbone's `get_config()`; None for a format that
            tfzoo does not write.
        describe_tokenizer: what their configuration says of our tokenizer.
        omitted: patterns of our paths that have no place in the format and are not written.
    """

    config: Callable[[Source], dict[str, Any]]
    table: Callable[[Mapping[str, Any]], Table]
    heads: Mapping[str, Table] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    describe: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    describe_tokenizer: Callable[[Any], dict[str, Any]] | None = None
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A model as the writer of a foreign format is given it.

    Args:
        backbone_class: the class of its backbone.
        config: the backbone's `get_config()`.
        format: how the family writes the format.
        weights: path -> variable, of the backbone and the heads.
        task: the kind of the task, a key of `HEADS`; None for a backbone alone.
        settings: the task's own arguments, such as `class_names`.
        tokenizer: None for a model that takes features.
        sequence_length: where the model's preprocessor truncates; None without one.
    """

    backbone_class: type
    config: Mapping[str, Any]
    format: Format
    weights: Mapping[str, Any]
    task: str | None
    settings: Mapping[str, Any]
    tokenizer: Any
    sequence_length: int | None

    @property
    def prefix(self) -> str:
        """What the names of the family's classes begin with, such as "Bert"."""
        classes = self.backbone_class.__mro__  # a user's own class may come first
        family = next(each for each in classes if "family" in vars(each))
        return family.__name__.removesuffix("Backbone")

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights under the names and in the layout of the format.

        Raises:
            WeightsError: the format has no name for a variable.
        """
        table = self.format.table(self.config)
        for head in HEADS.get(self.task, ()):
            if head in self.format.heads:
                table += self.format.heads[head]
        written = {
            path: variable
            for path, variable in self.weights.items()
            if not any(fnmatchcase(path, pattern) for pattern in self.format.omitted)
        }
        return dict(mapping.export(written, table))
