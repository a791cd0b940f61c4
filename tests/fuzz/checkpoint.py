"""Mutations of TensorFlow checkpoints that get past their checksums.

The `.index` is a LevelDB table (`table_format.md` in LevelDB's documentation) from tensors' names
to protocol buffers, BundleEntryProto; what is said of the data is from `tensor_bundle.cc`.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from tests.fuzz import protobuf, raw
from tests.fuzz.dice import Dice

OBJECT_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_OFFSET, _SIZE, _CHECKSUM = 4, 5, 6  # fields of a BundleEntryProto

Entries = list[tuple[bytes, bytes]]


def mutated_index(data: bytes, dice: Dice) -> bytes:
    """An index with other entries, or with other bytes in its blocks."""
    return dice.apply([_with_other_entries, _with_other_entries, _with_other_bytes], data)


def mutated_graph(
    files: Mapping[str, bytes], index: str, data: str, dice: Dice
) -> dict[str, bytes]:
    """The files of a checkpoint whose object graph, a tensor of one string, has changed."""
    graph = object_graph(files[index], files[data])
    return with_graph(files, index, data, protobuf.mutated_message(graph, dice))


def object_graph(index: bytes, data: bytes) -> bytes:
    """The object graph in the data file of a checkpoint."""
    entry = protobuf.parsed(dict(read_table(index))[OBJECT_GRAPH])
    start = {number: value for number, _, value in entry}[_OFFSET]
    length, position = protobuf.read_varint(data, start)
    return data[position + 4 : position + 4 + length]


def with_graph(files: Mapping[str, bytes], index: str, data: str, graph: bytes) -> dict[str, bytes]:
    """The files of a checkpoint with another object graph, stored behind all other data.

    A string is stored as its length, the checksum of that as four bytes, and itself. The entry's
    checksum is over those four bytes, the first checksum and the string.
    """
    entries = dict(read_table(files[index]))
    length = len(graph).to_bytes(4, "little")
    stored = masked_crc(length) + graph
    kept = [
        field
        for field in protobuf.parsed(entries[OBJECT_GRAPH])
        if field[0] not in (_OFFSET, _SIZE, _CHECKSUM)
    ]
    size = protobuf.varint(len(graph)) + stored
    entries[OBJECT_GRAPH] = protobuf.message(
        [
            *kept,
            (_OFFSET, protobuf.VARINT, len(files[data])),
            (_SIZE, protobuf.VARINT, len(size)),
            (_CHECKSUM, protobuf.FIXED32, masked_crc(length + stored)),
        ]
    )
    return {index: written_table(list(entries.items())), data: files[data] + size}


def read_table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a table that is not damaged."""
    for _, handle in _read_block(table, table[-_FOOTER:], skip=2):
        yield from _read_block(table, handle)


def written_table(entries: Entries) -> bytes:
    """A table with all its entries in one block."""
    table = _closed(_block(entries))
    metadata = len(table)
    table += _closed(_block([]))
    index = len(table)
    table += _closed(_block([(b"\xff", _handle(0, metadata))]))
    return table + _footer(_handle(metadata, index - metadata), _handle(index, len(table) - index))


def masked_crc(data: bytes) -> bytes:
    """The CRC-32C of bytes, masked as LevelDB and TensorFlow store it."""
    crc = 2**32 - 1
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 255]
    crc ^= 2**32 - 1
    return (((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


def _crc_of_byte(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


_CRC_TABLE = [_crc_of_byte(byte) for byte in range(256)]


def _read_block(table: bytes, handle: bytes, skip: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Entries: length of the key's part shared with the last key, of its rest, of the value."""
    position = 0
    for _ in range(skip):
        _, position = protobuf.read_varint(handle, position)
    offset, position = protobuf.read_varint(handle, position)
    size, _ = protobuf.read_varint(handle, position)
    block = table[offset : offset + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    position, key = 0, b""
    while position < end:
        shared, position = protobuf.read_varint(block, position)
        rest, position = protobuf.read_varint(block, position)
        length, position = protobuf.read_varint(block, position)
        key = key[:shared] + block[position : position + rest]
        position += rest + length
        yield key, block[position - length : position]


def _block(entries: Entries) -> bytes:
    """A block whose keys share nothing, with one restart, at its start."""
    varint = protobuf.varint
    body = b"".join(
        varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries
    )
    return body + bytes(4) + (1).to_bytes(4, "little")


def _closed(block: bytes, kind: bytes = b"\0") -> bytes:
    """A block with its type (0: not compressed) and checksum."""
    return block + kind + masked_crc(block + kind)


def _handle(start: int, length: int) -> bytes:
    """Where a closed block lies; its type and checksum are not counted."""
    return protobuf.varint(start) + protobuf.varint(length - 5)


def _footer(metadata: bytes, index: bytes) -> bytes:
    return (metadata + index).ljust(_FOOTER - len(_MAGIC), b"\0")[:40] + _MAGIC


def _with_other_entries(data: bytes, dice: Dice) -> bytes:
    entries = list(read_table(data))
    for _ in range(dice.choice([1, 1, 2])):
        entries = dice.apply(_ENTRIES, entries)
    return written_table(entries)


def _with_other_bytes(data: bytes, dice: Dice) -> bytes:
    """The three blocks and the footer, any of them damaged, with the checksums of the damage."""
    entries = _block(list(read_table(data)))
    last = _handle(0, len(_closed(entries)))
    if dice.random() < 0.3:
        last = dice.apply(_HANDLES, last)
    handles = [(b"\xff", last)] * dice.choice([1, 1, 1, 2, 500])
    table, places = b"", []
    for block in (entries, _block([]), _block(handles)):
        if dice.random() < 0.4:
            block = raw.damaged(block, dice)
        if dice.random() < 0.2:
            block = block[:-4] + (dice.nasty_integer() % 2**32).to_bytes(4, "little")
        closed = _closed(block, dice.choice([b"\0"] * 9 + [b"\1"]))
        places.append(_handle(len(table), len(closed)))
        table += closed
    if dice.random() < 0.2:
        places = [dice.apply(_HANDLES, place) for place in places]
    return table + _footer(*places[1:])


def _far_away(handle: bytes, dice: Dice) -> bytes:
    return protobuf.varint(dice.nasty_integer()) + protobuf.varint(dice.nasty_integer())


def _damaged(handle: bytes, dice: Dice) -> bytes:
    return raw.damaged(handle, dice)


_HANDLES = [_far_away, _damaged]


def _with_other_value(entries: Entries, dice: Dice) -> Entries:
    place = dice.randrange(len(entries))
    key, value = entries[place]
    entries[place] = key, protobuf.mutated_message(value, dice)
    return entries


def _with_value_of_other(entries: Entries, dice: Dice) -> Entries:
    place = dice.randrange(len(entries))
    entries[place] = entries[place][0], dice.choice(entries)[1]
    return entries


def _renamed(entries: Entries, dice: Dice) -> Entries:
    place = dice.randrange(len(entries))
    key, value = entries[place]
    others = [b"", b"\xff", b"a" * 2000, b"\0", key[:-1], key.upper(), dice.choice(entries)[0]]
    entries[place] = dice.choice(others), value
    return entries if dice.random() < 0.5 else sorted(entries)


def _without_some(entries: Entries, dice: Dice) -> Entries:
    return [entry for entry in entries if dice.random() < dice.choice([0, 0.5, 0.95])]


def _reordered(entries: Entries, dice: Dice) -> Entries:
    return dice.sample(entries, len(entries))


def _with_more(entries: Entries, dice: Dice) -> Entries:
    """Many names for the data of one tensor, numbered as its own is if it has a number."""
    key, value = dice.choice(entries)
    count = dice.choice([1, 10, 3000])
    more = {re.sub(rb"\d+|$", b"%d" % number, key, count=1): value for number in range(count)}
    return sorted((more | dict(entries)).items())


_ENTRIES: list[Callable] = [_with_other_value] * 5
_ENTRIES += [_with_value_of_other, _renamed, _without_some, _reordered, _with_more]
