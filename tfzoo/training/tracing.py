"""What makes TensorFlow functions quick to start; other backends need none of it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def quick_start() -> Iterator[None]:
    """Skips Grappler's remapping of the graphs that are first run inside.

    Remapping fuses a product with its bias and activation, which the backward pass forbids anyway,
    and takes most of the first step of a deep model.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"remapping": before.get("remapping", True)})


def trace_predict(model: keras.Model, dataset: Any) -> None:
    """Traces a model's predict function once for all batches of a dataset, whatever their shape.

    Keras would trace it for the first shape, for the second, and for the last batch.

    Args:
        model: a model whose `predict` is about to be called.
        dataset: a `tf.data.Dataset` of features.
    """
    model.make_predict_function()
    trace = getattr(model.predict_function, "get_concrete_function", None)
    if trace is not None:
        trace([dataset.element_spec])
