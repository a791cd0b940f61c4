"""What `keras.ops` cannot do: one short function per backend."""

from typing import Any

import keras

from tfzoo.errors import ConfigError


def stateless_dropout(x: Any, rate: float, seed: Any) -> Any:
    """`x` with a share `rate` of its elements zeroed and the rest scaled by `1 / (1 - rate)`.

    `keras.random.dropout` takes no seed tensor, and a recomputed layer must draw the mask of its
    first run again.

    Args:
        x: float tensor of any shape.
        rate: share of the elements to zero, in [0, 1).
        seed: integer tensor (2,), as `keras.random.SeedGenerator.next()` gives it.

    Raises:
        ConfigError: the rate is out of range, or the backend is neither TensorFlow nor JAX.
    """
    if not 0 <= rate < 1:
        raise ConfigError(f"dropout is {rate}; it must be at least 0 and less than 1.")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Sixteen random bits an element: half the generator's work, and a rate exact to 1e-5.
        count = tf.size(x)
        words = tf.random.stateless_uniform(
            [(count + 1) // 2], tf.cast(seed, tf.int32), minval=None, maxval=None, dtype=tf.uint32
        )
        bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], tf.shape(x))
        keep = tf.cast(bits >= tf.cast(round(rate * 2**16), tf.uint16), x.dtype)
        return x * (keep * tf.cast(1.0 / (1.0 - rate), x.dtype))
    if keras.backend.backend() == "jax":
        import jax

        keep = jax.random.bernoulli(jax.numpy.asarray(seed, "uint32"), 1.0 - rate, x.shape)
        return jax.numpy.where(keep, x / (1.0 - rate), 0).astype(x.dtype)
    raise _no_random_numbers()


def stateless_uniform(shape: Any, seed: Any) -> Any:
    """Float32 numbers from 0 to 1, 1 excluded, that follow from a seed tensor.

    Args:
        shape: of the result.
        seed: integer tensor (2,), as `keras.random.SeedGenerator.next()` gives it.

    Raises:
        ConfigError: the backend is neither TensorFlow nor JAX.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.random.stateless_uniform(shape, tf.cast(seed, tf.int32))
    if keras.backend.backend() == "jax":
        import jax

        return jax.random.uniform(jax.numpy.asarray(seed, "uint32"), shape, "float32")
    raise _no_random_numbers()


def _no_random_numbers() -> ConfigError:
    return ConfigError(
        f"tfzoo draws no random numbers with the Keras backend {keras.backend.backend()!r}; "
        "set KERAS_BACKEND to tensorflow or jax."
    )
