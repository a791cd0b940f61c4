"""Every weights format seen the same way: named tensors, listed first, then read one at a time."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from tfzoo.errors import WeightsError

_MAX_JSON_BYTES = 256 * 2**20  # a tokenizer.json of 250,000 pieces is 20 MiB
_HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))


@dataclass(frozen=True)
class Spec:
    """What is known of a tensor before it is read.

    Args:
        shape: its dimensions.
        dtype: the dtype in which `Tensors.read` returns it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype


class Tensors(ABC):
    """The named tensors of a weights file.

    Attributes:
        path: the file (for a checkpoint, the prefix of its files), for messages.
        specs: name -> `Spec` of every tensor; the file has been checked to hold that much data.
    """

    path: Path
    specs: Mapping[str, Spec]

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """Reads one tensor from the disk; float16 and bfloat16 are returned as float32.

        Args:
            name: a key of `specs`.

        Raises:
            WeightsError: the file is damaged, or was changed since it was opened.
        """


def widened(dtype: np.dtype) -> np.dtype:
    """The dtype in which a tensor stored as `dtype` is read: float32 for 16-bit floats.

    Example:
        >>> widened(np.dtype("float16")), widened(np.dtype("int64"))
        (dtype('float32'), dtype('int64'))
    """
    return np.dtype(np.float32) if dtype in _HALVES else dtype


def read_json(path: Path, kind: type = dict) -> Any:
    """Reads a file that holds one JSON object, or one array.

    Args:
        path: the file.
        kind: `dict` for an object, `list` for an array.

    Raises:
        WeightsError: the file cannot be read, is too large, is not JSON, or is of another kind.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError(f"it is larger than {_MAX_JSON_BYTES >> 20} MiB")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"Cannot read {path} ({error}); fetch the file again.") from error
    if not isinstance(value, kind):
        wanted = "object" if kind is dict else "array"
        raise WeightsError(f"{path} is not a JSON {wanted}; fetch the file again.")
    return value


def read_optional_json(path: Path) -> dict:
    """`read_json` of a file that may be missing, which stands for an empty object."""
    return read_json(path) if path.is_file() else {}


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names for a message: the first few, and the first 200 characters of each.

    Example:
        >>> listed(["a", "b", "c"], limit=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(name[:200] for name in names[:limit]) + more
