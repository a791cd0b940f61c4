"""The cache: a folder per downloaded or unpacked thing, either complete or absent."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tfzoo.errors import HandleError

_RECORD = "source.json"


def cache_folder() -> Path:
    """Where downloads are kept: `$TFZOO_CACHE`, or `~/.cache/tfzoo`."""
    return Path(os.path.expanduser(os.environ.get("TFZOO_CACHE") or "~/.cache/tfzoo"))


def offline() -> bool:
    """Whether `TFZOO_OFFLINE` forbids the network (any value but empty, `0` and `false`)."""
    return os.environ.get("TFZOO_OFFLINE", "").lower() not in ("", "0", "false")


def cached(
    source: str, build: Callable[[Path], tuple[Path, str | None]], sha256: str | None = None
) -> Path:
    """The cache's entry for `source`, built on the first call.

    Of several processes that ask at once, one builds and the others wait for it. The entry appears
    by one rename when it is complete; a build that fails or is killed leaves none, and what a
    killed one left is removed by the next.

    Args:
        source: what the entry is made from, for example a URL without credentials. It is the key.
        build: fills the empty folder that it is given, and returns the path of the result inside
            that folder and the SHA-256 of the file that it came from (None where there is no
            single one).
        sha256: what that SHA-256 must be for an entry that is already there.

    Returns:
        The path of the result in the cache.

    Raises:
        HandleError: the disk is full, the cache cannot be written, or the entry that is there has
            another SHA-256. What `build` raises passes through.

    Example:
        >>> import tempfile
        >>> def build(folder):
        ...     (folder / "greeting.txt").write_text("hello")
        ...     return folder / "greeting.txt", None
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.environ["TFZOO_CACHE"] = folder
        ...     cached("example", build).read_text()
        'hello'
        >>> del os.environ["TFZOO_CACHE"]
    """
    folder = cache_folder() / _entry_name(source)
    try:
        record = _read_record(folder) or _build_locked(source, folder, build)
    except OSError as error:
        raise _unusable(error) from error
    if sha256 and record["sha256"] != sha256.lower():
        raise HandleError(
            f"The cached copy of {source} has the SHA-256 {record['sha256']} instead of "
            f"{sha256.lower()}; delete the folder {folder} to download it again."
        )
    return folder / record["result"]


def _build_locked(
    source: str, folder: Path, build: Callable[[Path], tuple[Path, str | None]]
) -> dict:
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        # Another process may have built it while this one waited.
        return _read_record(folder) or _build(source, folder, build)


def _build(source: str, folder: Path, build: Callable[[Path], tuple[Path, str | None]]) -> dict:
    partial = folder.with_name(f"{folder.name}.partial")
    if partial.exists():  # left by a process that was killed
        shutil.rmtree(partial)
    partial.mkdir()
    try:
        result, digest = build(partial)
        record = {
            "source": source,
            "sha256": digest,
            "result": result.relative_to(partial).as_posix(),
        }
        (partial / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # an entry that somebody damaged
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return record


def _read_record(folder: Path) -> dict | None:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return record if (folder / record["result"]).exists() else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _entry_name(source: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9.=]+", "-", source.partition("://")[2] or source)
    return f"{readable.strip('-.')[:80]}-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def _unusable(error: OSError) -> HandleError:
    folder = cache_folder()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HandleError(
            f"The disk of the cache folder {folder} is full; free some space, or set TFZOO_CACHE "
            "to a folder on another disk."
        )
    return HandleError(
        f"The cache folder {folder} cannot be used ({error}); set TFZOO_CACHE to a folder that you "
        "may write."
    )
