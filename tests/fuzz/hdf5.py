"""Mutations of HDF5 files: what the format can do, and Keras never does, and damaged bytes."""

import io

import h5py
import numpy as np

from tests.fuzz import raw
from tests.fuzz.dice import NASTY_TEXTS, Dice


def mutated_hdf5(data: bytes, dice: Dice) -> bytes:
    """An HDF5 file with other objects in it, or with damage where it is not zero."""
    if dice.random() < 0.4:
        return _damaged(data, dice)
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        arrays = [name for name in names if isinstance(file[name], h5py.Dataset)]
        for _ in range(dice.choice([1, 1, 2])):
            dice.apply(_CHANGES, file, dice.choice(arrays))
    return raw.damaged(buffer.getvalue(), dice) if dice.random() < 0.1 else buffer.getvalue()


def _damaged(data: bytes, dice: Dice) -> bytes:
    """A few of the bytes changed that are not zero, which most are."""
    result = bytearray(data)
    places = [place for place, byte in enumerate(data) if byte]
    for place in dice.sample(places, dice.choice([1, 2, 8])):
        result[place] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
    return bytes(result)


def _free(file: h5py.File, name: str) -> str:
    """The name, which nothing has any more."""
    if name in file:
        del file[name]
    return name


def _dropped(file: h5py.File, name: str, dice: Dice) -> None:
    _free(file, dice.choice([name, name.rpartition("/")[0]]))


def _renamed(file: h5py.File, name: str, dice: Dice) -> None:
    text = dice.choice(NASTY_TEXTS).encode("utf-8", "replace").replace(b"\0", b"0")[:60_000]
    if name in file and text.strip(b"./ "):
        file.move(name, dice.choice([name + "x", name.replace("/0", "/1x"), text]))


def _of_other_shape(file: h5py.File, name: str, dice: Dice) -> None:
    shape = dice.choice([(), (0,), (1,), (4, 3), (3, 4, 1), (1,) * 32, (1000, 1000)])
    file[_free(file, name)] = np.ones(shape, "float32")


def _of_other_dtype(file: h5py.File, name: str, dice: Dice) -> None:
    dtypes = ["f2", ">f4", "f8", "i1", "i4", "u8", "bool", "complex64", "S4", "V2", "V4", "f4,i4"]
    dtypes += [h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.ref_dtype]
    file.create_dataset(_free(file, name), (4, 4), dice.choice(dtypes))


def _without_data(file: h5py.File, name: str, dice: Dice) -> None:
    """A shape for which nothing, or next to nothing, is stored."""
    shape = dice.choice([(2**20, 2**20), (2**40,), (2**31, 4), (2**15, 2**15)])
    chunks = dice.choice([None, tuple(min(size, 1024) for size in shape)])
    file.create_dataset(_free(file, name), shape, "float32", chunks=chunks, fillvalue=1.0)


def _compressed(file: h5py.File, name: str, dice: Dice) -> None:
    options = [{"compression": "gzip"}, {"compression": "lzf"}, {"fletcher32": True}]
    options += [{"scaleoffset": 2}, {"shuffle": True}]
    file.create_dataset(
        _free(file, name), data=np.zeros((1000, 1000), "i4"), **dice.choice(options)
    )


def _elsewhere(file: h5py.File, name: str, dice: Dice) -> None:
    """An array whose bytes lie in another file."""
    if dice.random() < 0.5:
        files = [(dice.choice(["/etc/passwd", "config.json", "/dev/zero"]), 0, 16)]
        file.create_dataset(_free(file, name), (2, 2), "float32", external=files)
        return
    layout = h5py.VirtualLayout((2, 2), "float32")
    layout[:] = h5py.VirtualSource(dice.choice([".", "other.h5"]), name, (2, 2))
    file.create_virtual_dataset(_free(file, name), layout)


def _linked(file: h5py.File, name: str, dice: Dice) -> None:
    others = [file["/"], h5py.SoftLink("/"), h5py.SoftLink(f"/{name}"), h5py.SoftLink("/absent")]
    others += [h5py.ExternalLink("model.weights.h5", f"/{name}"), np.dtype("float32")]
    file[_free(file, name)] = dice.choice(others)


def _nested(file: h5py.File, name: str, dice: Dice) -> None:
    depth = dice.choice([2, 40, 400])
    file[f"{_free(file, name)}{'/x' * depth}"] = np.ones(1)


def _added(file: h5py.File, name: str, dice: Dice) -> None:
    for number in range(dice.choice([1, 1, 3000])):
        file[_free(file, f"layers/more/{number}")] = np.ones(1, "float32")


def _described(file: h5py.File, name: str, dice: Dice) -> None:
    values = ["bfloat16", "float8", b"\xff", 7, np.ones(8000), h5py.Empty("f4"), "x" * 10**4]
    file.get(name, file).attrs["dtype"] = dice.choice(values)


_CHANGES = [_dropped, _renamed, _of_other_shape, _of_other_shape, _of_other_dtype, _without_data]
_CHANGES += [_compressed, _elsewhere, _linked, _nested, _added, _described]
