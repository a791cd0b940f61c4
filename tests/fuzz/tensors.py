"""Mutations of safetensors files: eight bytes of length, a JSON header, then the data."""

import json
from typing import Any

from tests.fuzz import raw, text
from tests.fuzz.dice import NASTY_TEXTS, Dice

_DTYPES = ["BOOL", "U8", "I8", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "F64", "I64"]
_DTYPES += ["U64", "C64", "F8_E4M3", "F8_E5M2", "F4", "f32", "", "F" * 1000]
_METADATA = "__metadata__"
_WHOLE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def mutated_safetensors(data: bytes, dice: Dice) -> bytes:
    """A safetensors file whose length, header or data says something else than before."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    for _ in range(dice.choice([1, 1, 2])):
        body = dice.apply(_CHANGES, header, body)
    written = text.written_json(header, dice)
    if dice.random() < 0.1:
        written = raw.damaged(written, dice)
    length = len(written)
    if dice.random() < 0.1:
        length = abs(length + dice.choice([-1, 1, 8, dice.nasty_integer()])) % 2**64
        dice.chosen.append(f"length {length}")
    return length.to_bytes(8, "little") + written + body


def _entry(header: dict[str, Any], dice: Dice) -> dict[str, Any]:
    """One of the tensors that no mutation has reached yet."""
    return dice.choice([*filter(_is_whole, header.values())] or [dict(_WHOLE)])


def _is_whole(entry: Any) -> bool:
    match entry:
        case {"shape": [*sizes], "data_offsets": [int(), int()]}:
            return all(isinstance(size, int) for size in sizes)
    return False


def _edited(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    text.edited(header, dice)
    return body


def _of_other_dtype(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    _entry(header, dice)["dtype"] = dice.choice(_DTYPES)
    return body


def _of_same_size(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    """Another shape or dtype that the same bytes can have."""
    entry = _entry(header, dice)
    shape = entry["shape"] or [1]
    dtype, shape = dice.choice(
        [
            ("F32", shape[::-1]),
            ("F32", [*shape, 1]),
            ("F32", [1] * 70 + shape),
            ("I32", shape),
            ("F16", [*shape, 2]),
            ("BF16", [2, *shape]),
            ("U8", [*shape, 4]),
        ]
    )
    entry.update(dtype=dtype, shape=shape)
    return body


def _shaped(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    entry = _entry(header, dice)
    shape = entry["shape"] or [1]
    shape[dice.randrange(len(shape))] = dice.choice([dice.nasty_integer(), -1, 0, 1.5, "1", None])
    huge = [2**32] * 2
    entry["shape"] = dice.choice([shape, shape, shape * 2, [], huge, [0, 2**63], [-1, -4], [0]])
    return body


def _moved(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    entry, other = _entry(header, dice), _entry(header, dice)
    start, end = entry["data_offsets"]
    nasty = dice.nasty_integer()
    choices = [[end, start], [start, nasty], [nasty, end], [nasty, nasty], [start + 1, end + 1]]
    choices += [[start, end + 4], [start, end - 4], other["data_offsets"], [start], [0, 0]]
    entry["data_offsets"] = dice.choice(choices)
    return body


def _emptied(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    """A tensor with no elements, and the file without its bytes."""
    entry = _entry(header, dice)
    start, end = entry["data_offsets"]
    entry.update(shape=[0, dice.choice([0, 4, 2**63, 2**64 - 1])], data_offsets=[start, start])
    for other in filter(_is_whole, header.values()):
        first, last = other["data_offsets"]
        if first >= end and other is not entry:
            other["data_offsets"] = [first - end + start, last - end + start]
    return body[:start] + body[end:]


def _added(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    """A tensor more, with data of its own or with that of another."""
    name = dice.choice([*NASTY_TEXTS, "bert.encoder.layer.9.output.dense.bias", "cls.x"])
    offsets = [len(body), len(body) + 8]
    header[name] = {"dtype": "F32", "shape": [2], "data_offsets": offsets}
    if dice.random() < 0.3:
        header[name] = dict(_entry(header, dice))
        return body
    return body + bytes(8)


def _renamed(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    old = dice.choice(list(header) or [""])
    new = dice.choice([*NASTY_TEXTS, old.upper(), old.replace(".0.", ".00."), f"x.{old}", *header])
    header[new] = header.pop(old, None)
    return body


def _with_metadata(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    header[_METADATA] = dice.choice(
        [{"format": "pt"}, {"a": 1}, [], None, "@twice", {"a": "x" * 10**6}, {"a": "@object"}]
    )
    return body


def _of_other_data(header: dict[str, Any], body: bytes, dice: Dice) -> bytes:
    return raw.damaged(body, dice)


_CHANGES = [_edited, _edited, _of_other_dtype, _of_same_size, _of_same_size, _shaped, _shaped]
_CHANGES += [_moved, _moved, _emptied, _added, _renamed, _with_metadata, _of_other_data]
