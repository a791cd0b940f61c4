"""The original weights of GPT: one vector of numbers cut into ten files, and a list of shapes."""

import itertools
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import Spec, Tensors, read_json

SHAPES = "params_shapes.json"
_SHARDS = [f"params_{i}.npy" for i in range(10)]
_FLOAT32 = np.dtype("<f4")
# The start of a file of such numbers in one row. No other is read, so nothing in it is evaluated.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00[\x00-\xff]{2}"
    rb"{'descr': '<f4', 'fortran_order': (?:True|False), 'shape': \((\d{1,15})L?,\), } *\n"
)
# The order of the arrays, under the names of the variables that OpenAI's code has for them; the
# embeddings, of which it has one variable, under GPT-2's.
_EMBEDDINGS = ("model/wpe", "model/wte")
_LAYER = (
    *("attn/c_attn/w", "attn/c_attn/b", "attn/c_proj/w", "attn/c_proj/b", "ln_1/g", "ln_1/b"),
    *("mlp/c_fc/w", "mlp/c_fc/b", "mlp/c_proj/w", "mlp/c_proj/b", "ln_2/g", "ln_2/b"),
)


class NpyShards(Tensors):
    """The arrays of a `params_shapes.json`, in the order in which the `.npy` files hold them.

    Args:
        folder: holds all of them.

    Raises:
        WeightsError: a file is missing or damaged, or they hold more or less than the shapes say.
    """

    def __init__(self, folder: Path):
        self.path = folder / SHAPES
        shapes = [self._shape(value) for value in read_json(self.path, list)]
        layers, rest = divmod(len(shapes) - len(_EMBEDDINGS), len(_LAYER))
        if layers < 1 or rest:
            raise WeightsError(
                f"{self.path} lists {len(shapes)} arrays, and a GPT has {len(_EMBEDDINGS)} and "
                f"{len(_LAYER)} for each layer; fetch the file again."
            )
        *starts, stated = itertools.accumulate(map(math.prod, shapes), initial=0)
        names = _names(layers)
        self.specs = {
            name: Spec(shape, _FLOAT32) for name, shape in zip(names, shapes, strict=True)
        }
        self._starts = dict(zip(names, starts, strict=True))
        self._shards = [_Shard(folder / name) for name in _SHARDS]
        stored = sum(shard.size for shard in self._shards)
        if stated != stored:
            raise WeightsError(
                f"The shapes in {self.path} are of {stated:,} numbers, and the files beside it "
                f"hold {stored:,}; they are damaged or of different models: fetch them again."
            )

    def read(self, name: str) -> np.ndarray:
        shape = self.specs[name].shape
        start = self._starts[name]
        stop = start + math.prod(shape)
        parts = []
        for shard in self._shards:
            if start < shard.size and stop > 0:
                parts.append(shard.read(max(start, 0), min(stop, shard.size)))
            start, stop = start - shard.size, stop - shard.size
        return np.concatenate(parts).reshape(shape)

    def _shape(self, value: object) -> tuple[int, ...]:
        plain = isinstance(value, list) and 0 < len(value) <= 3
        if not plain or not all(type(size) is int and 0 < size < 2**31 for size in value):
            raise WeightsError(
                f"{self.path} lists {value!r:.200}, which is no shape of an array; fetch the file "
                "again."
            )
        return tuple(value)


class _Shard:
    """A file of `size` numbers."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with path.open("rb") as file:
                header = _HEADER.match(file.read(256))
            length = path.stat().st_size
        except OSError as error:
            raise self._damaged(error) from error
        if header is None:
            raise self._damaged("it begins otherwise")
        self.size, self._offset = int(header[1]), header.end()
        if length != self._offset + self.size * _FLOAT32.itemsize:
            raise self._damaged(f"it has {length:,} bytes, which are not {self.size:,} numbers")

    def read(self, start: int, stop: int) -> np.ndarray:
        """The numbers from `start` to before `stop`."""
        offset = self._offset + start * _FLOAT32.itemsize
        try:
            numbers = np.fromfile(self.path, _FLOAT32, stop - start, offset=offset)
        except OSError as error:
            raise self._damaged(error) from error
        if len(numbers) != stop - start:
            raise self._damaged("it has become shorter")
        return numbers

    def _damaged(self, why: object) -> WeightsError:
        return WeightsError(
            f"Cannot read {self.path} as a row of float32 numbers ({why}); it is missing or "
            "damaged: fetch it again."
        )


def write_npy_shards(arrays: Mapping[str, np.ndarray], folder: Path) -> None:
    """Writes the eleven files.

    Args:
        arrays: name -> array, those of all layers.
        folder: an existing one.
    """
    layers = (len(arrays) - len(_EMBEDDINGS)) // len(_LAYER)
    ordered = [arrays[name] for name in _names(layers)]
    shapes = json.dumps([array.shape for array in ordered])
    (folder / SHAPES).write_text(shapes, encoding="utf-8")
    numbers = np.concatenate([array.ravel() for array in ordered]).astype(_FLOAT32)
    for name, part in zip(_SHARDS, np.array_split(numbers, len(_SHARDS)), strict=True):
        np.save(folder / name, part, allow_pickle=False)


def _names(layers: int) -> list[str]:
    return [*_EMBEDDINGS, *(f"model/h{i}/{name}" for i in range(layers) for name in _LAYER)]
