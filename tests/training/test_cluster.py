"""Who the workers are, and waiting for them."""

import contextlib
import json
import socket
import threading
import time

import pytest

from tfzoo.errors import ConfigError
from tfzoo.training.cluster import Cluster, find_cluster, wait_for_peers

WORKERS = {"worker": ["a:1", "b:2"]}


def config(cluster=WORKERS, **task):
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0, **task}})


@pytest.fixture
def tf_config(monkeypatch):
    return lambda text: monkeypatch.setenv("TF_CONFIG", text)


def free_addresses(count):
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def test_the_chief_comes_before_the_workers(tf_config):
    tf_config(config({"worker": ["a:1", "b:2"], "chief": ["c:3"]}, index="1"))
    assert find_cluster().addresses == ["c:3", "a:1", "b:2"]
    assert find_cluster().rank == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG is not JSON: Expecting property name"),
        ("[]", 'TF_CONFIG has no "cluster"; it is {"cluster": {"worker": '),
        ('{"cluster": {}}', 'TF_CONFIG has no "task"'),
        (config({}), "The cluster of TF_CONFIG has nothing"),
        (config({**WORKERS, "ps": ["c:3"]}), "has worker, ps; .* no parameter servers"),
        (config({"worker": "a:1"}), "The worker of TF_CONFIG must be a list of addresses"),
        (config({"worker": ["a"]}), "TF_CONFIG has the address 'a'; an address is host:port"),
        (config({"worker": ["a:70000"]}), "TF_CONFIG has the address 'a:70000'"),
        (config({"worker": ["a:1", "b:2", "a:1"]}), "gives a:1 to more than one process"),
        (config(type="chief"), "has the type 'chief', and its cluster has worker"),
        (config(index=2), "has the index 2; its cluster has worker 0 to 1"),
        (config(index=-1), "has the index -1; its cluster has worker 0 to 1"),
        (config(index=None), "has the index None"),
    ],
)
def test_a_tf_config_that_names_no_cluster(tf_config, text, message):
    tf_config(text)
    with pytest.raises(ConfigError, match=message):
        find_cluster()


def test_the_tasks_of_a_slurm_step(monkeypatch):
    step = {"NUM_TASKS": "3", "NODELIST": "n[1-2]", "TASKS_PER_NODE": "2,1"}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_STEP_{name}", value)
    monkeypatch.setenv("SLURM_JOB_ID", "2001")
    monkeypatch.setenv("SLURM_PROCID", "2")
    assert find_cluster() == Cluster(
        {"worker": ["n1:15016", "n1:15017", "n2:15016"]}, ("worker", 2)
    )
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(ConfigError, match=r"STEP_NODELIST not found .* start the workers"):
        find_cluster()


def test_workers_wait_for_each_other():
    addresses = free_addresses(3)
    here = []

    def come(rank, delay):
        time.sleep(delay)
        wait_for_peers(Cluster({"worker": addresses}, ("worker", rank)))
        here.append(time.monotonic())

    start = time.monotonic()
    workers = [threading.Thread(target=come, args=(rank, rank / 2)) for rank in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
    assert len(here) == 3
    assert min(here) - start > 1


def test_a_peer_that_does_not_come(monkeypatch):
    monkeypatch.setenv("TFZOO_CLUSTER_TIMEOUT", "0.5")
    mine, other = free_addresses(2)
    message = rf"After 0.5 seconds there is no connection with worker 1 at {other} \(Connection re"
    with pytest.raises(ConfigError, match=message):
        wait_for_peers(Cluster({"worker": [mine, other]}, ("worker", 0)))


def test_a_peer_that_answers_and_never_greets(monkeypatch):
    monkeypatch.setenv("TFZOO_CLUSTER_TIMEOUT", "0.5")
    (mine,) = free_addresses(1)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        other = f"127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises(ConfigError, match=r"worker 1 at .* \(it cannot reach this one\)"):
            wait_for_peers(Cluster({"worker": [mine, other]}, ("worker", 0)))


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mine = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"address {mine} is taken; end the process"):
            wait_for_peers(Cluster({"worker": [mine, "b:2"]}, ("worker", 0)))


@pytest.mark.parametrize("text", ["soon", "0", "nan"])
def test_a_time_limit_that_is_none(monkeypatch, text):
    monkeypatch.setenv("TFZOO_CLUSTER_TIMEOUT", text)
    with pytest.raises(ConfigError, match=f"TFZOO_CLUSTER_TIMEOUT is '{text}'; it must be"):
        wait_for_peers(Cluster(WORKERS, ("worker", 0)))
