import errno
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from tfzoo.errors import HandleError
from tfzoo.weights.cache import cache_folder, cached, offline

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(folder: Path) -> tuple[Path, str]:
    (folder / "files").mkdir()
    (folder / "files" / "vocab.txt").write_text("hello")
    return folder / "files", "ab" * 32


def never(folder: Path) -> tuple[Path, str]:
    raise AssertionError("built again")


def test_builds_once(folder):
    path = cached("https://host/model/1", build)
    assert (path / "vocab.txt").read_text() == "hello"
    assert path.is_relative_to(folder)
    assert cached("https://host/model/1", never) == path
    assert cached("https://host/model/2", build) != path


def test_record_tells_where_an_entry_is_from(folder):
    path = cached("https://host/model/1", build)
    record = json.loads((path.parent / "source.json").read_text())
    assert record == {"source": "https://host/model/1", "sha256": "ab" * 32, "result": "files"}


def test_an_entry_with_another_checksum_is_refused():
    path = cached("model", build, sha256="AB" * 32)
    assert cached("model", never, sha256="ab" * 32) == path
    with pytest.raises(HandleError, match="delete the folder"):
        cached("model", never, sha256="cd" * 32)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_a_failed_build_leaves_no_entry(folder, error):
    def fail(partial):
        build(partial)
        raise error

    with pytest.raises(type(error)):
        cached("model", fail)
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
    assert cached("model", build).is_dir()


def test_what_a_killed_process_leaves_is_not_taken_for_complete(folder):
    def kill(partial):
        (partial / "files").mkdir()
        (partial / "files" / "vocab.txt").write_text("he")
        (partial / "files" / "half").write_text("x")
        os.kill(os.getpid(), signal.SIGKILL)

    process = FORK.Process(target=cached, args=("model", kill), daemon=True)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert list(folder.glob("*.partial/files/half"))

    path = cached("model", build)
    assert [file.name for file in path.iterdir()] == ["vocab.txt"]
    assert not list(folder.glob("*.partial"))


def test_two_processes_build_once(tmp_path):
    def slow(partial):
        with open(tmp_path / "builds", "a") as log:
            log.write("built\n")
        time.sleep(0.3)
        return build(partial)

    processes = [FORK.Process(target=cached, args=("model", slow), daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "builds").read_text() == "built\n"


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"result": "gone"}', "not json"])
def test_a_damaged_entry_is_built_again(folder, damage):
    path = cached("model", build)
    (path.parent / "source.json").write_text(damage)
    assert cached("model", build) == path
    assert cached("model", never) == path


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (errno.ENOSPC, "is full; free some space"),
        (errno.EROFS, "folder that you may write"),
        (errno.EACCES, "folder that you may write"),
    ],
)
def test_a_disk_that_cannot_take_it(folder, code, cure):
    def fail(partial):
        raise OSError(code, os.strerror(code))

    with pytest.raises(HandleError, match=cure) as caught:
        cached("model", fail)
    assert str(folder) in str(caught.value)
    assert not list(folder.glob("*.partial"))


def test_a_cache_that_is_no_folder(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(HandleError, match="set TFZOO_CACHE"):
        cached("model", build)


def test_what_is_cached_needs_no_lock(folder, monkeypatch):
    path = cached("model", build)
    monkeypatch.setattr("filelock.FileLock", None)  # as in an image with a read-only cache
    assert cached("model", never) == path


def test_default_folder(monkeypatch):
    monkeypatch.delenv("TFZOO_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "tfzoo"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_offline(monkeypatch, value, expected):
    monkeypatch.setenv("TFZOO_OFFLINE", value)
    assert offline() is expected
