"""Kills trainings, and looks whether they end as if nothing had happened.

    python -m tests.kills --kills=20

A training with dropout, masking, validation and averaged weights writes a checkpoint every 2 steps.
It is killed with SIGKILL a few steps after its start, while it writes a checkpoint, and while it
starts, in turn, and started again each time. The losses of all its steps, its history, its final
weights and what it evaluates and predicts are compared to the bit with those of the same training
left alone. `--families=all --tasks=masked_lm,classifier` does so with every family.

    python -m tests.kills --workers=2

kills one of two workers instead, waits until the other ends by itself, starts both again, and
compares with two workers left alone. The exit status is 1 if anything differs. Linux only.
"""

import dataclasses
import random
import sys
import tempfile
import time

from absl import flags

from tests.kills import killer
from tests.kills.worker import MODELS, STEPS_PER_EPOCH, TASKS, Run
from tfzoo.binaries.run import run

_LIMIT = 60.0  # seconds in which a worker ends after another one
_STEPS_A_LIFE = 7  # at most, on average


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_integer("kills", 20, "of each training", 1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "decides when", flag_values=values)
    flags.DEFINE_integer("workers", 1, "processes that train together", 1, flag_values=values)
    names = [*MODELS, "all"]
    flags.DEFINE_multi_enum("families", ["bert"], names, "which models", flag_values=values)
    flags.DEFINE_multi_enum("tasks", ["masked_lm"], TASKS, "and tasks", flag_values=values)


def main(values: flags.FlagValues) -> None:
    families = MODELS if "all" in values.families else values.families
    found = []
    for family in families:
        for task in values.tasks:
            print(f"{family} {task}")
            with tempfile.TemporaryDirectory(prefix="tfzoo-kills-") as folder:
                runs = [Run(f"{folder}/{name}", family, task) for name in ("alone", "killed")]
                if values.workers > 1:
                    found += one_of_several(*runs, values.workers)
                else:
                    found += alone(*runs, values.kills, values.seed)
    print("\n".join(found) or "Nothing differs.")
    sys.exit(bool(found))


def alone(whole: Run, killed: Run, kills: int, seed: int) -> list[str]:
    """What differs between a training and the same one killed so many times."""
    epochs = max(4, kills * _STEPS_A_LIFE // STEPS_PER_EPOCH)
    whole, killed = (
        dataclasses.replace(each, epochs=epochs, pause=0.01) for each in (whole, killed)
    )
    expected = killer.live(whole, "end", random.Random(seed))
    lives = []
    for number, life in enumerate(killer.lives(killed, kills, seed)):
        steps = sorted(life.losses)
        told = f"steps {steps[0]} to {steps[-1]} of {whole.steps}" if steps else "no step"
        also = ", a checkpoint half written" if life.half_written else ""
        print(f"{number:4}  {life.moment:10}  {told}{also}", flush=True)
        lives.append(life)
    found = killer.differences(lives, expected, whole.steps)
    if len(lives) <= kills:
        found.append(f"it ended after {len(lives) - 1} kills")
    return found + killer.different_results(whole, killed)


def one_of_several(whole: Run, killed: Run, count: int) -> list[str]:
    """What differs between several workers and the same ones, of which one is killed."""
    whole, killed = (
        dataclasses.replace(each, strategy="multi_worker", epochs=4) for each in (whole, killed)
    )
    with killer.workers(whole, count) as workers:
        for worker in workers:
            worker.end()
        expected = workers[0].losses
    found = []
    with killer.workers(killed, count) as workers:
        while workers[0].runs and len(workers[0].losses) < whole.steps // 2:
            time.sleep(0.01)
        workers[-1].kill()
        start = time.monotonic()
        for worker in workers[:-1]:
            status, said = worker.end(timeout=_LIMIT)
            print(f"after {time.monotonic() - start:.1f} s, status {status}: {said}", flush=True)
            if "is lost; start all workers again" not in said:
                found.append("a worker does not say what happened")
        first = workers[0].losses
    with killer.workers(killed, count) as workers:
        for worker in workers:
            worker.end()
        second = workers[0].losses
    print(f"steps {min(first)} to {max(first)}, then {min(second)} to {max(second)}")
    lives = [killer.Killed("step", first), killer.Killed("end", second)]
    found += killer.differences(lives, killer.Killed("end", expected), whole.steps)
    for rank in range(count):
        found += killer.different_results(whole, killed, rank)
    return found


if __name__ == "__main__":
    run(main, define_flags)
