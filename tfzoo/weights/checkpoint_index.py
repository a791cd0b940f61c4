"""The `.index` file of a checkpoint, checked before TensorFlow reads it.

TensorFlow's reader aborts the whole process on an index that is well-formed as a table and wrong
inside, and allocates whatever shape it states. The file is a LevelDB table (`table_format.md` in
LevelDB's documentation): blocks of sorted entries, an index block that points at them, a footer
that points at the index block. Every value is a `BundleEntryProto`.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfzoo.weights.tensors import Spec

if TYPE_CHECKING:
    from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto

_DTYPES = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_DTYPES |= {"float16", "bfloat16", "float32", "float64", "string"}
_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_MAX_BYTES = 64 * 2**20  # an entry of a tensor takes about 100 bytes
_MAX_KEY = 1024
_MAX_RANK = 64  # NumPy's
_MAX_SIZE = 2**63 - 1


def read_index(prefix: Path) -> dict[str, Spec]:
    """Lists the tensors of a checkpoint, as stored; those of strings have the dtype object.

    Args:
        prefix: the path of the checkpoint without `.index`.

    Raises:
        ValueError, TypeError, google.protobuf.message.DecodeError: the index is damaged, or does
            not fit the data files.
        OSError: a file cannot be read.
    """
    from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

    path = Path(f"{prefix}.index")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"its index is larger than {_MAX_BYTES >> 20} MiB")
    values = dict(_entries(path.read_bytes()))
    header = BundleHeaderProto.FromString(values.pop(b"", b""))
    entries = {key: BundleEntryProto.FromString(value) for key, value in values.items()}
    if any(entry.slices for entry in entries.values()):
        raise ValueError("variables stored in slices are not supported")
    lengths = [
        Path(f"{prefix}.data-{shard:05d}-of-{header.num_shards:05d}").stat().st_size
        for shard in range(header.num_shards)
    ]
    return {key.decode(): _checked(entry, lengths) for key, entry in entries.items()}


def _checked(entry: "BundleEntryProto", lengths: list[int]) -> Spec:
    """The spec of an entry that fits its data file."""
    import tensorflow as tf

    shape = tuple(dim.size for dim in entry.shape.dim)
    impossible = entry.shape.unknown_rank or len(shape) > _MAX_RANK or min(shape, default=0) < 0
    if impossible or math.prod(max(size, 1) for size in shape) > _MAX_SIZE:
        raise ValueError(f"a tensor has the impossible shape {shape}")
    if tf.as_dtype(entry.dtype).name not in _DTYPES:
        raise ValueError(f"a tensor has the dtype {tf.as_dtype(entry.dtype).name}")
    if not 0 <= entry.shard_id < len(lengths):
        raise ValueError(f"a tensor lies in data file {entry.shard_id} of {len(lengths)}")
    if min(entry.offset, entry.size) < 0 or entry.offset + entry.size > lengths[entry.shard_id]:
        raise ValueError("a tensor lies beyond the end of its data file")
    dtype = np.dtype(tf.as_dtype(entry.dtype).as_numpy_dtype)
    count = math.prod(shape)
    if count * dtype.itemsize != entry.size and not (dtype.hasobject and count <= entry.size):
        raise ValueError(f"a tensor of shape {shape} is stored in {entry.size} bytes")
    return Spec(shape, dtype)


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(table) < _FOOTER or not table.endswith(_MAGIC):
        raise ValueError("not an index file, or cut short")
    footer = table[-_FOOTER:]
    _, position = _handle(footer, 0)
    index, _ = _handle(footer, position)
    end = 0
    for _, value in _block(table, *index):
        (offset, size), _ = _handle(value, 0)
        if offset < end:
            raise ValueError("blocks of the index overlap")
        end = offset + size
        yield from _block(table, offset, size)


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Entries (shared key bytes, new key bytes, value bytes), then the restarts and their count."""
    block = table[offset : offset + size]
    if len(block) != size or size < 4 or table[offset + size : offset + size + 1] != b"\0":
        raise ValueError("a block lies beyond the end of the index, or is compressed")
    end = size - 4 * (1 + int.from_bytes(block[-4:], "little"))
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        if len(key) > _MAX_KEY:
            raise ValueError("a name in the index is too long")
        yield key, block[position : position + length]
        position += length
    if position != end:
        raise ValueError("an entry of the index is cut short")


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(data):
            break
        value |= (data[position] & 0x7F) << shift
        position += 1
        if data[position - 1] < 0x80:
            return value, position
    raise ValueError("a number in the index is cut short")
