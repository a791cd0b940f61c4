"""Folders and files of results."""

import contextlib
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tfzoo.binaries.results import (
    check_room,
    complete_file,
    prepare_workdir,
    remove_results,
    write_json,
)
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


def test_only_what_training_wrote_is_removed(tmp_path):
    ours = ["metrics.json", "metrics.jsonl", "curves.png", "tensorboard/events.out.tfevents.1.vm"]
    ours += ["best/tfzoo.json", "export/saved_model.pb", "checkpoints/step-000000007/state.json"]
    for name in [*ours, "notes.txt", "tensorboard/notes.txt", "checkpoints/notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    remove_results(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"notes.txt", "tensorboard/notes.txt", "checkpoints/notes.txt"}
    remove_results(tmp_path / "tensorboard")  # which has nothing of the kind


def test_a_full_disk_is_found_before_training(tmp_path, monkeypatch):
    model = namedtuple("Model", "count_params")(lambda: 1_000_000)
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(90_000_000))
    check_room(tmp_path, model)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(80_000_000))
    with pytest.raises(ConfigError, match="has 80 MB left, and the results need up to 82 MB"):
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
