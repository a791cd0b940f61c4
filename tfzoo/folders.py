"""Folders that are written completely or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfzoo.errors import ConfigError


@contextlib.contextmanager
def written_folder(folder: str | os.PathLike[str], marker: str | None) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `folder` when the block ends without error.

    Args:
        folder: created, or replaced if it is empty or holds the file `marker`.
        marker: a file by which a folder of the same kind is known; None replaces no folder.

    Raises:
        ConfigError: the folder holds something else, or cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     for text in ("first", "second"):
        ...         with written_folder(f"{parent}/notes", marker="notes.txt") as partial:
        ...             _ = (partial / "notes.txt").write_text(text)
        ...     Path(parent, "notes", "notes.txt").read_text()
        'second'
    """
    folder = Path(folder)
    try:
        replaceable = marker is not None and (folder / marker).is_file()
        if folder.exists() and not replaceable and any(folder.iterdir()):
            raise ConfigError(f"{folder} holds something else; choose another folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as partial:
            complete = Path(partial, "complete")
            complete.mkdir()
            yield complete
            _swap(complete, folder, Path(partial, "replaced"))
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror or error}); free some space, or choose "
            "another folder, which you may write."
        ) from error


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Moves `folder` to `old` and `new` to its place, or leaves all as it was."""
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(new, folder)
    except BaseException:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise
