"""From a model to a folder, as a tfzoo preset or in the format of others."""

import os
from collections.abc import Collection
from typing import Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.folders import written_folder
from tfzoo.weights import formats
from tfzoo.weights.family import Snapshot
from tfzoo.weights.formats import tfzoo
from tfzoo.weights.shapes import shapes_of, with_lora_merged
from tfzoo.weights.tensors import listed

# What a preset leaves to whoever loads it: precision, and what is trained and how.
_NEXT_PROCESS = ("dtype", "trainable", "frozen", "lora")


def save(
    folder: str | os.PathLike[str],
    format: str,
    backbone: keras.Model,
    task: keras.Model | None = None,
    tokenizer: Any = None,
) -> None:
    """Writes a model: all of it, or nothing.

    Args:
        folder: created; a preset in it is replaced by a preset.
        format: "tfzoo", or one of `tfzoo.weights.formats.WRITERS`.
        backbone: the backbone.
        task: the task around it, which is then what is written.
        tokenizer: what goes with a backbone alone; a task has its own.

    Raises:
        ConfigError: the folder holds something else, or cannot be written; or the format cannot
            say what the model is.
        WeightsError: the format has no names for the model's variables.
    """
    _check_plain(backbone)
    weights = with_lora_merged(task or backbone)
    preprocessor = task and task.preprocessor
    if preprocessor is not None:
        tokenizer = preprocessor.tokenizer
    if format == "tfzoo":
        config = _description(backbone, task, preprocessor, tokenizer)
        with written_folder(folder, marker=tfzoo.MARKER) as partial:
            tfzoo.write(partial, config, weights, tokenizer)
        return
    known = type(backbone).formats
    if format not in formats.WRITERS or known.get(format) is None or not known[format].describe:
        written = [name for name in formats.WRITERS if name in known and known[name].describe]
        raise ConfigError(
            f"A {type(backbone).__name__} is not written as {format!r}; choose one of "
            f"{', '.join(['tfzoo', *written])}."
        )
    if backbone.quantization:
        raise ConfigError(
            f"The format {format!r} has no names for an int8 model; save it as 'tfzoo', or before "
            "quantize."
        )
    snapshot = Snapshot(
        backbone_class=type(backbone),
        config=backbone.get_config(),
        format=known[format],
        weights=weights,
        task=task and task.kind,
        settings=task.own_config() if task else {},
        tokenizer=tokenizer,
        sequence_length=preprocessor and preprocessor.sequence_length,
    )
    with written_folder(folder, marker=None) as partial:
        formats.WRITERS[format].write(partial, snapshot)


def _check_plain(backbone: keras.Model) -> None:
    """Raises a ConfigError if a backbone has other variables than a preset's reader makes."""
    arguments = _described(backbone, _NEXT_PROCESS)["config"]
    plain = shapes_of(lambda: type(backbone).from_config(arguments))
    if extra := sorted(with_lora_merged(backbone).keys() ^ plain.keys()):
        raise ConfigError(
            f"The model's layers were changed one by one ({listed(extra)}), for which presets have "
            "no names; save it as a .keras file, or before the change."
        )


def _description(
    backbone: keras.Model, task: keras.Model | None, preprocessor: Any, tokenizer: Any
) -> dict[str, Any]:
    """What a preset's configuration says of a model's parts."""
    config = {"family": type(backbone).family, "backbone": _described(backbone, _NEXT_PROCESS)}
    if task is not None:
        settings = task.own_config()
        config["task"] = {"kind": task.kind, "class": type(task).__name__, "config": settings}
    if preprocessor is not None:
        config["preprocessor"] = _described(preprocessor, without=("tokenizer",))
    if tokenizer is not None:
        config["tokenizer"] = _described(tokenizer, without=tokenizer.assets)
    return config


def _described(part: Any, without: Collection[str]) -> dict[str, Any]:
    config = {name: value for name, value in part.get_config().items() if name not in without}
    return {"class": type(part).__name__, "config": config}
