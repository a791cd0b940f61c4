"""Mutations of any protocol buffer, by its wire format alone.

A message is a sequence of fields: a tag (number and wire type) and a value
(https://protobuf.dev/programming-guides/encoding).
"""

from tests.fuzz import raw
from tests.fuzz.dice import NASTY_TEXTS, Dice

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}

Field = tuple[int, int, int | bytes]  # number, wire type, value


def mutated_message(data: bytes, dice: Dice) -> bytes:
    """A message with one to three fields changed, each on whatever level."""
    for _ in range(dice.choice([1, 1, 2, 3])):
        data = _changed(data, dice)
    return data


def parsed(data: bytes) -> list[Field] | None:
    """The fields of a message; None where the bytes are none."""
    fields: list[Field] = []
    position = 0
    try:
        while position < len(data):
            tag, position = read_varint(data, position)
            number, kind = tag >> 3, tag & 7
            if kind == VARINT:
                value, position = read_varint(data, position)
            elif kind == BYTES:
                length, position = read_varint(data, position)
                value, position = data[position : position + length], position + length
            else:
                value = data[position : position + _WIDTHS[kind]]
                position += _WIDTHS[kind]
            fields.append((number, kind, value))
    except (IndexError, KeyError):
        return None
    known = all(0 < number < 2**12 for number, _, _ in fields)
    return fields if known and position == len(data) else None


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """An integer of seven bits per byte, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


def varint(value: int) -> bytes:
    """Writes an integer, a negative one as its complement in 64 bits."""
    value %= 2**64
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    return bytes([*result, value])


def message(fields: list[Field]) -> bytes:
    """Writes a message."""
    return b"".join(map(_field, fields))


def _changed(data: bytes, dice: Dice) -> bytes:
    fields = parsed(data)
    if not fields:
        return raw.damaged(data, dice)
    place = dice.randrange(len(fields))
    number, kind, value = fields[place]
    if kind == BYTES and parsed(value) and dice.random() < 0.8:
        fields[place] = number, kind, _changed(value, dice)
    else:
        dice.chosen.append(f"field {number}")
        fields[place : place + 1] = dice.apply(_CHANGES, fields[place])
    return message(fields)


def _field(field: Field) -> bytes:
    number, kind, value = field
    tag = varint(number << 3 | kind)
    if kind == VARINT:
        return tag + varint(value)
    return tag + (varint(len(value)) if kind == BYTES else b"") + value


def _revalued(field: Field, dice: Dice) -> list[Field]:
    number, kind, value = field
    if kind == VARINT:
        return [(number, kind, dice.choice([dice.nasty_integer(), dice.randint(0, 12)]))]
    if kind == BYTES:
        text = dice.choice(NASTY_TEXTS).encode("utf-8", "surrogatepass")
        return [(number, kind, dice.choice([text, raw.damaged(value, dice)]))]
    return [(number, kind, dice.randbytes(_WIDTHS[kind]))]


def _dropped(field: Field, dice: Dice) -> list[Field]:
    return []


def _repeated(field: Field, dice: Dice) -> list[Field]:
    return [field] * dice.choice([2, 2, 3, 100])


def _renumbered(field: Field, dice: Dice) -> list[Field]:
    return [(dice.choice([1, 2, 3, 4, 5, 6, 7, 15, 1000]), *field[1:])]


def _of_other_type(field: Field, dice: Dice) -> list[Field]:
    number, kind, value = field
    if kind == VARINT:
        return [(number, BYTES, varint(value))]
    return [(number, VARINT, int.from_bytes(value[:8], "little"))]


def _nested(field: Field, dice: Dice) -> list[Field]:
    """The field in itself, again and again."""
    number, _, value = field
    nested = varint(value) if isinstance(value, int) else value
    for _ in range(dice.choice([1, 90, 110, 2000])):
        nested = _field((number, BYTES, nested))
    return [(number, BYTES, nested)]


def _misread(field: Field, dice: Dice) -> list[Field]:
    """The field under a wrong length, so that what follows is read differently."""
    written = _field(field)
    return [(0, VARINT, 0), (field[0], BYTES, written[: dice.randint(0, len(written))])]


_CHANGES = [_revalued, _revalued, _revalued, _dropped, _repeated, _renumbered, _of_other_type]
_CHANGES += [_nested, _misread]
