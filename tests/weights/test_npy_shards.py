"""GPT's original files: what they hold, and that damaged ones are refused before they are read."""

import json
import shutil

import numpy as np
import pytest

from tfzoo.errors import WeightsError
from tfzoo.weights.formats import open_source
from tfzoo.weights.npy_shards import NpyShards, write_npy_shards

LAYER = [[1, 4, 12], [12], [1, 4, 4], [4], [4], [4], [1, 4, 16], [16], [1, 16, 4], [4], [4], [4]]
SHAPES_OF_TWO_LAYERS = [[6, 4], [5, 4], *LAYER, *LAYER]


@pytest.fixture
def folder(tmp_path):
    """Consecutive numbers in files of different sizes, one of them larger than several arrays."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "params_shapes.json").write_text(json.dumps(SHAPES_OF_TWO_LAYERS))
    numbers = np.arange(sum(map(np.prod, SHAPES_OF_TWO_LAYERS)), dtype="float32")
    cuts = [1, 10, 11, 44, 90, 300, 301, 310, 500]
    for number, part in enumerate(np.split(numbers, cuts)):
        np.save(folder / f"params_{number}.npy", part)
    return folder


def test_arrays_are_cut_anywhere(folder):
    tensors = NpyShards(folder)
    start = 0
    for (name, spec), shape in zip(tensors.specs.items(), SHAPES_OF_TWO_LAYERS, strict=True):
        expected = start + np.arange(np.prod(shape)).reshape(shape)
        np.testing.assert_array_equal(tensors.read(name), expected, err_msg=name)
        assert (spec.shape, spec.dtype) == (tuple(shape), np.float32)
        start += np.prod(shape)
    assert list(tensors.specs)[:3] == ["model/wpe", "model/wte", "model/h0/attn/c_attn/w"]
    assert list(tensors.specs)[-1] == "model/h1/ln_2/b"


def test_the_original_files_are_written_as_they_were(reference, tmp_path):
    original = reference("13_gpt1_npy") / "model"
    tensors = NpyShards(original)
    write_npy_shards({name: tensors.read(name) for name in tensors.specs}, tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert len(written) == 11
    for name in written:
        assert (tmp_path / name).read_bytes() == (original / name).read_bytes(), name


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({}, "is not a JSON array"),
        ([], "lists 0 arrays"),
        (SHAPES_OF_TWO_LAYERS[:2], "lists 2 arrays"),
        (SHAPES_OF_TWO_LAYERS[:-1], "lists 25 arrays"),
        (SHAPES_OF_TWO_LAYERS[:14], "are of 288 numbers, and the files beside it hold 532;"),
        ([[7, 4], *SHAPES_OF_TWO_LAYERS[1:]], "are of 536 numbers"),
        ([[2**31 - 1] * 3, *SHAPES_OF_TWO_LAYERS[1:]], "are of 9,903,520,300,447,984,1"),
        ([[float("nan"), 4], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[nan, 4\], which is no shape"),
        ([[2**31, 4], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[2147483648, 4\], which is no shape"),
        ([[-6, -4], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[-6, -4\], which is no shape"),
        ([[0, 4], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[0, 4\], which is no shape"),
        ([[True, 24], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[True, 24\], which is no shape"),
        ([[], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[\], which is no shape"),
        ([[1, 1, 6, 4], *SHAPES_OF_TWO_LAYERS[1:]], r"lists \[1, 1, 6, 4\], which is no shape"),
        ([24, *SHAPES_OF_TWO_LAYERS[1:]], "lists 24, which is no shape"),
    ],
)
def test_damaged_shapes(folder, shapes, message):
    (folder / "params_shapes.json").write_text(json.dumps(shapes))
    with pytest.raises(WeightsError, match=message):
        NpyShards(folder)


def header(content, version=b"\x01\x00"):
    return b"\x93NUMPY" + version + len(content).to_bytes(2, "little") + content


def described(shape, dtype="<f4"):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins otherwise"),
        (b"\x93NUMPY\x01\x00", "begins otherwise"),
        (header(described("(33,)")) + bytes(131), "has 200 bytes, which are not 33 numbers"),
        (header(described("(33,)")) + bytes(133), "which are not 33 numbers"),
        (header(described("(10000000000000,)")) + bytes(132), "are not 10,000,000,000,000 numbers"),
        (header(described("(9" + 99 * "9" + ",)")), "begins otherwise"),
        (header(described("(33,)", "|O")) + bytes(132), "begins otherwise"),
        (header(described("(33,)", "<f8")) + bytes(264), "begins otherwise"),
        (header(described("(3, 11)")) + bytes(132), "begins otherwise"),
        (header(described("(33,)"), b"\x02\x00") + bytes(132), "begins otherwise"),
        (b"PK\x03\x04" + bytes(60), "begins otherwise"),
        (b"\x80\x04\x95" + bytes(60), "begins otherwise"),
    ],
)
def test_damaged_files(folder, content, message):
    (folder / "params_3.npy").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"params_3.npy as a row of float32.*{message}"):
        NpyShards(folder)


def test_a_missing_file(folder):
    (folder / "params_9.npy").unlink()
    with pytest.raises(WeightsError, match=r"params_9.npy .*No such file"):
        open_source(folder)
    (folder / "params_9.npy").mkdir()
    with pytest.raises(WeightsError, match=r"params_9.npy .*Is a directory"):
        open_source(folder)


def test_a_file_that_changes_while_it_is_read(folder):
    tensors = NpyShards(folder)
    shutil.copyfile(folder / "params_0.npy", folder / "params_5.npy")
    with pytest.raises(WeightsError, match=r"params_5.npy .*has become shorter"):
        tensors.read("model/h0/mlp/c_fc/w")
