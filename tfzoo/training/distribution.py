"""What batches of any size need under `keras.distribution`, whose devices all take as many rows."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


def even_batches(batches: Any) -> Any:
    """Batches that the devices can share: an uneven one has some of its rows twice.

    Args:
        batches: a `tf.data.Dataset` of batches; anything else, and without a distribution all, is
            returned as it is.
    """
    distribution = keras.distribution.distribution()
    if distribution is None or not hasattr(batches, "element_spec"):
        return batches
    import tensorflow as tf

    devices = distribution.num_model_replicas

    def even(*batch: Any) -> Any:
        rows = tf.shape(tf.nest.flatten(batch)[0])[0]
        taken = tf.range(-(-rows // devices) * devices) % rows
        batch = tf.nest.map_structure(lambda column: tf.gather(column, taken), batch)
        return batch if len(batch) > 1 else batch[0]

    return batches.map(even)


@contextlib.contextmanager
def whole_batches() -> Iterator[None]:
    """Has every device compute all of each batch, so that it can have any number of rows."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)
