"""What lies behind a handle, told and written in another format."""

import math
from collections.abc import Mapping
from typing import Any

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.models import Backbone
from tfzoo.tasks import Task
from tfzoo.weights import preset
from tfzoo.weights.arguments import has_argument
from tfzoo.weights.family import HEADS
from tfzoo.weights.mapping import Match
from tfzoo.weights.saving import save
from tfzoo.weights.shapes import shapes_of
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import listed


def convert(
    handle: str, folder: str, format: str, task: str | None, overrides: Mapping[str, Any]
) -> str:
    """Loads weights and writes them to a folder.

    Args:
        handle: a preset's name or any handle.
        folder: a new one.
        format: "tfzoo", or one of `tfzoo.weights.formats.WRITERS`.
        task: the kind of task to be written, "Backbone" for none; None for that of the weights.
        overrides: arguments of the backbone in place of those that the weights state.

    Returns:
        The name of the class that was written.

    Raises:
        TfzooError: what `from_preset` and `save_to_preset` raise; ConfigError also for a task that
            the family does not have.
    """
    backbone_class, source = preset.open_preset(Backbone.choices(), handle)
    check_overrides(backbone_class, overrides)
    kind = task or preset.find_task(backbone_class, source) or "Backbone"
    if kind == "Backbone":
        backbone = backbone_class.from_preset(handle, **overrides)
        save(folder, format, backbone, tokenizer=_tokenizer(backbone_class, source, handle))
        return backbone_class.__name__
    known = {each.kind: each for each in reversed(_tasks(backbone_class))}
    if kind not in known:
        raise ConfigError(
            f"There is no {kind} for {backbone_class.family} weights; choose --task from "
            f"{', '.join(['Backbone', *sorted(known)])}."
        )
    model = known[kind].from_preset(handle, **overrides)
    for head in model.layers:
        if head is not model.backbone and not preset.head_names(backbone_class, head.name, source):
            raise ConfigError(
                f"{handle} has no {head.name}, so a {known[kind].__name__} of it is not trained; "
                "choose another --task, such as Backbone."
            )
    model.save_to_preset(folder, format)
    return known[kind].__name__


def describe(handle: str, overrides: Mapping[str, Any]) -> tuple[str, bool]:
    """What lies behind a handle; no weights are read.

    Args:
        handle: a preset's name or any handle.
        overrides: arguments of the backbone in place of those that the weights state.

    Returns:
        A report of several lines, and whether the weights fit the model that they describe.

    Raises:
        HandleError: nothing is found there.
        WeightsError: what is found is damaged, or of no family that tfzoo has.
    """
    backbone_class, source = preset.open_preset(Backbone.choices(), handle)
    check_overrides(backbone_class, overrides)
    config, match = preset.match_backbone(backbone_class, source, overrides)
    shapes = shapes_of(lambda: backbone_class(**config))
    heads = {
        head: preset.head_names(backbone_class, head, source)
        for head in dict.fromkeys(head for heads in HEADS.values() for head in heads)
    }
    lines = {
        "folder": source.folder,
        "format": source.format,
        "family": f"{source.family or backbone_class.family}: {backbone_class.__name__}",
        "task": preset.find_task(backbone_class, source) or "none",
        "sizes": ", ".join(f"{name} {value}" for name, value in config.items()),
        "parameters": f"{sum(map(math.prod, shapes.values())):,} without heads",
        "tokenizer": _tokenizer_line(backbone_class, source, handle),
        "heads": ", ".join(head for head, names in heads.items() if names) or "none",
        **_mismatches(match, set().union(*heads.values())),
    }
    if names := source.settings.get("class_names"):
        lines["classes"] = listed(names, limit=20)
    report = "\n".join(f"{name:<14}{text}" for name, text in lines.items())
    return report, not (match.missing or match.unexpected or match.differing)


def _mismatches(match: Match, in_heads: set[str]) -> dict[str, str]:
    """What did not match, as far as there is something."""
    found = {
        "missing": match.missing,
        "unexpected": match.unexpected,
        "differing": match.differing,
        "absent": match.absent,
        "not read": [name for name in match.ignored if name not in in_heads],
    }
    lines = {what: f"{len(names)}: {listed(names, limit=20)}" for what, names in found.items()}
    return {what: line for what, line in lines.items() if found[what]} or {"mismatches": "none"}


def _tasks(backbone_class: type[Backbone]) -> list[type[Task]]:
    return [task for task in Task.choices() if task.backbone_class is backbone_class]


def check_overrides(backbone_class: type[Backbone], overrides: Mapping[str, Any]) -> None:
    """Checks arguments of a backbone that a user gave.

    Raises:
        ConfigError: there is no such argument, or it has another type.
    """
    for name, value in overrides.items():
        if not has_argument(backbone_class, name, value):
            raise ConfigError(f"{backbone_class.__name__} has no argument {name} {value!r}.")


def _tokenizer(backbone_class: type[Backbone], source: Source, handle: str) -> Any:
    """The tokenizer of some weights; None where they come without."""
    tokenizer_class = _tasks(backbone_class)[0].tokenizer_class
    if not any(map(source.find, [*tokenizer_class.assets.values(), "tokenizer.json"])):
        return None
    return preset.tokenizer(tokenizer_class, source, handle, backbone_class.presets, {})


def _tokenizer_line(backbone_class: type[Backbone], source: Source, handle: str) -> str:
    try:
        tokenizer = _tokenizer(backbone_class, source, handle)
    except WeightsError as error:
        return f"none ({error})"
    if tokenizer is None:
        return "none"
    settings = {k: v for k, v in tokenizer.get_config().items() if k not in tokenizer.assets}
    told = "".join(f", {name} {value}" for name, value in settings.items())
    return f"{type(tokenizer).__name__}, {tokenizer.vocabulary_size:,} pieces{told}"
