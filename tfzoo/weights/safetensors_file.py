"""Weights in safetensors, Hugging Face's format and tfzoo's own; one file, or shards.

The safetensors library checks the header, the shapes and the offsets against the length of the file
whenever it opens one, before anything is allocated.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes  # also what lets safetensors return bfloat16
import numpy as np
from safetensors import SafetensorError, safe_open

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import Spec, Tensors, read_json, widened

WEIGHTS = "model.safetensors"
_DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F32": np.float32,
    "F64": np.float64,
}


class SafetensorsFile(Tensors):
    """The tensors of one `.safetensors` file.

    Each read maps the file anew, so that the pages of tensors read before are given back.

    Args:
        path: the file.

    Raises:
        WeightsError: the file is damaged, truncated, or holds a dtype that is not supported.

    Example:
        >>> import tempfile, safetensors.numpy
        >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> safetensors.numpy.save_file({"bias": np.ones(2, "float16")}, path)
        >>> SafetensorsFile(path).specs
        {'bias': Spec(shape=(2,), dtype=dtype('float32'))}
        >>> SafetensorsFile(path).read("bias")
        array([1., 1.], dtype=float32)
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with safe_open(path, framework="np") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                stored = {
                    name: (part.get_shape(), part.get_dtype()) for name, part in slices.items()
                }
        except (SafetensorError, OSError, ValueError) as error:
            raise self._damaged(error) from error
        self.specs = {name: self._spec(name, *what) for name, what in stored.items()}

    def read(self, name: str) -> np.ndarray:
        try:
            with safe_open(self.path, framework="np") as file:
                array = file.get_tensor(name)
        except (SafetensorError, OSError, ValueError) as error:
            raise self._damaged(error) from error
        return array.astype(widened(array.dtype), copy=False)

    def _spec(self, name: str, shape: list[int], code: str) -> Spec:
        if code not in _DTYPES:
            raise WeightsError(
                f"{self.path} stores {name!r} as {code}, which is not supported; "
                "convert the file to float32, float16 or bfloat16."
            )
        return Spec(tuple(shape), widened(np.dtype(_DTYPES[code])))

    def _damaged(self, error: Exception) -> WeightsError:
        return WeightsError(
            f"Cannot read {self.path} ({error}); the file is damaged or incomplete: fetch it again."
        )


class ShardedSafetensors(Tensors):
    """The tensors of a `model.safetensors.index.json` and the shards beside it.

    Args:
        path: the index, a JSON object whose `weight_map` gives the shard of every tensor.

    Raises:
        WeightsError: the index or a shard is damaged, or a tensor or shard is missing.
    """

    def __init__(self, path: Path):
        self.path = path
        weight_map = read_json(path).get("weight_map")
        if not isinstance(weight_map, dict) or not all(map(_is_file_name, weight_map.values())):
            raise WeightsError(
                f"{path} has no 'weight_map' from tensors to files beside it; fetch it again."
            )
        shards = {file: SafetensorsFile(path.parent / file) for file in set(weight_map.values())}
        self._shards = {name: shards[file] for name, file in weight_map.items()}
        for name, shard in self._shards.items():
            if name not in shard.specs:
                raise WeightsError(f"{shard.path} lacks {name!r}, which {path} says it holds.")
        self.specs = {name: shard.specs[name] for name, shard in self._shards.items()}

    def read(self, name: str) -> np.ndarray:
        return self._shards[name].read(name)


def _is_file_name(value: object) -> bool:
    return isinstance(value, str) and value not in ("", "..") and Path(value).name == value


def open_safetensors(folder: Path) -> Tensors | None:
    """The weights in a folder, one file or shards; None if there are none."""
    if (folder / WEIGHTS).is_file():
        return SafetensorsFile(folder / WEIGHTS)
    index = folder / f"{WEIGHTS}.index.json"
    return ShardedSafetensors(index) if index.is_file() else None


def write_safetensors(weights: Mapping[str, Any], folder: Path, framework: str = "tf") -> None:
    """Writes `model.safetensors` into a folder, with the permissions that other files get.

    Args:
        weights: name -> array or variable.
        folder: an existing one.
        framework: what the file says it is for; some readers insist on "pt".
    """
    from safetensors.numpy import save_file

    path = folder / WEIGHTS
    path.touch()
    mode = path.stat().st_mode
    arrays = {name: np.ascontiguousarray(value) for name, value in weights.items()}
    try:
        save_file(arrays, path, metadata={"format": framework})
    except SafetensorError as error:  # of a full disk, say
        raise OSError(str(error)) from error
    path.chmod(mode)
