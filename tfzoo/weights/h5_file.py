"""Weights in HDF5, as Keras writes them: plain arrays in groups.

HDF5 can do more than that: refer to other files, load plugins that decompress, declare shapes that
nothing is stored for. A file that does so is refused before any of its arrays is read.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import Spec, Tensors, widened

_MAX_DEPTH = 32
_MAX_OBJECTS = 100_000
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
# HDF5 has no such type: Keras stores two bytes and an attribute. No attribute is read here, since
# damaged ones hang or crash HDF5; nothing else that Keras saves is stored as two bytes.
_STORED_BFLOAT16 = np.dtype("V2")


class H5File(Tensors):
    """The arrays of one `.h5` file.

    Args:
        path: the file.

    Raises:
        WeightsError: the file is damaged, truncated, or holds more than plain arrays.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.weights.h5"
        >>> write_h5({"layers/dense/vars/0": np.ones(2, "float16")}, path)
        >>> H5File(path).specs
        {'layers/dense/vars/0': Spec(shape=(2,), dtype=dtype('float32'))}
        >>> H5File(path).read("layers/dense/vars/0")
        array([1., 1.], dtype=float32)
    """

    def __init__(self, path: Path):
        self.path = path
        self.specs = {}
        stored = 0
        with self._opened() as file:
            for name, dataset in self._datasets(file):
                self.specs[name] = self._spec(name, dataset)
                stored += dataset.nbytes
        if stored > path.stat().st_size:
            raise WeightsError(
                f"{path} declares {stored:,} bytes of arrays, more than the file has; it is "
                "damaged or malicious: fetch it again from a source that you trust."
            )

    def read(self, name: str) -> np.ndarray:
        with self._opened() as file:
            dataset = file[name]
            if self._spec(name, dataset) != self.specs[name]:
                raise WeightsError(f"{self.path} was changed while it was read; load it again.")
            array = np.asarray(dataset[()])
        if array.dtype == _STORED_BFLOAT16:
            array = array.view(_BFLOAT16)
        return array.astype(self.specs[name].dtype, copy=False)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except WeightsError:
            raise
        except (OSError, LookupError, RuntimeError, TypeError, ValueError, MemoryError) as error:
            raise WeightsError(
                f"Cannot read {self.path} ({error}); the file is damaged or incomplete: fetch it "
                "again."
            ) from error

    def _datasets(self, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
        """Every dataset with its name; each object is met once, and lies in this file."""
        seen = {_address(file)}
        groups = [("", file)]
        while groups:
            prefix, group = groups.pop()
            for key in group:
                name = prefix + key
                if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                    raise self._refused(name, "is a link")
                found = group[key]
                if _address(found) in seen:
                    raise self._refused(name, "has another name besides")
                seen.add(_address(found))
                if len(seen) > _MAX_OBJECTS or name.count("/") >= _MAX_DEPTH:
                    raise self._refused(name, "lies too deep or is one too many")
                if isinstance(found, h5py.Group):
                    groups.append((f"{name}/", found))
                elif isinstance(found, h5py.Dataset):
                    yield name, found
                else:
                    raise self._refused(name, "is neither a group nor an array")

    def _spec(self, name: str, dataset: h5py.Dataset) -> Spec:
        layout = dataset.id.get_create_plist().get_layout()
        if layout != h5py.h5d.CONTIGUOUS or dataset.external:
            raise self._refused(name, "is not in this file in one piece")
        dtype = dataset.dtype.newbyteorder("=")
        if dtype == _STORED_BFLOAT16:
            dtype = _BFLOAT16
        if dataset.shape is None or (dtype.kind not in "biuf" and dtype != _BFLOAT16):
            raise self._refused(name, "holds no numbers")
        if dataset.id.get_storage_size() < math.prod(dataset.shape) * dtype.itemsize:
            raise self._refused(name, "is shorter than its shape says")
        return Spec(dataset.shape, widened(dtype))

    def _refused(self, name: str, what: str) -> WeightsError:
        return WeightsError(
            f"{name!r:.200} in {self.path} {what}, which no weights of Keras' do, so the file is "
            "not read; load it with the library that wrote it, and save it anew."
        )


def write_h5(weights: Mapping[str, Any], path: Path) -> None:
    """Writes an `.h5` file that Keras reads.

    Args:
        weights: name -> array; the parts of a name are separated by slashes.
        path: the file.
    """
    with h5py.File(path, "w") as file:
        for name, value in weights.items():
            dataset = file.create_dataset(name, data=np.asarray(value))
            if dataset.dtype == _STORED_BFLOAT16:
                dataset.attrs["dtype"] = "bfloat16"


def _address(found: h5py.HLObject) -> int:
    """Where an object lies in its file."""
    return h5py.h5o.get_info(found.id).addr
