"""Initial weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras

_zeros = ContextVar("zeros", default=False)


def bert_initializer() -> keras.initializers.Initializer:
    """BERT's initial weights: normal, standard deviation 0.02, truncated at two of them."""
    if _zeros.get():
        return keras.initializers.Zeros()
    return keras.initializers.TruncatedNormal(stddev=0.02)


@contextmanager
def no_initial_weights() -> Iterator[None]:
    """Makes the matrices of layers built inside start at zero, because all will be loaded.

    Drawing BERT-base's random numbers takes several times as long as reading its weights.

    >>> with no_initial_weights():
    ...     bert_initializer().__class__.__name__
    'Zeros'
    """
    token = _zeros.set(True)
    try:
        yield
    finally:
        _zeros.reset(token)
