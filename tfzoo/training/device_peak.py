"""What a device can do: the floating-point operations per second of a bare matrix product."""

import functools
import time

import tensorflow as tf

from tfzoo.training.strategies import num_workers

_SMALLEST, _LARGEST = 256, 8192  # rows and columns of the matrices


@functools.cache
def measure_peak(dtype: str, seconds: float = 0.2) -> float:
    """The FLOP/s that this process' first device reaches in a product of two square matrices.

    They grow until a product takes a twentieth of the time. Measured once per process.

    Args:
        dtype: of the matrices.
        seconds: how long to measure; the first product, which starts the device, comes on top.

    Returns:
        The most that was seen.

    Example:

    >>> measure_peak("float32", seconds=0.01) > 1e6
    True
    """
    peak, size = 0.0, _SMALLEST
    matrix = _matrix(size, dtype)
    _seconds_of_product(matrix)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        taken = _seconds_of_product(matrix)
        peak = max(peak, 2 * size**3 / taken)
        if taken < seconds / 20 and size < _LARGEST:
            size *= 2
            matrix = _matrix(size, dtype)
    return peak


def peak_of(strategy: tf.distribute.Strategy, dtype: str) -> float | None:
    """The FLOP/s of all devices of a strategy, were they all like this process' first one.

    Args:
        strategy: that of the model. Its replicas on logical CPUs share one device per worker.
        dtype: what the model computes in.

    Returns:
        None for a TPU, of which eager products say nothing.
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return None
    on_gpus = bool(tf.config.list_logical_devices("GPU"))
    devices = strategy.num_replicas_in_sync if on_gpus else num_workers(strategy)
    return devices * measure_peak(dtype)


def _matrix(size: int, dtype: str) -> tf.Tensor:
    return tf.cast(tf.random.stateless_normal((size, size), (0, size)), dtype)


def _seconds_of_product(matrix: tf.Tensor) -> float:
    start = time.perf_counter()
    tf.matmul(matrix, matrix)[0, 0].numpy()  # which waits for the device
    return time.perf_counter() - start
