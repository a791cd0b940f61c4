"""What a family states about its weights: published presets, and how other formats write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfzoo.weights.names import Table
from tfzoo.weights.source import Source


@dataclass(frozen=True)
class Preset:
    """Published weights of a family.

    Args:
        handle: where they are, for `tfzoo.weights.resolve`.
        licence: under which they are published.
        lowercase: whether their tokenizer lower-cases; None where there is no choice.
        sizes: constructor arguments of the backbone.
        sha256: of the file that `handle` downloads, where it is known.
    """

    handle: str
    licence: str
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
    """

    config: Callable[[Source], dict[str, Any]]
    table: Callable[[Mapping[str, Any]], Table]
    heads: Mapping[str, Table] = field(default_factory=dict)
