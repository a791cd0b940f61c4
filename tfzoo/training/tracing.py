"""What makes TensorFlow functions quick to start; other backends need none of it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from tfzoo.layers.backend import fused_products


@contextlib.contextmanager
def quick_start(model: keras.Model) -> Iterator[None]:
    """Halves the first step of a `fit` inside.

    The optimizer's variables are made beforehand: a function that makes some is traced twice. And
    Grappler's remapping is left out, which is slow on deep graphs; it fuses a product with its bias
    and activation, which a training step can seldom use. It is a setting of the whole process,
    given back at the end.

    Args:
        model: a compiled model.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)
    with fused_products(False):
        yield


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
