"""Feeds inputs to worker processes, and outlives what they do not."""

import contextlib
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

from tests.fuzz.mutations import Files
from tests.fuzz.outcomes import Finding, Outcome
from tests.fuzz.worker import AREA, FOLDERS, Job, Limits, make_area, make_input, places

ROOT = Path(__file__).parents[2]
LOAD = "tests.fuzz.targets:load"
LIMITS = Limits()
_START_SECONDS = 300


def fuzz(
    tasks: Sequence[tuple[str, int]],
    valid: Mapping[str, Files],
    folder: Path,
    load: str = LOAD,
    limits: Limits = LIMITS,
    workers: int = 2,
) -> Iterator[Outcome]:
    """What becomes of every input, in the order in which that is known.

    Args:
        tasks: kind and number of each input.
        valid: format -> the files of its valid input.
        folder: an empty folder for the workers' sandboxes.
        load: the function under test, as `Job.load`.
        limits: what an input may cost.
        workers: number of processes.

    Raises:
        RuntimeError: a worker does not start, or a valid input does not load.
    """
    idle: queue.Queue[Worker] = queue.Queue()

    def run(task: tuple[str, int]) -> Outcome:
        worker = idle.get()
        try:
            return worker.run(*task)
        finally:
            idle.put(worker)

    with contextlib.ExitStack() as stack:
        for number in range(workers):
            worker = Worker(Job(folder / str(number), load, valid, limits))
            stack.callback(worker.stop)
            idle.put(worker)
        pool = stack.enter_context(ThreadPool(workers))
        yield from pool.imap_unordered(run, tasks)


class Worker:
    """A worker process, started when there is something to do, and again after it has died.

    Args:
        job: what it is told.
    """

    def __init__(self, job: Job):
        self._job = job
        self._process: subprocess.Popen | None = None

    def run(self, kind: str, number: int) -> Outcome:
        """What becomes of one input."""
        if self._process is None:
            self._start()
        self._connection.send((kind, number))
        start = time.perf_counter()
        try:
            if self._connection.poll(self._job.limits.seconds):
                return self._connection.recv()
            what, detail = "hang", f"no answer after {self._job.limits.seconds:g} s"
            self._die_with_traceback()
        except EOFError:
            code = self._process.wait()
            name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            what, detail = f"crash by {name}", self._errors()[:500]
        seconds = time.perf_counter() - start
        self.stop()
        where = places(self._errors())[0]  # of faulthandler, the innermost frame comes first
        _, dice = make_input(kind, number, self._job.valid)
        finding = Finding(f"{what} in {where}", detail)
        return Outcome(kind, number, "failed", [finding], " > ".join(dice.chosen), seconds)

    def stop(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _die_with_traceback(self) -> None:
        """Makes faulthandler write where the process is."""
        self._process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def _start(self) -> None:
        sandbox = self._job.sandbox
        make_area(sandbox, {})
        homes = {name: str(sandbox / AREA / folder) for name, folder in FOLDERS.items()}
        self._connection, theirs = multiprocessing.Pipe()
        with theirs, (sandbox / "stderr.txt").open("ab") as errors:
            command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.worker"]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                env={**os.environ, **homes, **_ENVIRONMENT},
                cwd=homes["PWD"],
                pass_fds=[theirs.fileno()],
                stdout=errors,
                stderr=errors,
            )
        self._connection.send(self._job)
        try:
            if not self._connection.poll(_START_SECONDS):
                raise RuntimeError(f"A worker does not start.\n{self._errors()}")
            problem = self._connection.recv()
        except EOFError:
            raise RuntimeError(f"A worker died at its start.\n{self._errors()}") from None
        if problem:
            raise RuntimeError(problem)

    def _errors(self) -> str:
        return (self._job.sandbox / "stderr.txt").read_text(errors="replace")


_ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "CUDA_VISIBLE_DEVICES": "-1",
    "TFZOO_OFFLINE": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
}
