"""What `keras.ops` cannot do: one short function per backend."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
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

        # XLA has another generator than the plain graph by default, and other floats always.
        bits = tf.random.stateless_uniform(
            shape, tf.cast(seed, tf.int32), None, None, tf.uint32, alg="philox"
        )
        bits = tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32))
        return tf.cast(bits, tf.float32) * 2.0**-24
    if keras.backend.backend() == "jax":
        import jax

        return jax.random.uniform(jax.numpy.asarray(seed, "uint32"), shape, "float32")
    raise _no_random_numbers()


def _no_random_numbers() -> ConfigError:
    return ConfigError(
        f"tfzoo draws no random numbers with the Keras backend {keras.backend.backend()!r}; "
        "set KERAS_BACKEND to tensorflow or jax."
    )


def scan_in_turn(function: Callable, carry: Any, count: int, dtype: Any) -> tuple[Any, Any]:
    """Calls `function(carry, index)`, for each index from 0 on, one call after the other.

    Keras' own scan wants results in the shape of what is carried, and other loops of TensorFlow
    begin several rounds at once, each with its memory.

    Args:
        function: returns what is carried on, and a tensor.
        carry: tensors, for the first call.
        count: how often.
        dtype: of the returned tensors.

    Returns:
        What the last call carried on, and all tensors, stacked.

    Raises:
        ConfigError: the backend is neither TensorFlow nor JAX.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def body(index: Any, carry: Any, results: Any) -> tuple:
            carry, result = function(carry, index)
            return index + 1, carry, results.write(index, result)

        results = tf.TensorArray(dtype, size=count)
        _, carry, results = tf.while_loop(
            lambda index, *_: index < count, body, (0, carry, results), parallel_iterations=1
        )
        return carry, results.stack()
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.scan(function, carry, jax.numpy.arange(count))
    raise ConfigError(
        f"tfzoo has no loop with the Keras backend {keras.backend.backend()!r}; set KERAS_BACKEND "
        "to tensorflow or jax."
    )


@contextlib.contextmanager
def turned_kernels(turned: Mapping[int, Any]) -> Iterator[None]:
    """Makes every `product` inside take some kernels as they lie in a decode loop.

    Args:
        turned: id of a variable (inputs, outputs) -> the same matrix as (outputs, inputs).
    """
    outer, _kernels.turned = _kernels.turned, turned
    try:
        yield
    finally:
        _kernels.turned = outer


def product(x: Any, kernel: Any) -> Any:
    """`x` (rows, inputs) times a kernel (inputs, outputs)."""
    turned = _kernels.turned.get(id(kernel))
    if turned is None:
        return keras.ops.matmul(x, kernel)
    if keras.backend.backend() != "tensorflow":
        return keras.ops.matmul(x, keras.ops.transpose(turned))
    import tensorflow as tf

    return tf.matmul(x, turned, transpose_b=True)


class _Kernels(threading.local):
    turned: Mapping[int, Any] = MappingProxyType({})


_kernels = _Kernels()


def write_columns(cache: Any, new: Any, index: Any) -> Any:
    """`cache` with other columns from one on, in place where nobody else has it.

    Args:
        cache: (B, N, K, D).
        new: (B, N, Q, D).
        index: the first of the Q columns, at most K - Q.
    """
    if keras.backend.backend() != "tensorflow" or _traced.by_xla:
        return keras.ops.slice_update(cache, (0, 0, index, 0), new)
    import tensorflow as tf

    # Outside of XLA, TensorFlow would compile a slice's update on its own.
    shape, count = keras.ops.shape(cache), keras.ops.shape(new)[2]
    first = tf.range(shape[0] * shape[1]) * shape[2] + index  # of the rows of D numbers
    rows = tf.reshape(first[:, None] + tf.range(count), [-1, 1])
    flat = tf.reshape(cache, [-1, shape[-1]])
    changed = tf.tensor_scatter_nd_update(flat, rows, tf.reshape(new, [-1, shape[-1]]))
    return tf.reshape(changed, shape)


class _Traced(threading.local):
    by_xla = False


_traced = _Traced()


_remapping_lock = threading.Lock()
_remapping: list[list[bool]] = []  # the setting outside, and those wanted now; the last one holds


@contextlib.contextmanager
def fused_products(wanted: bool) -> Iterator[None]:
    """Whether TensorFlow fuses products with what follows in functions that first run inside.

    It is a setting of the whole process, given back when all threads have left. With the setting of
    another thread results are the same, and slower.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    options, mine = tf.config.optimizer, [wanted]
    with _remapping_lock:
        outside = options.get_experimental_options().get("remapping", True)
        _remapping[:] = [*(_remapping or [[outside]]), mine]
        options.set_experimental_options({"remapping": wanted})
    try:
        yield
    finally:
        with _remapping_lock:
            left = [each for each in _remapping if each is not mine]
            options.set_experimental_options({"remapping": left[-1][0]})
            _remapping[:] = left if len(left) > 1 else []


def compiled(function: Callable, variables: list, xla: bool) -> Callable:
    """A function of tensors, compiled once for each shape of its arguments.

    Args:
        function: given the values of `variables` and the arguments; reads no others.
        variables: those of a model.
        xla: under TensorFlow, whether XLA compiles it; JAX always does.

    Raises:
        ConfigError: the backend is neither TensorFlow nor JAX.
    """

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def traced(*args: Any) -> Any:
            outer, _traced.by_xla = _traced.by_xla, xla
            try:
                return function([variable.value for variable in variables], *args)
            finally:
                _traced.by_xla = outer

        return tf.function(traced, jit_compile=xla, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        run = jax.jit(function)
        return lambda *args: run([variable.value for variable in variables], *args)
    raise ConfigError(
        f"tfzoo compiles nothing with the Keras backend {keras.backend.backend()!r}; set "
        "KERAS_BACKEND to tensorflow or jax."
    )
