"""`tf.distribute` strategies by name, and what the processes of one have to agree on."""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator

import tensorflow as tf

from tfzoo.errors import ConfigError, TrainingError
from tfzoo.training.cluster import Cluster, find_cluster, wait_for_peers

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
_LOST_PEER = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
)


def get_strategy(name: str = "auto", tpu: str = "") -> tf.distribute.Strategy:
    """A strategy by its name; models that are made in its `scope()` train on its devices.

    Neither Keras 3 nor tfzoo has parameter servers (`ParameterServerStrategy`). A TPU has not been
    at hand, so "tpu" follows TensorFlow's documentation and has never been run.

    Args:
        name: "one_device" (the first GPU, or the CPU), "mirrored" (all GPUs of this machine, or
            its logical CPUs), "multi_worker" (the devices of all processes that TF_CONFIG or
            Slurm's environment lists; returns when all of them have come), "tpu", or "auto": the
            first of multi_worker, tpu and mirrored that has several devices here, else one_device.
        tpu: the name or address of a TPU; empty for the one of this machine or notebook.

    Raises:
        ConfigError: there is no such strategy, or its cluster or its TPU cannot be used.

    Example:

    >>> get_strategy("one_device").num_replicas_in_sync
    1
    """
    if name not in STRATEGIES:
        raise ConfigError(
            f"There is no strategy {name!r}; choose one of {', '.join(STRATEGIES)} "
            "(Keras 3 has no parameter servers)."
        )
    if name == "auto":
        name = _widest(tpu)
    if name == "multi_worker":
        return _multi_worker()
    if name == "tpu":
        return _tpu(tpu)
    if name == "mirrored":
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        return tf.distribute.MirroredStrategy(
            [device.name for device in tf.config.list_logical_devices(kind)]
        )
    return tf.distribute.get_strategy()  # the default one, which costs nothing


def _widest(tpu: str) -> str:
    cluster = find_cluster()
    if cluster and len(cluster.addresses) > 1:
        return "multi_worker"
    if tpu or "TPU_NAME" in os.environ or tf.config.list_physical_devices("TPU"):
        return "tpu"
    return "mirrored" if len(tf.config.get_visible_devices("GPU")) > 1 else "one_device"


def _multi_worker() -> tf.distribute.Strategy:
    cluster = find_cluster()
    if cluster is None:
        raise ConfigError(
            "The strategy multi_worker needs TF_CONFIG or Slurm's srun to name the workers; "
            "`python -m tfzoo.launch` sets it for workers on this machine."
        )
    wait_for_peers(cluster)
    job, index = cluster.task
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster.jobs),
        task_type=job,
        task_id=index,
        num_accelerators={"GPU": len(tf.config.get_visible_devices("GPU"))},
        rpc_layer="grpc",
    )
    try:
        with _own_sigterm():
            return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError as error:
        raise ConfigError(
            f"The multi_worker strategy must be made before other work with TensorFlow: {error}."
        ) from None
    except tf.errors.OpError as error:
        raise ConfigError(_lost(error, cluster)) from error


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps this process' answer to SIGTERM, which TensorFlow's coordination makes go unheard."""
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)


def _tpu(name: str) -> tf.distribute.Strategy:
    local = "local" if tf.config.list_physical_devices("TPU") else ""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name or local)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ImportError, OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        raise ConfigError(
            f"No TPU can be used ({error}); give its name, or choose another strategy."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _cluster_of(strategy: tf.distribute.Strategy) -> Cluster | None:
    """The cluster of a strategy of several processes; None for those of a single one."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or not resolver:
        return None
    jobs = resolver.cluster_spec().as_dict()
    if not jobs:
        return None
    return Cluster(jobs, (resolver.task_type, resolver.task_id))


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """How many processes train together.

    Args:
        strategy: that of the model.

    Example:

    >>> num_workers(get_strategy("one_device"))
    1
    """
    cluster = _cluster_of(strategy)
    return len(cluster.addresses) if cluster else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes what is to be written once.

    Args:
        strategy: that of the model.

    Example:

    >>> is_chief(get_strategy("one_device"))
    True
    """
    cluster = _cluster_of(strategy)
    return cluster is None or cluster.rank == 0


def agreed(strategy: tf.distribute.Strategy, flag: bool) -> bool:
    """Whether any worker says so; each worker has to ask, at the same place of its program.

    Args:
        strategy: that of the model.
        flag: what this worker says.

    Example:

    >>> agreed(get_strategy("one_device"), False)
    False
    """
    if _cluster_of(strategy) is None:
        return flag
    votes = strategy.reduce(tf.distribute.ReduceOp.SUM, tf.constant(float(flag)), axis=None)
    return bool(votes > 0)


def of_chief(strategy: tf.distribute.Strategy, number: int) -> int:
    """The chief's number; each worker has to ask, at the same place of its program.

    Args:
        strategy: that of the model.
        number: this worker's, below 2**53.

    Example:

    >>> of_chief(get_strategy("one_device"), 7)
    7
    """
    if _cluster_of(strategy) is None:
        return number
    mine = tf.constant(number if is_chief(strategy) else 0, tf.float64)
    return int(strategy.reduce(tf.distribute.ReduceOp.SUM, mine, axis=None))


@contextlib.contextmanager
def clear_peer_errors(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Says in one sentence that another worker is gone, where TensorFlow has many errors for it.

    Workers notice a peer that was killed at once or within 10 seconds, when TensorFlow misses its
    heartbeats; those that wait for it in a collective get one of these errors.

    Args:
        strategy: that of the model; other errors, and all of a single process, pass unchanged.

    Raises:
        TrainingError: a peer is gone.
    """
    try:
        yield
    except _LOST_PEER as error:
        cluster = _cluster_of(strategy)
        if cluster is None or "Collective ops is aborted" not in error.message:
            raise
        raise TrainingError(_lost(error, cluster)) from error


def _lost(error: tf.errors.OpError, cluster: Cluster) -> str:
    tasks = re.findall(r"/job:(\w+)/(?:replica:0/)?task:(\d+)", error.message)
    peers = {Cluster(cluster.jobs, (job, int(index))).rank for job, index in tasks}
    peers -= {cluster.rank}
    gone = ", ".join(f"worker {rank} at {cluster.addresses[rank]}" for rank in sorted(peers))
    return (
        f"The connection with {gone or 'another worker'} is lost; "
        "start all workers again with the same command to go on from the last checkpoint."
    )
