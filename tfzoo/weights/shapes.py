"""The variables that a model would have, without making any of them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

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
    """A model's weights under their paths inside it, whatever scope it was made in."""
    found = {}
    for layer in model.layers:
        inside = variables(layer) if isinstance(layer, keras.Model) else layer_variables(layer)
        found |= inside
    return found


def layer_variables(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    """A layer's weights under their paths, which begin with its name."""
    scope = layer.path.removesuffix(layer.name)
    return {variable.path.removeprefix(scope): variable for variable in layer.weights}
