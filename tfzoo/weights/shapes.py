"""The variables that a model would have, without making any of them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras


def shapes_of(build: Callable[[], keras.Model]) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's variables; nothing is allocated, whatever sizes they have.

    Args:
        build: makes the model.

    Returns:
        path inside the model -> shape.

    Example:
        >>> from tfzoo import BertBackbone
        >>> shapes = shapes_of(lambda: BertBackbone(10**9, 1, 2, 8, 32))
        >>> shapes["embeddings/token_embedding/embeddings"]
        (1000000000, 8)
    """

    def without_values() -> dict[str, tuple[int, ...]]:
        with keras.StatelessScope(initialize_variables=False):
            found = variables(build())
            return {path: tuple(variable.shape) for path, variable in found.items()}

    # Keras keeps a list, for each thread, of variables that still await their values.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(without_values).result()


def variables(model: keras.Model) -> Mapping[str, keras.Variable]:
    """A model's weights under their paths inside it, whatever scope it was made in.

    Those of its `backbone` have the paths that they have in the backbone alone. A variable that
    parts share has its path in the first of them.
    """
    found, seen = {}, set()
    for layer in model.layers:
        is_backbone = layer is getattr(model, "backbone", None)
        inside = variables(layer) if is_backbone else layer_variables(layer)
        found |= {path: variable for path, variable in inside.items() if id(variable) not in seen}
        seen |= set(map(id, inside.values()))
    return found


def with_lora_merged(model: keras.Model) -> dict[str, Any]:
    """A model's `variables` as they would be without LoRA, whose changes are in the kernels."""
    changed = {
        id(layer._kernel): layer.kernel
        for layer in model._flatten_layers()
        if hasattr(layer, "lora_kernel_a")
    }
    return {
        path: changed.get(id(variable), variable)
        for path, variable in variables(model).items()
        if not variable.name.startswith("lora_kernel_")
    }


def layer_variables(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    """A layer's or a model's weights under their paths, which begin with its name."""
    if isinstance(layer, keras.Model):
        return {f"{layer.name}/{path}": variable for path, variable in variables(layer).items()}
    scope = layer.path.removesuffix(layer.name)
    return {variable.path.removeprefix(scope): variable for variable in layer.weights}
