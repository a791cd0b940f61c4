"""From a handle to a model with its weights, and from a model to a preset folder."""

import inspect
import json
import os
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import keras
import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.folders import written_folder
from tfzoo.weights import names
from tfzoo.weights.family import Preset
from tfzoo.weights.names import Table
from tfzoo.weights.resolve import resolve
from tfzoo.weights.source import MARKER, WEIGHTS, Source, open_source
from tfzoo.weights.tensors import listed

_VERSION = 1


def open_preset(backbone_class: type, handle: str | os.PathLike[str]) -> Source:
    """Finds weights for a family and opens them.

    Args:
        backbone_class: the family's backbone.
        handle: a preset's name or any handle.

    Raises:
        HandleError: nothing is found there.
        WeightsError: what is found is damaged, or of another family.
    """
    named = backbone_class.presets.get(handle)
    source = open_source(resolve(named.handle, sha256=named.sha256) if named else resolve(handle))
    if source.format == "tfzoo":
        found = _part(source, "backbone").get("class")
        fits = found == backbone_class.__name__
    else:
        found = source.family
        fits = source.format in backbone_class.formats and found in (None, backbone_class.family)
    if not fits:
        raise WeightsError(
            f"{source.folder} holds {found!r} weights in the format {source.format!r}, which "
            f"{backbone_class.__name__} does not read; use the class of their family."
        )
    return source


def backbone_config(backbone_class: type, source: Source) -> dict[str, Any]:
    """The constructor arguments of a backbone that the source's weights fit."""
    if source.format != "tfzoo":
        return backbone_class.formats[source.format].config(source)
    config = described_config(source, "backbone")
    parameters = inspect.signature(backbone_class).parameters.values()
    needed = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    if wrong := config.keys() - backbone_class.argument_names() | needed - config.keys():
        raise WeightsError(
            f"{source.folder / MARKER} lacks settings of {backbone_class.__name__}, or has others "
            f"({listed(sorted(wrong))}); upgrade tfzoo, or save the preset again."
        )
    return config


def described_config(source: Source, part: str) -> dict[str, Any]:
    """The constructor arguments of one part, as far as a source is a preset and states them."""
    if source.format != "tfzoo":
        return {}
    if source.config.get("version") != _VERSION:
        raise WeightsError(
            f"{source.folder / MARKER} has the version {source.config.get('version')!r}, and this "
            f"tfzoo reads {_VERSION}; upgrade tfzoo."
        )
    return _part(source, part).get("config", {})


def _part(source: Source, part: str) -> dict[str, Any]:
    value = source.config.get(part, {})
    config = value.get("config", {}) if isinstance(value, dict) else None
    # Keras would make objects of dicts inside, and the preset may be anybody's.
    if not isinstance(config, dict) or any(isinstance(each, dict) for each in config.values()):
        raise WeightsError(f"{source.folder / MARKER} is damaged at {part!r}; save it again.")
    return value


def load_weights(model: keras.Model, backbone: keras.Model, source: Source) -> None:
    """Loads what a source has of a model: its backbone, and the heads that the source has too.

    A head that the source does not have keeps its initial weights; one that it has in another
    shape does so with a warning.

    Args:
        model: a task, or the backbone itself.
        backbone: the backbone of `model`.
        source: opened by `open_preset`.

    Raises:
        WeightsError: names or shapes differ; nothing was assigned.
    """
    wanted = variables(backbone)
    table = _backbone_table(backbone, wanted, source)
    for head in model.layers if model is not backbone else ():
        if head is not backbone:
            paths = _layer_variables(head)
            head_table = _head_table(type(backbone), head.name, paths, source)
            if head_table and _head_fits(head.name, paths, head_table, source):
                wanted |= paths
                table += head_table
    names.load(wanted, table, source.tensors)


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """A model's weights under their paths inside it, whatever scope it was made in."""
    found = {}
    for layer in model.layers:
        found |= variables(layer) if isinstance(layer, keras.Model) else _layer_variables(layer)
    return found


def described(part: Any, without: Collection[str] = ()) -> dict[str, Any]:
    """What a preset's configuration says of a model, a tokenizer or a preprocessor.

    Args:
        part: has `get_config()`.
        without: entries to leave out: kept elsewhere in the preset, or the next process's choice.
    """
    config = {name: value for name, value in part.get_config().items() if name not in without}
    return {"class": type(part).__name__, "config": config}


def tokenizer(
    tokenizer_class: type,
    source: Source,
    handle: str | os.PathLike[str],
    presets: Mapping[str, Preset],
    overrides: Mapping[str, Any],
) -> Any:
    """The tokenizer that belongs to a source: its vocabulary, and its casing as far as it is known.

    The casing is, in this order: the caller's, the preset's, the source's, the class's default.
    None for a task that was saved without one.
    """
    options = {} if source.lowercase is None else {"lowercase": source.lowercase}
    if source.format == "tfzoo":
        options = described_config(source, "tokenizer")
        if "task" in source.config and "tokenizer" not in source.config:
            return None
    elif handle in presets and presets[handle].lowercase is not None:
        options["lowercase"] = presets[handle].lowercase
    return tokenizer_class(source.asset(tokenizer_class.asset), **{**options, **overrides})


def save(
    folder: str | os.PathLike[str],
    config: Mapping[str, Any],
    weights: Mapping[str, keras.Variable],
    tokenizer: Any = None,
) -> None:
    """Writes a preset: all of it, or nothing.

    Args:
        folder: created, or replaced if it holds a preset already.
        config: part -> `described(part)`.
        weights: path -> variable.
        tokenizer: something that writes its vocabulary with `save(folder)`.

    Raises:
        ConfigError: the folder holds something else, or cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    text = json.dumps({"version": _VERSION, **config}, indent=2)
    arrays = {path: np.asarray(keras.ops.convert_to_numpy(v)) for path, v in weights.items()}
    with written_folder(folder, MARKER) as partial:
        (partial / MARKER).write_text(text + "\n", encoding="utf-8")
        try:
            save_file(arrays, partial / WEIGHTS, metadata={"format": "tf"})
        except SafetensorError as error:  # of a full disk, say
            raise OSError(str(error)) from error
        (partial / WEIGHTS).chmod((partial / MARKER).stat().st_mode)  # the library's is private
        if tokenizer is not None:
            tokenizer.save(partial)


def _layer_variables(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    scope = layer.path.removesuffix(layer.name)
    return {variable.path.removeprefix(scope): variable for variable in layer.weights}


def _identity(paths: Mapping[str, Any], **options: Any) -> Table:
    return Table(*((path, path) for path in paths), **options)


def _backbone_table(backbone: keras.Model, paths: Mapping, source: Source) -> Table:
    if source.format == "tfzoo":
        return _identity(paths, ignore=("*_head/*",))
    return backbone.formats[source.format].table(backbone.get_config())


def _head_table(backbone_class: type, head: str, paths: Mapping, source: Source) -> Table | None:
    if source.format == "tfzoo":
        return _identity(paths)
    return backbone_class.formats[source.format].heads.get(head)


def _head_fits(head: str, paths: Mapping, table: Table, source: Source) -> bool:
    specs = source.tensors.specs
    shapes = {}
    for path, variable in paths.items():
        row = table.row(path)
        shapes |= dict(zip(row.names, row.shapes(tuple(variable.shape)), strict=True))
    if not specs.keys() >= shapes.keys():
        return False
    if any(specs[name].shape != shape for name, shape in shapes.items()):
        warnings.warn(
            f"The {head} of {source.folder} has another shape than the model's; the model's starts "
            "from its initial weights.",
            stacklevel=4,
        )
        return False
    return True
