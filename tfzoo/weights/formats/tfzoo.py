"""tfzoo's own presets: `tfzoo.json`, `model.safetensors`, and the tokenizer's file."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights.family import HEADS
from tfzoo.weights.safetensors_file import WEIGHTS, open_safetensors, write_safetensors
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_json

MARKER = "tfzoo.json"
_VERSION = 1


def open_folder(folder: Path) -> Source | None:
    """The preset in a folder; None if there is none."""
    if not (folder / MARKER).is_file():
        return None
    tensors = open_safetensors(folder)
    if tensors is None:
        raise WeightsError(f"{folder} has a {MARKER} and no {WEIGHTS}; save the preset again.")
    source = Source("tfzoo", folder, tensors, read_json(folder / MARKER))
    if source.config.get("version") != _VERSION:
        raise WeightsError(
            f"{folder / MARKER} has the version {source.config.get('version')!r:.200}, and this "
            f"tfzoo reads {_VERSION}; upgrade tfzoo."
        )
    family = source.config.get("family")
    kind = _part(source, "task").get("kind") if "task" in source.config else None
    if not isinstance(family, str) or not (kind is None or kind in HEADS):
        raise _damaged(source, "family or task")
    settings = part_config(source, "task")
    return dataclasses.replace(source, family=family, task=kind, settings=settings)


def part_config(source: Source, part: str) -> dict[str, Any]:
    """The constructor arguments of one part, as far as a source is a preset and states them."""
    return _part(source, part).get("config", {}) if source.format == "tfzoo" else {}


def write(
    folder: Path, config: Mapping[str, Any], weights: Mapping[str, Any], tokenizer: Any
) -> None:
    """Fills a folder.

    Args:
        folder: an empty one.
        config: part -> its class and arguments.
        weights: path -> variable.
        tokenizer: something that writes its vocabulary with `save(folder)`; or None.
    """
    text = json.dumps({"version": _VERSION, **config}, indent=2)
    (folder / MARKER).write_text(text + "\n", encoding="utf-8")
    write_safetensors(weights, folder)
    if tokenizer is not None:
        tokenizer.save(folder)


def _part(source: Source, part: str) -> dict[str, Any]:
    value = source.config.get(part, {})
    config = value.get("config", {}) if isinstance(value, dict) else None
    # Keras would make objects of dicts inside, and the preset may be anybody's.
    if not isinstance(config, dict) or any(isinstance(each, dict) for each in config.values()):
        raise _damaged(source, part)
    return value


def _damaged(source: Source, part: str) -> WeightsError:
    return WeightsError(f"{source.folder / MARKER} is damaged at its {part}; save it again.")
