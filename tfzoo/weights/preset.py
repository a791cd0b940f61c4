"""From a handle to a model with its weights."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatchcase
from typing import Any

import keras
import numpy as np

from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.signatures import constructor_parameters
from tfzoo.weights import mapping
from tfzoo.weights.arguments import check_arguments, has_argument
from tfzoo.weights.family import HEADS, NAMELESS, Preset
from tfzoo.weights.formats import open_source
from tfzoo.weights.formats.tfzoo import part_config
from tfzoo.weights.names import Identity, Table
from tfzoo.weights.resolve import resolve
from tfzoo.weights.shapes import shapes_of, variables
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import listed


def open_preset(choices: Sequence[type], handle: str | os.PathLike[str]) -> tuple[type, Source]:
    """Finds weights for one of several families and opens them.

    Args:
        choices: the backbones of the families.
        handle: a preset's name or any handle.

    Returns:
        The backbone whose weights these are, and the opened weights.

    Raises:
        HandleError: nothing is found there.
        WeightsError: what is found is damaged, or of another family.
    """
    named = next((c.presets[handle] for c in choices if handle in c.presets), None)
    if named and named.handle is None:
        raise HandleError(
            f"The weights of {handle} are not published; take its sizes with load_weights=False."
        )
    source = open_source(resolve(named.handle, sha256=named.sha256) if named else resolve(handle))
    for backbone_class in choices:
        if _is_of(backbone_class, source):
            return backbone_class, source
    raise WeightsError(
        f"{source.folder} holds {source.family or 'other'} weights in the format "
        f"{source.format!r}, which {' or '.join(c.__name__ for c in choices)} does not read; use "
        "the class of their family, or tfzoo.HubLayer for a SavedModel of any kind."
    )


def match_backbone(
    backbone_class: type, source: Source, overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], mapping.Match]:
    """Compares a backbone with a source before anything is built.

    Args:
        backbone_class: its class.
        source: of `open_preset`.
        overrides: constructor arguments in place of the source's own.

    Returns:
        The constructor's arguments, and how the backbone that they make fits the source.

    Raises:
        WeightsError: the source's configuration is damaged or lacks an argument.
        ConfigError: an override is no argument of the backbone.
    """
    if foreign := overrides.keys() - backbone_class.argument_names():
        raise ConfigError(
            f"{backbone_class.__name__} has no argument {', '.join(sorted(foreign))}."
        )
    config = {**_stated_config(backbone_class, source), **overrides}
    if lacking := _needed(backbone_class) - config.keys():
        raise WeightsError(
            f"{source.folder} does not say what {listed(sorted(lacking))} of its "
            f"{backbone_class.__name__} is; state it as an argument."
        )
    shapes = shapes_of(lambda: backbone_class.from_config(config))
    table = _backbone_table(backbone_class, config, source)
    return config, mapping.match(shapes, table, source.tensors.specs)


def load_backbone(
    backbone_class: type,
    source: Source,
    overrides: Mapping[str, Any],
    no_initial_weights: Callable[[], AbstractContextManager],
    load_weights: bool = True,
    unused: tuple[str, ...] = (),
) -> keras.Model:
    """Builds a backbone and loads its weights, after comparing every name and shape.

    Args:
        backbone_class: its class.
        source: of `open_preset`.
        overrides: constructor arguments in place of the source's own.
        no_initial_weights: a context in which building draws no random numbers.
        load_weights: False leaves the initial random weights.
        unused: patterns of optional variables whose absence matters to nobody.

    Raises:
        WeightsError: names or shapes differ, or the source is damaged.
        ConfigError: an override is no argument; or a `tf.function` is being traced.
    """
    if _is_traced():
        raise ConfigError("Weights cannot be loaded inside a tf.function; load them before it.")
    config, match = match_backbone(backbone_class, source, overrides)
    match.check(source.tensors.path)
    if not load_weights:
        config.pop("quantization", None)
        return backbone_class(**config)
    used = [p for p in match.absent if not any(fnmatchcase(p, pattern) for pattern in unused)]
    if used:
        _warn(f"{source.folder} has no {listed(used)}")
    with nullcontext() if match.absent else no_initial_weights():
        backbone = backbone_class.from_config(config)
    table = _backbone_table(backbone_class, config, source)
    mapping.load(variables(backbone), table, source.tensors)
    return backbone


def load_heads(model: keras.Model, backbone: keras.Model, source: Source) -> None:
    """Loads the heads of a task that its source has too.

    A head that the source does not have keeps its initial weights; one that it has in another
    shape does so with a warning.

    Args:
        model: the task.
        backbone: its backbone.
        source: opened by `open_preset`.

    Raises:
        WeightsError: the source has a part of a head.
    """
    own = variables(model)
    for head in model.layers:
        if head is backbone:
            continue
        if not head_names(type(backbone), head.name, source):
            if head.name in HEADS.get(find_task(type(backbone), source), ()):
                _warn(f"{source.folder} has no {head.name} that tfzoo can read")
            continue
        wanted = {path: own[path] for path in own if path.startswith(f"{head.name}/")}
        shapes = {path: tuple(variable.shape) for path, variable in wanted.items()}
        table = _head_table(type(backbone), head.name, source)
        match = mapping.match(shapes, table, source.tensors.specs)
        if match.differing and not match.missing:
            _warn(f"The {head.name} of {source.folder} has another shape than the model's")
        else:
            mapping.load(wanted, table, source.tensors)


def _is_traced() -> bool:
    """Whether a `tf.function` is being traced, where an assignment would wait for its call."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.inside_function()


def _warn(what: str) -> None:
    warnings.warn(f"{what}; the model's starts from its initial weights.", stacklevel=4)


def head_names(backbone_class: type, head: str, source: Source) -> set[str]:
    """The names of the tensors of a head that a source has, all or some of them."""
    specs = source.tensors.specs
    if (source.task or head in NAMELESS) and head not in HEADS.get(source.task, ()):
        return set()
    if source.format == "tfzoo":
        return {name for name in specs if name.startswith(f"{head}/")}
    return _head_table(backbone_class, head, source).among(specs)


def find_task(backbone_class: type, source: Source) -> str | None:
    """The kind of task, a key of `HEADS`, that has most heads of a source; None if it has none."""
    if source.task is not None:
        return source.task
    found = {
        kind: sum(bool(head_names(backbone_class, head, source)) for head in heads)
        for kind, heads in HEADS.items()
    }
    best = max(HEADS, key=lambda kind: (found[kind], -len(HEADS[kind])))
    return best if found[best] else None


def num_classes(backbone_class: type, head: str, source: Source) -> int | None:
    """How many logits a head of a source gives; None if it has no such head."""
    return last_size(backbone_class, head, "logits/kernel", source)


def last_size(backbone_class: type, head: str, path: str, source: Source) -> int | None:
    """The size of a variable of ours along its last axis; None if a source has no such head.

    Args:
        backbone_class: the class of the backbone below the head.
        head: its name.
        path: of the variable inside the head.
        source: of `open_preset`.
    """
    if not head_names(backbone_class, head, source):
        return None
    row = _head_table(backbone_class, head, source).row(f"{head}/{path}")
    spec = source.tensors.specs.get(row.names[0])
    if spec is None or not spec.shape:
        return None
    return row.transform.read(np.broadcast_to(np.float32(0), spec.shape)).shape[-1]


def tokenizer(
    tokenizer_class: type,
    source: Source,
    handle: str | os.PathLike[str],
    presets: Mapping[str, Preset],
    overrides: Mapping[str, Any],
) -> Any:
    """The tokenizer that belongs to a source: its vocabulary, and its options as far as known.

    An option is, in this order: the caller's, the preset's, the source's, the class's default.
    None for a task that was saved without one.
    """
    stated = {"lowercase": source.lowercase, "add_prefix_space": source.add_prefix_space}
    options = {name: v for name, v in stated.items() if has_argument(tokenizer_class, name, v)}
    if source.format == "tfzoo":
        options = saved_arguments(tokenizer_class, source, "tokenizer")
        if "task" in source.config and "tokenizer" not in source.config:
            return None
    elif handle in presets and presets[handle].lowercase is not None:
        options["lowercase"] = presets[handle].lowercase
    files = {name: source.vocabulary(file) for name, file in tokenizer_class.assets.items()}
    return tokenizer_class(**{**options, **overrides, **files})


def _is_of(backbone_class: type, source: Source) -> bool:
    """Whether a source's weights are of a backbone's family."""
    if source.family is not None:
        known = source.format == "tfzoo" or source.format in backbone_class.formats
        return known and source.family == backbone_class.family
    form = backbone_class.formats.get(source.format)
    return form is not None and any(
        fnmatchcase(name, mark) for name in source.tensors.specs for mark in form.marks
    )


def _stated_config(backbone_class: type, source: Source) -> dict[str, Any]:
    """The constructor arguments of a backbone that a source states."""
    if source.format == "tfzoo":
        return saved_arguments(backbone_class, source, "backbone")
    config = backbone_class.formats[source.format].config(source)
    check_arguments(backbone_class, config, source)
    return config


def saved_arguments(cls: type, source: Source, part: str) -> dict[str, Any]:
    """The constructor arguments of one part, as far as a source is a preset and states them.

    Raises:
        WeightsError: the part's class has no such arguments.
    """
    arguments = part_config(source, part)
    check_arguments(cls, arguments, source)
    return arguments


def _needed(backbone_class: type) -> set[str]:
    """The arguments that a constructor cannot do without."""
    parameters = constructor_parameters(backbone_class).values()
    return {p.name for p in parameters if p.default is p.empty}


def _backbone_table(backbone_class: type, config: Mapping[str, Any], source: Source) -> Table:
    if source.format == "tfzoo":
        return Identity(ignore=("*_head/*", "generator/*"))
    return backbone_class.formats[source.format].table(config)


def _head_table(backbone_class: type, head: str, source: Source) -> Table:
    """The names of a head in a source; an empty table where its format has no such head."""
    if source.format == "tfzoo":
        return Identity(ignore=("*",))
    heads = backbone_class.formats[source.format].heads
    return heads.get(head, Table()) + Table(ignore=("*",))
