"""A snapshot is read as it was written, or not at all."""

import errno
import json

import numpy as np
import pytest
import safetensors.numpy

from tfzoo.errors import ConfigError
from tfzoo.training.snapshots import read_newest, remove_snapshots, snapshot_steps, write_snapshot

STATE = {"position": {"epoch": 1, "step": 2}, "best": float("inf"), "text": "ä"}
ARRAYS = {
    "a/0": np.arange(6, dtype="float32").reshape(2, 3),
    "a/1": np.array(7, "int64"),
    "flag": np.array([True, False]),
    "turned": np.arange(6.0).reshape(2, 3).T,
}


@pytest.fixture
def folder(tmp_path):
    for step in (3, 12):
        write_snapshot(tmp_path / "run", step, ARRAYS, {**STATE, "number": step})
    return tmp_path / "run"


def assert_intact(found, step):
    state, arrays = found
    assert state == {**STATE, "number": step}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_newest_comes_back(folder):
    assert snapshot_steps(folder) == [3, 12]
    assert_intact(read_newest(folder), 12)
    write_snapshot(folder, 12, ARRAYS, {**STATE, "number": 13})
    assert_intact(read_newest(folder), 13)
    assert sorted(path.name for path in folder.iterdir()) == ["step-000000003", "step-000000012"]


def test_nothing_there(tmp_path):
    assert read_newest(tmp_path / "absent") is None
    assert snapshot_steps(tmp_path) == []


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def change(path):
    path.write_text(path.read_text().replace('"step": 2', '"step": 3'))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("arrays.safetensors", cut),
        ("arrays.safetensors", flip),
        ("arrays.safetensors", lambda path: path.write_bytes(b"")),
        ("arrays.safetensors", lambda path: path.unlink()),
        ("state.json", cut),
        ("state.json", change),
        ("state.json", lambda path: path.write_bytes(b"\xff")),
        ("state.json", lambda path: path.write_text("[]")),
        ("state.json", lambda path: path.write_text('{"checksum": 0}')),
        ("state.json", lambda path: path.unlink()),
    ],
)
def test_a_damaged_one_is_left_out_with_a_warning(folder, file, damage):
    damage(folder / "step-000000012" / file)
    with pytest.warns(UserWarning, match=r"step-000000012 is damaged \(.+\) and is left out"):
        assert_intact(read_newest(folder), 3)


def test_arrays_that_are_none_despite_the_checksum(folder):
    newest = folder / "step-000000012"
    content = json.loads((newest / "state.json").read_text())
    write_snapshot(folder, 12, {}, content["state"])
    (newest / "arrays.safetensors").write_bytes(b"no tensors")
    from tfzoo.training.snapshots import _checksum

    content["checksum"] = _checksum(newest / "arrays.safetensors", content["state"])
    (newest / "state.json").write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="is damaged"):
        assert_intact(read_newest(folder), 3)


def test_only_damaged_ones_are_none(folder):
    for step in (3, 12):
        flip(folder / f"step-{step:09d}" / "arrays.safetensors")
    with pytest.warns(UserWarning, match="is damaged") as warned:
        assert read_newest(folder) is None
    assert len(warned) == 2


def test_what_killed_writers_left_is_removed_and_never_read(folder):
    (folder / ".step-000000099-abc" / "complete").mkdir(parents=True)
    (folder / "step-000000099x").mkdir()
    (folder / "notes.txt").write_text("mine")
    assert_intact(read_newest(folder), 12)
    remove_snapshots(folder, keep={12, 50})
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["notes.txt", "step-000000012", "step-000000099x"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        safetensors.SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_leaves_what_was_there(folder, monkeypatch, error):
    def save_file(arrays, path):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(safetensors.numpy, "save_file", save_file)
    with pytest.raises(ConfigError, match=r"No space left on device.*; free some space"):
        write_snapshot(folder, 12, ARRAYS, STATE)
    assert sorted(path.name for path in folder.iterdir()) == ["step-000000003", "step-000000012"]
    assert_intact(read_newest(folder), 12)
