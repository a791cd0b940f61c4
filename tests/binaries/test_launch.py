"""Several workers of one command on this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from absl import flags

from tfzoo import launch
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError

TASK = "import json, os, sys, time; config = json.loads(os.environ['TF_CONFIG'])\n"
TASK += "index = config['task']['index']\n"


@pytest.fixture(autouse=True)
def own_signals():
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def start(program, *arguments):
    values = flags.FlagValues()
    launch.define_flags(values)
    parse(values, ["launch", *arguments])
    return launch.main(values, [sys.executable, "-c", TASK + program] if program else [])


def test_workers_get_one_cluster_and_print_with_their_number(capfd):
    assert start("print(os.environ['TF_CONFIG'])", "--num_workers=3") == 0
    lines = sorted(capfd.readouterr().out.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] ", "[2] "]
    configs = [json.loads(line[4:]) for line in lines]
    assert [each["task"] for each in configs] == [
        {"type": "worker", "index": index} for index in range(3)
    ]
    assert len({json.dumps(each["cluster"]) for each in configs}) == 1
    assert len(set(configs[0]["cluster"]["worker"])) == 3


def test_the_status_of_the_first_failure_and_an_end_to_the_others():
    start_time = time.monotonic()
    program = "sys.exit(7) if index else time.sleep(60)"
    assert start(program, "--grace=0.3") == 7
    assert time.monotonic() - start_time < 20


def test_a_worker_killed_by_a_signal_counts_as_failed():
    assert start("os.kill(os.getpid(), 9)", "--num_workers=1") == 128 + 9


def test_sigterm_reaches_every_worker(capfd):
    program = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    program += "print('ready')\ntime.sleep(60)"
    timer = threading.Timer(3, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    assert start(program, "--grace=30") == 5
    timer.join()
    assert sorted(capfd.readouterr().out.split()) == ["[0]", "[1]", "ready", "ready"]


@pytest.mark.skipif(not os.path.exists("/proc"), reason="it looks for processes in /proc")
def test_no_worker_outlives_a_launcher_that_is_killed():
    command = [sys.executable, "-m", "tfzoo.launch", "--", sys.executable, "-c"]
    command += [TASK + "print(os.getpid()); time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        workers = [int(launcher.stdout.readline().split()[1]) for _ in range(2)]
        assert all(map(runs, workers))
        launcher.kill()
    deadline = time.monotonic() + 10
    while any(runs(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_whose_output_nobody_reads_ends(monkeypatch):
    def nobody(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr(launch, "print", nobody, raising=False)
    start_time = time.monotonic()
    assert start("while True: print(1000 * '1')", "--num_workers=1") != 0
    assert time.monotonic() - start_time < 30


def runs(pid):
    """Whether a process lives; an ended one that nobody has waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_nothing_to_run():
    with pytest.raises(ConfigError, match="There is no command; write it after --"):
        start("")
    values = flags.FlagValues()
    launch.define_flags(values)
    parse(values, ["launch"])
    with pytest.raises(ConfigError, match="'no-such-program' cannot be run: No such file"):
        launch.main(values, ["no-such-program"])
