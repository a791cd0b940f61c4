"""Starts several workers of a command on this machine, to try out training with many of them.

  python -m tfzoo.launch --num_workers=2 -- \\
      python -m tfzoo.train --config=configs/bert_sms_spam.py --strategy=multi_worker

Each worker gets a TF_CONFIG with free ports of 127.0.0.1; each line that it prints starts with its
number. SIGTERM and Ctrl-C go to all of them. When one fails, the others have --grace seconds to end
by themselves, and its status becomes the launcher's. The workers share the cores and see the same
GPUs: to use the GPUs of one machine, --strategy=mirrored does in one process what this does not.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from absl import flags

from tfzoo.binaries.run import run
from tfzoo.errors import ConfigError


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_integer("num_workers", 2, "how many processes", flag_values=values, lower_bound=1)
    flags.DEFINE_float(
        "grace",
        60.0,
        "seconds that workers have to end after one failed",
        flag_values=values,
        lower_bound=0.0,
    )


def main(values: flags.FlagValues, command: list[str]) -> int:
    if not command:
        raise ConfigError("There is no command; write it after --, such as -- python train.py.")
    workers = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: _send(workers, number))
    addresses = _free_addresses(values.num_workers)
    with _guard() as guard:
        for index in range(values.num_workers):
            workers.append(_start(command, addresses, index))
            guard.stdin.write(b"-%d\n" % workers[-1].pid)
            guard.stdin.flush()
        printers = [
            threading.Thread(target=_print_lines, args=(index, worker), daemon=True)
            for index, worker in enumerate(workers)
        ]
        for printer in printers:
            printer.start()
        status = _wait(workers, values.grace)
        for printer in printers:
            printer.join(timeout=5)  # a child of a worker may keep its output open
        guard.kill()
    return status


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def _start(command: list[str], addresses: list[str], index: int) -> subprocess.Popen:
    task = {"type": "worker", "index": index}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    try:
        return subprocess.Popen(
            command,
            env={**os.environ, "TF_CONFIG": config, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C comes once, from here, and _send reaches its children
        )
    except OSError as error:
        raise ConfigError(f"The command {command[0]!r} cannot be run: {error.strerror}.") from None


def _print_lines(index: int, worker: subprocess.Popen) -> None:
    # Where nobody reads on, as after `| head`, the worker is told so, instead of waiting forever.
    with contextlib.suppress(BrokenPipeError), worker.stdout:
        for line in worker.stdout:
            # Together with its end, so that the lines of two workers stay whole.
            print(f"[{index}] {line.rstrip()}\n", end="", flush=True)


def _guard() -> subprocess.Popen:
    """A process that kills the process groups that it is told, when this one ends before it."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'while read group; do set -- "$@" "$group"; done; kill -KILL "$@"', "sh"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait(workers: list[subprocess.Popen], grace: float) -> int:
    """The status of the worker that failed first, or 0, when all have ended."""
    first, deadline = None, None
    while running := [worker for worker in workers if worker.poll() is None]:
        if first is None:
            first = next((worker for worker in workers if worker.returncode), None)
            deadline = time.monotonic() + grace
        elif time.monotonic() > deadline:
            _send(running, signal.SIGKILL)
        time.sleep(0.1)
    status = (first or max(workers, key=lambda worker: abs(worker.returncode))).returncode
    return 128 - status if status < 0 else status  # as a shell reports a signal


def _send(workers: list[subprocess.Popen], number: int) -> None:
    for worker in workers:
        if worker.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # a signal may come inside of poll()
                os.killpg(worker.pid, number)


if __name__ == "__main__":
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    command = sys.argv[split + 1 :]
    del sys.argv[split:]
    run(lambda values: main(values, command), define_flags)
