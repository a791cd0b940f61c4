"""Initial weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

_zeros = ContextVar("zeros", default=False)


@keras.saving.register_keras_serializable(package="tfzoo")
class BertInitializer(keras.initializers.TruncatedNormal):
    """BERT's initial weights: normal, standard deviation 0.02, truncated at two of them.

    Args:
        seed: None for another one each time.
        stddev: another standard deviation.

    >>> BertInitializer(seed=0)((2, 3)).shape
    TensorShape([2, 3])
    """

    def __init__(self, seed: int | None = None, stddev: float = 0.02) -> None:
        super().__init__(mean=0.0, stddev=stddev, seed=seed)

    def __call__(self, shape: tuple, dtype: Any = None) -> Any:
        return ops.zeros(shape, dtype) if _zeros.get() else super().__call__(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"seed": config["seed"], "stddev": config["stddev"]}


@contextmanager
def no_initial_weights() -> Iterator[None]:
    """Makes the matrices of layers built inside start at zero, because all will be loaded.

    Drawing BERT-base's random numbers takes several times as long as reading its weights.

    >>> with no_initial_weights():
    ...     float(ops.max(BertInitializer()((2, 3))))
    0.0
    """
    token = _zeros.set(True)
    try:
        yield
    finally:
        _zeros.reset(token)
