"""The workers of a run: who they are, by TF_CONFIG or Slurm, and waiting until all have come."""

import contextlib
import dataclasses
import errno
import json
import os
import socket
import time
from typing import Any

import tensorflow as tf

from tfzoo.errors import ConfigError

JOBS = ("chief", "worker")  # in the order of their ranks
TIMEOUT = "TFZOO_CLUSTER_TIMEOUT"
_DEFAULT_TIMEOUT = 300.0
_PORTS_OF_SLURM = 15_000


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together, and which of them this one is.

    Args:
        jobs: "chief" or "worker" -> the addresses, `host:port`, of its tasks.
        task: the job and the index in it of this process.
    """

    jobs: dict[str, list[str]]
    task: tuple[str, int]

    @property
    def addresses(self) -> list[str]:
        """All addresses by rank; rank 0 is the chief, which writes what is written once."""
        return [address for job in JOBS for address in self.jobs.get(job, [])]

    @property
    def rank(self) -> int:
        """The place of this process among `addresses`."""
        job, index = self.task
        return index if job == JOBS[0] else len(self.jobs.get(JOBS[0], [])) + index


def find_cluster() -> Cluster | None:
    """The cluster of TF_CONFIG or else of Slurm's job step; None where neither speaks of one.

    Raises:
        ConfigError: TF_CONFIG or Slurm's environment names no usable cluster.

    Example:

    >>> os.environ["TF_CONFIG"] = json.dumps(
    ...     {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 1}}
    ... )
    >>> cluster = find_cluster()
    >>> cluster.addresses, cluster.rank
    (['a:2222', 'b:2222'], 1)
    >>> del os.environ["TF_CONFIG"]
    >>> find_cluster() is None
    True
    """
    if text := os.environ.get("TF_CONFIG"):
        return _from_tf_config(text)
    if os.environ.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        return _from_slurm()
    return None


def _from_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"TF_CONFIG is not JSON: {error}.") from None
    for key in ("cluster", "task"):
        if not isinstance(config, dict) or not isinstance(config.get(key), dict):
            raise ConfigError(
                f'TF_CONFIG has no "{key}"; it is {{"cluster": {{"worker": ["host:port", ...]}}, '
                '"task": {"type": "worker", "index": 0}}.'
            )
    jobs, task = config["cluster"], config["task"]
    _check_jobs(jobs)
    job, index = task.get("type"), str(task.get("index"))
    if job not in jobs:
        raise ConfigError(
            f"The task of TF_CONFIG has the type {job!r}, and its cluster has {_listed(jobs)}."
        )
    if not index.isdecimal() or int(index) >= len(jobs[job]):
        raise ConfigError(
            f"The task of TF_CONFIG has the index {task.get('index')!r}; "
            f"its cluster has {job} 0 to {len(jobs[job]) - 1}."
        )
    return Cluster(jobs, (job, int(index)))


def _check_jobs(jobs: dict[str, Any]) -> None:
    if not jobs or not set(jobs) <= set(JOBS):
        raise ConfigError(
            f"The cluster of TF_CONFIG has {_listed(jobs)}; tfzoo trains with a chief and workers, "
            "or with workers alone (Keras 3 has no parameter servers)."
        )
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not addresses:
            raise ConfigError(f"The {job} of TF_CONFIG must be a list of addresses host:port.")
        for address in addresses:
            _split(address)
    everyone = [address for addresses in jobs.values() for address in addresses]
    twice = sorted({address for address in everyone if everyone.count(address) > 1})
    if twice:
        raise ConfigError(f"TF_CONFIG gives {_listed(twice)} to more than one process.")


def _split(address: Any) -> tuple[str, int]:
    host, _, port = str(address).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ConfigError(f"TF_CONFIG has the address {address!r}; an address is host:port.")
    return host.strip("[]"), int(port)


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"


def _from_slurm() -> Cluster:
    """A worker per task of the job step; which GPUs each sees is Slurm's affair.

    The ports follow from the job's number, so that two jobs that share a machine do not meet.
    """
    try:
        job = int(os.environ.get("SLURM_JOB_ID", "0"))
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=_PORTS_OF_SLURM + job % 1000 * 16,
            # It would count GPUs with nvidia-smi, and fails without any; one a task is neutral.
            gpus_per_node=int(os.environ["SLURM_STEP_NUM_TASKS"]),
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        jobs = resolver.cluster_spec().as_dict()
    except (RuntimeError, ValueError, LookupError) as error:
        raise ConfigError(
            f"Slurm's environment describes no job step ({error}); "
            "start the workers with srun, or set TF_CONFIG."
        ) from None
    return Cluster(jobs, resolver.get_task_info())


def wait_for_peers(cluster: Cluster) -> None:
    """Returns when each process of a cluster has reached each other one.

    TensorFlow itself waits for its peers without an end and without a word. So before it opens
    this process' port, the processes greet each other there: each sends its rank to all others.

    Args:
        cluster: which processes there are. They have as many seconds to come as the environment
            variable TFZOO_CLUSTER_TIMEOUT says, 300 by default.

    Raises:
        ConfigError: the port of this process is taken, or some peer has not come in time.
    """
    limit = _timeout()
    addresses = cluster.addresses
    unheard = set(range(len(addresses))) - {cluster.rank}
    unreached = {rank: "no answer" for rank in unheard}
    deadline = time.monotonic() + limit
    with _listen(addresses[cluster.rank]) as server:
        while unheard or unreached:
            for rank in list(unreached):
                try:
                    _greet(addresses[rank], cluster.rank)
                    del unreached[rank]
                except OSError as error:
                    unreached[rank] = error.strerror or "no answer"
            unheard.discard(_hear(server))
            if time.monotonic() > deadline and (unheard or unreached):
                raise ConfigError(_missing(addresses, unheard, unreached, limit))


def _timeout() -> float:
    text = os.environ.get(TIMEOUT) or str(_DEFAULT_TIMEOUT)
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise ConfigError(f"{TIMEOUT} is {text!r}; it must be a number of seconds above 0.")


def _listen(address: str) -> socket.socket:
    port = _split(address)[1]
    both = socket.has_dualstack_ipv6()
    try:
        server = socket.create_server(
            ("", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
            backlog=1024,
        )
    except OSError as error:
        cause = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error})"
        raise ConfigError(
            f"The port of this worker's address {address} {cause}; "
            "end the process that has it, or give this worker another one."
        ) from None
    server.settimeout(0.1)
    return server


def _greet(address: str, rank: int) -> None:
    with socket.create_connection(_split(address), timeout=1) as peer:
        peer.sendall(b"%d\n" % rank)


def _hear(server: socket.socket) -> int | None:
    """The rank of the next process that greets; None for nobody, or a stranger."""
    try:
        peer, _ = server.accept()
        with peer:
            peer.settimeout(1)
            return int(peer.makefile("rb").readline(16))
    except (OSError, ValueError):
        return None


def _missing(
    addresses: list[str], unheard: set[int], unreached: dict[int, str], limit: float
) -> str:
    who = _listed(
        f"worker {rank} at {addresses[rank]} ({unreached.get(rank, 'it cannot reach this one')})"
        for rank in sorted(unheard | set(unreached))
    )
    return (
        f"After {limit:g} seconds there is no connection with {who}; start all workers with one "
        f"list of addresses, or set {TIMEOUT} to more seconds."
    )
