"""Arrays in HDF5 files, and files that want more than to be read."""

import subprocess
import sys

import h5py
import ml_dtypes
import numpy as np
import pytest

from tfzoo.errors import WeightsError
from tfzoo.weights.h5_file import H5File, write_h5
from tfzoo.weights.tensors import Spec

ARRAYS = {
    "layers/dense/vars/0": np.arange(6, dtype="float32").reshape(2, 3),
    "layers/dense/vars/1": np.array([0.5, -2.0], "float16"),
    "layers/dense_1/vars/0": np.array([1.0, 0.1], ml_dtypes.bfloat16),
    "optimizer/vars/0": np.array(7),
    "vars/0": np.array([2.5, 3.5], ">f8"),
    "empty": np.zeros((0, 3), "float32"),
}


@pytest.fixture
def path(tmp_path):
    """A file with `ARRAYS`."""
    path = tmp_path / "model.weights.h5"
    write_h5(ARRAYS, path)
    return path


def test_reads_what_was_written(path):
    file = H5File(path)
    assert file.specs == {
        "layers/dense/vars/0": Spec((2, 3), np.dtype("float32")),
        "layers/dense/vars/1": Spec((2,), np.dtype("float32")),
        "layers/dense_1/vars/0": Spec((2,), np.dtype("float32")),
        "optimizer/vars/0": Spec((), np.dtype("int64")),
        "vars/0": Spec((2,), np.dtype("float64")),
        "empty": Spec((0, 3), np.dtype("float32")),
    }
    for name, expected in ARRAYS.items():
        array = file.read(name)
        assert (array.shape, array.dtype) == (file.specs[name].shape, file.specs[name].dtype)
        np.testing.assert_array_equal(array, expected.astype(array.dtype))


def test_keras_reads_what_was_written(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, dtype="bfloat16")])
    kernel = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    path = tmp_path / "model.weights.h5"
    write_h5({"layers/dense/vars/0": kernel, "layers/dense/vars/1": kernel[1]}, path)
    model.load_weights(path)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)
    model.save_weights(path)
    np.testing.assert_array_equal(H5File(path).read("layers/dense/vars/0"), kernel.astype("f4"))


def soft_link(file, _):
    file["link"] = h5py.SoftLink("/layers")


def external_link(file, other):
    file["link"] = h5py.ExternalLink(other, "/secret")


def external_array(file, other):
    file.create_dataset("raw", (4,), "uint8", external=[(other, 0, 4)])


def virtual_array(file, other):
    layout = h5py.VirtualLayout((3,), "float32")
    layout[:] = h5py.VirtualSource(other, "secret", (3,))
    file.create_virtual_dataset("virtual", layout)


def loop(file, _):
    file["layers/loop"] = file["/"]


def array_with_two_names(file, _):
    file["again"] = file["layers/dense/vars/0"]


def deep_groups(file, _):
    file["/".join("d" * 40)] = np.ones(1)


def bomb_without_data(file, _):
    file.create_dataset("bomb", (10**6, 10**6), "float32")


def bomb_of_chunks(file, _):
    file.create_dataset("bomb", (10**6, 10**6), "float32", chunks=(1000, 1000))


def compressed_bomb(file, _):
    file.create_dataset("bomb", data=np.zeros(10**6), compression="gzip")


def chunked(file, _):
    file.create_dataset("chunks", data=np.zeros(10), chunks=(5,))


def checksummed(file, _):
    file.create_dataset("checked", data=np.zeros(10), chunks=(10,), fletcher32=True)


def text(file, _):
    file["text"] = "text"


def fixed_text(file, _):
    file["text"] = np.array([b"text"])


def lists(file, _):
    file.create_dataset("lists", (2,), h5py.vlen_dtype("float32"))


def reference_to_object(file, _):
    file["reference"] = file.ref


def compound(file, _):
    file["compound"] = np.zeros(2, [("a", "f4"), ("b", "i4")])


def complex_numbers(file, _):
    file["complex"] = np.ones(2, complex)


def opaque(file, _):
    file["opaque"] = np.zeros(2, "V3")


def no_value(file, _):
    file["nothing"] = h5py.Empty("float32")


def named_type(file, _):
    file["type"] = np.dtype("float32")


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        (soft_link, "'link' .* is a link"),
        (external_link, "'link' .* is a link"),
        (external_array, "'raw' .* is not in this file in one piece"),
        (virtual_array, "'virtual' .* is not in this file in one piece"),
        (loop, "'layers/loop' .* has another name"),
        (array_with_two_names, "has another name"),
        (deep_groups, "lies too deep"),
        (bomb_without_data, "'bomb' .* is shorter than its shape"),
        (bomb_of_chunks, "'bomb' .* is not in this file in one piece"),
        (compressed_bomb, "'bomb' .* is not in this file in one piece"),
        (chunked, "'chunks' .* is not in this file in one piece"),
        (checksummed, "'checked' .* is not in this file in one piece"),
        (text, "holds no numbers"),
        (fixed_text, "holds no numbers"),
        (lists, "holds no numbers"),
        (reference_to_object, "holds no numbers"),
        (compound, "holds no numbers"),
        (complex_numbers, "holds no numbers"),
        (opaque, "holds no numbers"),
        (no_value, "holds no numbers"),
        (named_type, "neither a group nor an array"),
    ],
)
def test_what_is_not_a_plain_array_is_refused(path, addition, message):
    other = path.with_name("other.h5")
    write_h5({"secret": np.ones(3, "float32")}, other)
    with h5py.File(path, "a") as file:
        addition(file, str(other))
    with pytest.raises(WeightsError, match=message) as caught:
        H5File(path)
    assert "\n" not in str(caught.value)


def test_number_of_objects_is_limited(path, monkeypatch):
    monkeypatch.setattr("tfzoo.weights.h5_file._MAX_OBJECTS", 15)
    H5File(path)  # six arrays, eight groups and the root
    with h5py.File(path, "a") as file:
        file.create_group("more")
    with pytest.raises(WeightsError, match="one too many"):
        H5File(path)


def test_arrays_that_share_their_bytes_are_refused(tmp_path):
    """Two arrays of 8 kB, of which one is moved over the other and cut off."""
    path = tmp_path / "model.weights.h5"
    write_h5({"a": np.ones(1000), "b": np.full(1000, 2.0)}, path)
    with h5py.File(path) as file:
        first, second = (file[name].id.get_offset() for name in "ab")
    data = bytearray(path.read_bytes())
    place = data.index(second.to_bytes(8, "little"))
    data[place : place + 8] = first.to_bytes(8, "little")
    assert second == len(data) - 8000
    data = data[:second]
    place = data.index((second + 8000).to_bytes(8, "little"))  # the end of the file, in its header
    data[place : place + 8] = second.to_bytes(8, "little")
    path.write_bytes(data)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["b"], np.ones(1000))
    with pytest.raises(WeightsError, match="declares 16,000 bytes"):
        H5File(path)


def test_file_that_is_not_hdf5_or_not_there(tmp_path):
    path = tmp_path / "model.weights.h5"
    with pytest.raises(WeightsError, match="Cannot read"):
        H5File(path)
    path.write_bytes(b"no such thing")
    with pytest.raises(WeightsError, match="Cannot read"):
        H5File(path)


def test_file_that_changes_between_list_and_read(path):
    file = H5File(path)
    write_h5({"layers/dense/vars/0": np.ones((2, 4), "float32")}, path)
    with pytest.raises(WeightsError, match="was changed"):
        file.read("layers/dense/vars/0")
    with pytest.raises(WeightsError, match="damaged or incomplete"):
        file.read("vars/0")


def test_truncated_and_damaged_files_load_or_raise(path, tmp_path):
    """In a process of its own, which a crash of the C library would end."""
    program = """if True:
    import random, sys
    from pathlib import Path
    from tfzoo.errors import WeightsError
    from tfzoo.weights.h5_file import H5File

    path = Path(sys.argv[1])
    data = path.read_bytes()
    weighty = [place for place, byte in enumerate(data) if byte]
    chance = random.Random(0)
    errors = 0
    for case in range(300):
        damaged = bytearray(data[: chance.randrange(len(data))] if case % 6 == 0 else data)
        for _ in range(chance.choice([1, 2, 8]) if case % 6 else 0):
            damaged[chance.choice(weighty)] = chance.choice([0, 1, 128, 255, chance.randrange(256)])
        path.write_bytes(damaged)
        try:
            file = H5File(path)
            for name in file.specs:
                file.read(name)
        except WeightsError:
            errors += 1
    print(errors)
    """
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert 100 < int(run.stdout) < 300
