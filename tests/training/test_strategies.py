"""Strategies by name, and what two processes of one say to each other."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, TrainingError
from tfzoo.training import strategies
from tfzoo.training.cluster import Cluster
from tfzoo.training.strategies import agreed, clear_peer_errors, get_strategy, is_chief, num_workers

# Two processes agree on things, then add ones until one of them is gone.
WORKER = """
import tensorflow as tf
from tfzoo.errors import TrainingError
from tfzoo.training.strategies import agreed, clear_peer_errors, get_strategy, is_chief, num_workers

strategy = get_strategy("auto")
rank = strategy.cluster_resolver.task_id
assert is_chief(strategy) == (rank == 0)
assert num_workers(strategy) == 2
assert [agreed(strategy, rank == said) for said in (0, 1, 2)] == [True, True, False]

@tf.function
def add():
    one = tf.ones([])
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, one)

try:
    with clear_peer_errors(strategy):
        for step in range(100_000):
            strategy.run(add)
            if step == 10:
                print("step 10 of", strategy.num_replicas_in_sync, flush=True)
except TrainingError as error:
    print(error)
"""


def test_names(monkeypatch):
    assert get_strategy("one_device") is tf.distribute.get_strategy()
    assert get_strategy() is tf.distribute.get_strategy()
    mirrored = get_strategy("mirrored")
    assert isinstance(mirrored, tf.distribute.MirroredStrategy)
    for strategy in (mirrored, get_strategy()):
        assert is_chief(strategy)
        assert num_workers(strategy) == 1
        assert agreed(strategy, True)
        assert not agreed(strategy, False)
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(ConfigError, match="TF_CONFIG is not JSON"):
        get_strategy()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parameter_server", "no strategy 'parameter_server'; choose .* no parameter servers"),
        ("multi_worker", "multi_worker needs TF_CONFIG or Slurm's srun"),
        ("tpu", r"No TPU can be used \(.*\); give its name, or choose another strategy"),
    ],
)
def test_strategies_that_cannot_be_had(name, message):
    with pytest.raises(ConfigError, match=message):
        get_strategy(name)


def test_errors_of_a_single_process_stay_what_they_are():
    error = tf.errors.UnavailableError(None, None, "Collective ops is aborted")
    with pytest.raises(tf.errors.UnavailableError), clear_peer_errors(get_strategy()):
        raise error


@pytest.mark.parametrize(
    ("peer", "cause"),
    [
        (0, "Socket closed\nAdditional GRPC error from remote target /job:chief/replica:0/task:0"),
        (2, "Error reported from /job:worker/task:1: The following tasks are unhealthy (stopped "),
    ],
)
def test_the_worker_that_is_gone_is_named(monkeypatch, peer, cause):
    cluster = Cluster({"chief": ["c:1"], "worker": ["a:2", "b:3"]}, ("worker", 0))
    monkeypatch.setattr(strategies, "_cluster_of", lambda _: cluster)
    message = f"at /job:worker/replica:0/task:0: Collective ops is aborted by: {cause}"
    lost = f"The connection with worker {peer} at {cluster.addresses[peer]} is lost"
    with pytest.raises(TrainingError, match=lost), clear_peer_errors(get_strategy()):
        raise tf.errors.UnavailableError(None, None, message)
    with pytest.raises(tf.errors.UnavailableError), clear_peer_errors(get_strategy()):
        raise tf.errors.UnavailableError(None, None, "a file server is away")


def test_two_workers_agree_and_one_ends_clearly_when_the_other_is_killed():
    victim = 1  # the chief, without which there are no heartbeats, is missed sooner
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env={
                **os.environ,
                "TF_CONFIG": json.dumps(
                    {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
                ),
                "TFZOO_CLUSTER_TIMEOUT": "90",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        assert workers[victim].stdout.readline() == "step 10 of 2\n"
        workers[victim].send_signal(signal.SIGKILL)
        output, _ = workers[1 - victim].communicate(timeout=60)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert output == (
        f"step 10 of 2\nThe connection with worker {victim} at {addresses[victim]} is lost; "
        "start all workers again with the same command to go on from the last checkpoint.\n"
    )
    assert workers[1 - victim].returncode == 0
