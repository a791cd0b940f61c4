"""A process of the fuzzer: makes inputs, loads them, and watches what that does to the machine.

The runner starts it in a sandbox, a folder that holds the input, the cache, and everything else
that a program writes to without being told where: HOME, TMPDIR, the working directory.
"""

import gc
import os
import pkgutil
import re
import resource
import shutil
import stat
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.dice import Dice
from tests.fuzz.mutations import Files, mutated
from tests.fuzz.outcomes import Finding, Outcome
from tfzoo.errors import TfzooError

AREA = "area"  # the part of the sandbox that is made anew for every input
FOLDERS = {"HOME": "home", "TMPDIR": "tmp", "TFZOO_CACHE": "cache", "PWD": "cwd"}
# What `resolve` may leave in the cache: an entry, its record and its lock. Folders end in "/".
_CACHED = re.compile(rf"{AREA}/cache/[^/]+((?<!\.partial)/|\.lock|/source\.json|/files/.*)")


@dataclass(frozen=True)
class Limits:
    """What an input may cost.

    Args:
        seconds: of time.
        memory: bytes of resident memory, above what the process had before.
    """

    seconds: float = 10.0
    memory: int = 2**30


@dataclass(frozen=True)
class Job:
    """What a worker is told when it starts.

    Args:
        sandbox: its folder.
        load: the function under test, "module:name"; it takes the folder of an input.
        valid: format -> the files of its valid input.
        limits: what an input may cost.
    """

    sandbox: Path
    load: str
    valid: Mapping[str, Files]
    limits: Limits


def main() -> None:
    """Serves the runner until it hangs up."""
    connection = Connection(int(sys.argv[1]))
    job: Job = connection.recv()
    load = pkgutil.resolve_name(job.load)
    connection.send(_warmed_up(job, load))
    while True:
        try:
            kind, number = connection.recv()
        except EOFError:
            return
        os.ftruncate(sys.stderr.fileno(), 0)  # so that it is all of this input
        connection.send(_judged(kind, number, job, load))


def make_input(kind: str, number: int, valid: Mapping[str, Files]) -> tuple[dict[str, bytes], Dice]:
    """The files of an input, and the dice that made them."""
    dice = Dice(f"{kind}:{number}")
    return mutated(kind, valid[kind.partition("/")[0]], dice), dice


def write_files(files: Files, folder: Path) -> None:
    """Writes an input into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def make_area(sandbox: Path, files: Files) -> Path:
    """Empties a sandbox and puts an input into it, whose folder is returned."""
    area = sandbox / AREA
    shutil.rmtree(area, ignore_errors=True)
    for name in FOLDERS.values():
        (area / name).mkdir(parents=True)
    (area / "canary.txt").write_text("alive")
    (area / "input").mkdir()
    write_files(files, area / "input")
    return area / "input"


def _warmed_up(job: Job, load: Callable[[Path], None]) -> str | None:
    """Loads every valid input, so that no input pays for imports; the error if one is refused."""
    for name, files in job.valid.items():
        folder = make_area(job.sandbox, files)
        os.chdir(folder.parent / "cwd")
        try:
            load(folder)
        except Exception:
            return f"The valid input of {name} does not load.\n{traceback.format_exc()}"
    gc.collect()
    gc.freeze()
    room = _memory("VmSize") + 4 * job.limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    return None


def _judged(kind: str, number: int, job: Job, load: Callable[[Path], None]) -> Outcome:
    outcome = Outcome(kind, number, "failed")
    try:
        files, dice = make_input(kind, number, job.valid)
    except Exception as error:
        outcome.findings.append(_raised("fault of the fuzzer", error))
        return outcome
    outcome.mutations = " > ".join(dice.chosen)
    folder = make_area(job.sandbox, files)
    os.chdir(folder.parent / "cwd")
    listing = _listing(job.sandbox)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    memory = _memory("VmRSS")
    _load(load, folder, outcome)
    grown = _memory("VmHWM") - memory
    if grown > job.limits.memory:
        finding = Finding(f"memory in {kind}", f"{grown / 2**20:.0f} MiB more at its peak")
        outcome.findings.append(finding)
    if strays := _strays(listing, _listing(job.sandbox)):
        outcome.findings.append(Finding(f"files in {kind}", ", ".join(strays[:5])))
    return outcome


def _load(load: Callable[[Path], None], folder: Path, outcome: Outcome) -> None:
    """Loads an input, and notes how that ended, what it warned of and how long it took."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            load(folder)
            outcome.verdict = "loaded"
        except TfzooError:
            outcome.verdict = "refused"
        except (Exception, SystemExit) as error:
            outcome.findings.append(_raised("exception", error))
    outcome.seconds = time.perf_counter() - start
    outcome.findings += [_warning(each) for each in warned if each.category is not UserWarning]


def _raised(what: str, error: BaseException) -> Finding:
    place = places("".join(traceback.format_exception(error)))[-1]
    return Finding(f"{what} {type(error).__name__} in {place}", f"{error!s:.500}")


def _warning(warning: warnings.WarningMessage) -> Finding:
    place = f"{Path(warning.filename).name}:{warning.lineno}"
    return Finding(f"warning {warning.category.__name__} in {place}", str(warning.message))


def places(trace: str) -> list[str]:
    """Where a traceback has been, in tfzoo if it has been there, as file:line."""
    places = re.findall(r'File "([^"]*)", line (\d+)', trace)
    ours = [(file, line) for file, line in places if "/tfzoo/" in file] or places
    return [f"{file.rpartition('/tfzoo/')[2]}:{line}" for file, line in ours] or ["nowhere"]


def _memory(name: str) -> int:
    """A size of this process as Linux states it, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{name}:\s+(\d+)", status)[1])


def _listing(folder: Path) -> dict[str, tuple]:
    """Everything in a folder with what would show a change; folders end in "/"."""
    listing = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        name = path.relative_to(folder).as_posix()
        if stat.S_ISDIR(status.st_mode):
            listing[f"{name}/"] = (status.st_mode,)
        elif name != "stderr.txt":
            listing[name] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return listing


def _strays(before: dict[str, tuple], after: dict[str, tuple]) -> list[str]:
    changed = {name for name, _ in before.items() ^ after.items()}
    return sorted(name for name in changed if not _CACHED.fullmatch(name))


if __name__ == "__main__":
    main()
