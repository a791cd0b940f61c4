"""Unpacks archives from strangers: every member is checked before the first byte is written."""

import contextlib
import errno
import fnmatch
import functools
import gzip
import itertools
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tfzoo.errors import HandleError

MAX_BYTES = 16 * 2**30
MAX_MEMBERS = 50_000

_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_CHUNK = 2**18
_HEADER_BYTES = 2**14
_SPECIAL = "link, device or another special file"
_GLOB = frozenset("*?[")


def is_archive(name: str) -> bool:
    """Whether a file of this name is unpacked: `.tar.gz`, `.tgz`, `.tar` or `.zip`.

    Example:
        >>> is_archive("model.tar.gz"), is_archive("model.safetensors")
        (True, False)
    """
    return name.lower().endswith(_SUFFIXES)


def extract(archive: Path, folder: Path, source: str, inside: str = "") -> Path:
    """Unpacks a tar, tar.gz or zip archive, or a part of it, into a new folder.

    Refused are absolute paths, `..`, links, device files, encrypted members, names that come twice
    or that some system cannot store, and archives that would expand past `MAX_BYTES` or
    `MAX_MEMBERS`. Modes and owners are ignored, empty folders are left out. A single folder at the
    top of the archive is stripped, as source distributions and Google's BERT archives have one.

    Args:
        archive: the archive; its format is told from its first bytes.
        folder: the folder to create. After an error it does not exist.
        source: what to call the archive in messages.
        inside: the path of the wanted file or folder in the archive; may have glob characters.

    Returns:
        The wanted file or folder, or the folder that holds the matches when there are several.

    Raises:
        HandleError: the archive is damaged or refused, or has no such part.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     archive = Path(folder, "model.zip")
        ...     with zipfile.ZipFile(archive, "w") as file:
        ...         file.writestr("model/assets/vocab.txt", "hello")
        ...     extract(archive, Path(folder, "out"), "model.zip", "assets/*.txt").read_text()
        'hello'
    """
    folder.mkdir(parents=True)
    try:
        with _damage_named(source), _opened(archive) as members:
            files = _without_top(_checked(members, source))
            root, chosen = _choose(files, inside, source)
            for path in chosen:
                _write(files[path], folder / path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / root


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # "file", "folder", or what it is that is refused
    size: int
    open: Callable[[], IO[bytes]]


@contextlib.contextmanager
def _damage_named(source: str) -> Iterator[None]:
    """Turns whatever the parsers of tar, gzip and zip raise on hostile bytes into one sentence."""
    try:
        yield
    except HandleError:
        raise
    except Exception as error:
        # The disk's errors pass; gzip's have no errno, and EINVAL is a seek to nonsense.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise HandleError(
            f"{source} is damaged, or is no tar or zip archive; check the handle and get it again."
        ) from error


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterable[_Member]]:
    with archive.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        if magic == b"PK":
            with zipfile.ZipFile(raw) as file:
                yield _zip_members(file)
        else:
            plain = gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw
            stream = _RationedFile(plain)
            with tarfile.open(fileobj=stream, mode="r:") as file:
                yield _tar_members(file, stream)


class _RationedFile:
    """A file that gives no more bytes than allowed: tarfile takes sizes of headers on trust."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._left = _HEADER_BYTES
        self.seek = file.seek
        self.tell = file.tell

    def allow(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise tarfile.ReadError("a header of an impossible size")
        self._left -= size
        return self._file.read(size)


def _tar_members(file: tarfile.TarFile, stream: _RationedFile) -> Iterator[_Member]:
    def opened(info: tarfile.TarInfo) -> IO[bytes]:
        stream.allow(info.size)
        return file.extractfile(info)

    for info in file:
        if info.isdir():
            kind = "folder"
        else:
            kind = "file" if info.isreg() and not info.issparse() else _SPECIAL
        yield _Member(info.name, kind, info.size, functools.partial(opened, info))
        stream.allow(_HEADER_BYTES)
    # tarfile takes a broken header for the end. The real end is blocks of zeros, and reading to
    # the last byte also makes gzip compare its checksum.
    stream.allow(_CHUNK + 1)
    stream.seek(file.offset)
    end = stream.read(_CHUNK)
    if not end or end.strip(b"\0") or stream.read(1):
        raise tarfile.ReadError("no end of archive")


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for info in file.infolist():
        if info.flag_bits & 1:
            kind = "encrypted file"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            kind = "file of an unusual compression"
        elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = _SPECIAL
        else:
            kind = "folder" if info.is_dir() else "file"
        yield _Member(info.orig_filename, kind, info.file_size, functools.partial(file.open, info))


def _checked(members: Iterable[_Member], source: str) -> dict[PurePosixPath, _Member]:
    """The files among the members by their path, when all members are harmless."""

    def refuse(reason: str) -> HandleError:
        return HandleError(
            f"{source} is not unpacked because {reason}; get it from a source that you trust, or "
            "unpack it yourself and give the folder."
        )

    files: dict[PurePosixPath, _Member] = {}
    size = 0
    for count, member in enumerate(members, start=1):
        path = PurePosixPath(member.name)
        size += member.size
        if member.kind not in ("file", "folder"):
            raise refuse(f"its member {member.name!r} is a {member.kind}")
        if not _is_safe(member.name) or member.size < 0:
            raise refuse(f"its member {member.name!r} has a forbidden name or size")
        if count > MAX_MEMBERS or size > MAX_BYTES:
            raise refuse(
                f"it expands to more than {MAX_MEMBERS} files or {MAX_BYTES / 2**30:g} GiB"
            )
        if member.kind == "folder":
            continue
        if path in files or not path.parts:
            raise refuse(f"it holds {member.name!r} twice or without a name")
        files[path] = member
    if any(parent in files for path in files for parent in path.parents):
        raise refuse("one name in it is both a file and a folder")
    if not files:
        raise refuse("it holds no files")
    return files


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return (
        name.isprintable()
        and "\\" not in name
        and ".." not in parts
        and not PureWindowsPath(name).anchor
        and all(len(part.encode()) <= 255 for part in parts)
    )


def _without_top(files: dict[PurePosixPath, _Member]) -> dict[PurePosixPath, _Member]:
    tops = {path.parts[0] for path in files}
    if len(tops) > 1 or any(len(path.parts) == 1 for path in files):
        return files
    return {path.relative_to(*tops): member for path, member in files.items()}


def _choose(
    paths: Iterable[PurePosixPath], inside: str, source: str
) -> tuple[PurePosixPath, list[PurePosixPath]]:
    """What `inside` names: the file or folder to return, and the files to write for it."""
    patterns = PurePosixPath(inside).parts
    depth = len(patterns)
    chosen = [
        path
        for path in paths
        if len(path.parts) >= depth and all(map(fnmatch.fnmatchcase, path.parts[:depth], patterns))
    ]
    if not chosen:
        tops = sorted({path.parts[0] for path in paths})
        raise HandleError(
            f"{source} has no {inside!r}; at its top are {', '.join(tops[:8])}"
            f"{' and more' if len(tops) > 8 else ''}."
        )
    roots = {PurePosixPath(*path.parts[:depth]) for path in chosen}
    if len(roots) > 1:
        fixed = itertools.takewhile(lambda part: not _GLOB & set(part), patterns)
        return PurePosixPath(*fixed), chosen
    return roots.pop(), chosen


def _write(member: _Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as stream, target.open("xb") as file:
        shutil.copyfileobj(stream, file, _CHUNK)
