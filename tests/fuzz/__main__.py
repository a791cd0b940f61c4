"""Fuzzes the loaders with damaged and hostile weights.

    python -m tests.fuzz --count=10000 --seed=0

Every input must load, or be refused with one of tfzoo's errors, within 10 s and 1 GB and without a
change to any file but those in the cache. What does otherwise is a finding; the exit status is 1 if
there are any. One input is made again, and kept to be looked at, by

    python -m tests.fuzz --replay='huggingface/config.json:123'

Ten thousand inputs take about a quarter of an hour on two cores. Linux only.
"""

import fnmatch
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from absl import flags
from tqdm import tqdm

from tests.fuzz import formats, mutations, outcomes, runner, worker
from tfzoo.binaries.run import run
from tfzoo.errors import ConfigError


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_integer("count", 10_000, "number of inputs", 1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "another one makes other inputs", flag_values=values)
    flags.DEFINE_list("kinds", "*", "patterns of FORMAT/FILE, as in '*/*.json,hub*/*'", values)
    flags.DEFINE_string("replay", None, "KIND:NUMBER of the only input to run", values)


def main(values: flags.FlagValues) -> None:
    valid = formats.write_all()
    if values.replay:
        tasks = [_replayed(values.replay, valid)]
    else:
        tasks = planned(valid, values.kinds, values.count, values.seed)
    with tempfile.TemporaryDirectory(prefix="tfzoo-fuzz-") as folder:
        results = runner.fuzz(tasks, valid, Path(folder))
        done = list(tqdm(results, total=len(tasks), unit="input", disable=None))
    if values.replay:
        kept = Path(tempfile.mkdtemp(prefix="tfzoo-fuzz-input-"))
        worker.write_files(worker.make_input(*tasks[0], valid)[0], kept)
        print(f"The input is in {kept}.")
    print(outcomes.table(done))
    print(outcomes.faults(done))
    sys.exit(any(outcome.findings for outcome in done))


def planned(
    valid: Mapping[str, mutations.Files], patterns: list[str], count: int, seed: int
) -> list[tuple[str, int]]:
    """Kind and number of each input: all kinds that fit a pattern, in turn."""
    kinds = [
        kind
        for kind in mutations.kinds(valid)
        if any(fnmatch.fnmatchcase(kind, pattern) for pattern in patterns)
    ]
    if not kinds:
        raise ConfigError(f"No kind fits {', '.join(patterns)}; choose from {_known(valid)}.")
    numbers = random.Random(seed)
    return [(kinds[i % len(kinds)], numbers.randrange(10**9)) for i in range(count)]


def _replayed(text: str, valid: Mapping[str, mutations.Files]) -> tuple[str, int]:
    kind, _, number = text.rpartition(":")
    if kind not in mutations.kinds(valid) or not number.isdecimal():
        raise ConfigError(f"{text!r} is not KIND:NUMBER, where KIND is one of {_known(valid)}.")
    return kind, int(number)


def _known(valid: Mapping[str, mutations.Files]) -> str:
    return ", ".join(mutations.kinds(valid))


if __name__ == "__main__":
    run(main, define_flags)
