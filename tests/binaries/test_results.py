"""Folders and files of results."""

import contextlib
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tfzoo.binaries.results import check_room, complete_file, prepare_workdir, write_json
from tfzoo.errors import ConfigError


def test_a_workdir_is_made_and_left_empty(tmp_path):
    folder = prepare_workdir(str(tmp_path / "a" / "b"))
    assert folder.is_dir()
    assert not list(folder.iterdir())


def test_a_workdir_of_an_earlier_run_is_taken(tmp_path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "tfzoo.json").touch()
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").touch()
    assert prepare_workdir(str(tmp_path)) == tmp_path


def test_a_workdir_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file", "file/below"):
        with pytest.raises(ConfigError, match=f"{name} cannot be written"):
            prepare_workdir(str(tmp_path / name))
    (tmp_path / "export").mkdir()
    with pytest.raises(ConfigError, match="export is in the way"):
        prepare_workdir(str(tmp_path))


def test_a_full_disk_is_found_before_training(tmp_path, monkeypatch):
    model = namedtuple("Model", "count_params")(lambda: 1_000_000)
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(30_000_000))
    check_room(tmp_path, model)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20_000_000))
    with pytest.raises(ConfigError, match="has 20 MB left, and the results need up to 22 MB"):
        check_room(tmp_path, model)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with contextlib.suppress(KeyboardInterrupt), complete_file(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    with complete_file(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_and_not_replaced():
    with complete_file(Path("/dev/null")) as file:
        file.write("nothing")
    assert Path("/dev/null").is_char_device()


def test_json_that_cannot_be_written(tmp_path):
    with pytest.raises(ConfigError, match=r"none/x.json cannot be written \(No such file"):
        write_json(tmp_path / "none" / "x.json", {})
