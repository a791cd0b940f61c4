"""Starts workers, kills them, and reads what they leave."""

import contextlib
import dataclasses
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kills.worker import Run
from tfzoo.launch import _free_addresses

ROOT = Path(__file__).parents[2]
_POLL = 0.0005  # seconds; a checkpoint of these models takes a few milliseconds
MOMENTS = ("step", "checkpoint", "start")


@dataclasses.dataclass
class Killed:
    """One life of a worker.

    Args:
        moment: one of `MOMENTS`, or "end" for the life that nobody cut short.
        losses: step -> its loss, of the steps of this life.
        half_written: whether a checkpoint was being written when it was killed.
    """

    moment: str
    losses: dict[int, str]
    half_written: bool = False


class Worker:
    """A running `Run`, killed at the end of the block at the latest."""

    def __init__(self, run: Run, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tfzoo-worker-")
        self._told, self._said = (Path(self._folder.name, name) for name in ("told", "said"))
        with self._told.open("w") as told, self._said.open("w") as said:
            self._process = subprocess.Popen(
                run.command,
                cwd=ROOT,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
                stdout=told,
                stderr=said,
            )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def losses(self) -> dict[int, str]:
        """Step -> loss of the steps so far."""
        lines = self._told.read_text().splitlines(keepends=True)
        pairs = [line.split() for line in lines if line.endswith("\n")]
        return {int(step): loss for step, loss in pairs}

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self, timeout: float | None = None) -> tuple[int, str]:
        """Its status and what it says on its last line, when it ends by itself."""
        status = self._process.wait(timeout)
        return status, self._said.read_text(errors="replace").strip().rpartition("\n")[2]


def live(run: Run, moment: str, rng: random.Random) -> Killed:
    """A worker's life until the moment, or to its end.

    Args:
        run: what it does.
        moment: "step", a few steps after its first one; "checkpoint", when a checkpoint is being
            written; "start", a few seconds after its start; "end", not at all.
        rng: chooses the details.

    Raises:
        RuntimeError: it failed by itself.
    """
    checkpoints = Path(run.folder, "checkpoints")
    steps, seconds = rng.randint(3, 8), rng.uniform(0, 5)
    start, skipped = time.monotonic(), rng.randint(1, 3)
    left = _half_written(checkpoints)
    with Worker(run) as worker:
        while worker.runs:
            half_written = _half_written(checkpoints) - left
            if moment == "step" and len(worker.losses) >= steps:
                time.sleep(rng.uniform(0, 0.02))
                break
            if moment == "checkpoint" and half_written and len(worker.losses) > 2 * skipped:
                break
            if moment == "start" and time.monotonic() - start > seconds:
                break
            time.sleep(_POLL if worker.losses else 0.02)
        ended = not worker.runs
        if ended:
            status, said = worker.end()
            if status:
                raise RuntimeError(f"A worker ended with the status {status}: {said}")
        worker.kill()
        half_written = _half_written(checkpoints) - left
        return Killed("end" if ended else moment, worker.losses, bool(half_written))


def _half_written(folder: Path) -> set[Path]:
    return set(folder.glob(".step-*"))


def lives(run: Run, kills: int, seed: int) -> Iterator[Killed]:
    """Kills a run so many times, and lets it end.

    Args:
        run: as long that it does not end before.
        kills: how many times.
        seed: decides when.
    """
    rng = random.Random(seed)
    for number in range(kills):
        life = live(run, MOMENTS[number % len(MOMENTS)], rng)
        yield life
        if life.moment == "end":
            return
    yield live(run, "end", rng)


def result(run: Run, rank: int = 0) -> dict[str, Any]:
    """What a worker that ended has left; see `tests.kills.worker.train`."""
    return json.loads(Path(run.folder, f"result-{rank}.json").read_text())


def different_results(whole: Run, killed: Run, rank: int = 0) -> list[str]:
    """In what a run that was killed ended differently."""
    theirs, ours = result(whole, rank), result(killed, rank)
    return [
        f"worker {rank} ends with other {name}" for name in theirs if ours[name] != theirs[name]
    ]


def differences(lives: list[Killed], expected: Killed, steps: int) -> list[str]:
    """Which losses are other ones than those of a run that nobody killed, or missing."""
    found, seen = [], set()
    for number, life in enumerate(lives):
        seen |= life.losses.keys()
        if wrong := [step for step in life.losses if life.losses[step] != expected.losses[step]]:
            found.append(f"life {number} has other losses at the steps {wrong}")
    if missing := set(range(1, steps + 1)) - seen:
        found.append(f"the steps {sorted(missing)} were never told")
    return found


@contextlib.contextmanager
def workers(run: Run, count: int) -> Iterator[list[Worker]]:
    """Several workers of one run."""
    addresses = _free_addresses(count)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Worker(run, TF_CONFIG=_config(addresses, index)))
            for index in range(count)
        ]


def _config(addresses: list[str], index: int) -> str:
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})
