"""Damage to bytes of any kind, as disks, networks and enemies do it."""

from tests.fuzz.dice import Dice


def damaged(data: bytes, dice: Dice) -> bytes:
    """One to three damages, somewhere."""
    for _ in range(dice.choice([1, 1, 2, 3])):
        data = dice.apply(_DAMAGES, data)
    return data


def _flipped(data: bytes, dice: Dice) -> bytes:
    result = bytearray(data)
    for _ in range(dice.randint(1, 4) if data else 0):
        result[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(result)


def _overwritten(data: bytes, dice: Dice) -> bytes:
    width = dice.choice([1, 2, 4, 8])
    value = dice.nasty_integer() % 256**width
    start = dice.randint(0, len(data))
    written = value.to_bytes(width, dice.choice(["little", "big"]))
    return data[:start] + written + data[start + width :]


def _truncated(data: bytes, dice: Dice) -> bytes:
    return data[: dice.randint(0, len(data))]


def _beheaded(data: bytes, dice: Dice) -> bytes:
    return data[dice.randint(0, min(len(data), 64)) :]


def _extended(data: bytes, dice: Dice) -> bytes:
    return data + dice.randbytes(dice.choice([1, 8, 512, 10**5]))


def _repeated(data: bytes, dice: Dice) -> bytes:
    start, end = _slice(data, dice)
    return data[:end] + data[start:end] * dice.choice([1, 2, 100]) + data[end:]


def _removed(data: bytes, dice: Dice) -> bytes:
    start, end = _slice(data, dice)
    return data[:start] + data[end:]


def _spliced(data: bytes, dice: Dice) -> bytes:
    """A piece written over another place."""
    start, end = _slice(data, dice)
    place = dice.randint(0, len(data))
    return data[:place] + data[start:end] + data[place + end - start :]


def _exchanged(data: bytes, dice: Dice) -> bytes:
    first, second, third = sorted(dice.randint(0, len(data)) for _ in range(3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def _blanked(data: bytes, dice: Dice) -> bytes:
    start, end = _slice(data, dice)
    return data[:start] + dice.choice([b"\0", b"\xff", b" "]) * (end - start) + data[end:]


def _slice(data: bytes, dice: Dice) -> tuple[int, int]:
    start = dice.randint(0, len(data))
    return start, min(len(data), start + dice.choice([1, 4, 16, 64, 512]))


_DAMAGES = [_flipped, _overwritten, _truncated, _beheaded, _extended, _repeated, _removed]
_DAMAGES += [_spliced, _exchanged, _blanked]
