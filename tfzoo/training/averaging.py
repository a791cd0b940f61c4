"""The exponential moving average of the weights, in place of the weights."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within it a model has the averages of its weights, and afterwards the weights again.

    The optimizer keeps the averages when it is made with `use_ema=True`, or by `make_optimizer`
    with an `average`; otherwise, or before the first step, nothing changes. What Keras has for it,
    `SwapEMAWeights`, swaps by adding and subtracting, after which the weights differ a little.

    Args:
        model: compiled, and outside of all replicas.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with averaged_weights(model):
    ...     loss = model.evaluate(np.ones((1, 1)), np.ones(1), verbose=0)
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema or not int(ops.convert_to_numpy(optimizer.iterations)):
        yield
        return
    variables = model.trainable_variables
    weights = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        optimizer.finalize_variable_values(variables)
        yield
    finally:
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)
