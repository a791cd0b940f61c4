"""Mutations of JSON and of vocabularies."""

import json
from collections.abc import Iterator
from typing import Any

from tests.fuzz.dice import NASTY_TEXTS, Dice

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_NUMBERS = [0.5, -0.1, 1e308, 1e-320, 10**30, -(10**400), float("nan"), float("inf"), -float("inf")]
_VALUES = [None, True, False, [], {}, [[]], [None], {"": None}, {"class_name": "x", "config": {}}]
# JSON that Python's writer does not write, under the text that stands in for it.
_RAW = {
    "@array": "[" * 10**5,
    "@closed array": "[" * 900 + "]" * 900,
    "@object": '{"a":' * 900 + "1" + "}" * 900,
    "@digits": "9" * 5000,
    "@exponent": "1e999999999",
    "@escape": '"\\ud800\\u0000"',
    "@twice": '1, "hidden_size": 8, "hidden_size": 4',
}


def mutated_json(data: bytes, dice: Dice) -> bytes:
    """A JSON object with values, keys or its structure changed."""
    return written_json(edited(json.loads(data), dice), dice)


def edited(value: Any, dice: Dice) -> Any:
    """One to three edits in a value made of dicts and lists, which may be changed itself."""
    for _ in range(dice.choice([1, 1, 2, 3])):
        places = list(_places(value))
        if not places:
            return _replacement(value, dice)
        container, key = dice.choice(places)
        dice.chosen.append(f"at {key!r:.60}")
        dice.apply(_EDITS, container, key)
    return value


def written_json(value: Any, dice: Dice) -> bytes:
    """The text of a value, rarely in a form that is none."""
    text = json.dumps(value, indent=dice.choice([None, 1]))
    for name, raw in _RAW.items():
        text = text.replace(json.dumps(name), raw)
    if dice.random() < 0.1:
        return dice.apply(_SPELLINGS, text)
    return text.encode()


def mutated_vocabulary(data: bytes, dice: Dice) -> bytes:
    """A vocabulary with lines or their endings changed."""
    return dice.apply(_VOCABULARIES, data.decode().splitlines())


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in _keys(value) if isinstance(value, dict | list) else ():
        yield value, key
        yield from _places(value[key])


def _keys(container: Any) -> list[Any]:
    return list(container) if isinstance(container, dict) else list(range(len(container)))


def _replacement(value: Any, dice: Dice) -> Any:
    kinds = [_VALUES, _NUMBERS, NASTY_TEXTS, list(_RAW), [value], [str(value)]]
    return dice.choice([dice.nasty_integer(), dice.nasty_integer(), *map(dice.choice, kinds)])


def _replaced(container: Any, key: Any, dice: Dice) -> None:
    container[key] = _replacement(container[key], dice)


def _resized(container: Any, key: Any, dice: Dice) -> None:
    """Another number that could be meant, where there is one."""
    if isinstance(container[key], int):
        container[key] = dice.choice([1, 2, 3, 4, 6, 8, 11, 12, 16, 64, 300, 1000, 30522])
    else:
        _replaced(container, key, dice)


def _removed(container: Any, key: Any, dice: Dice) -> None:
    del container[key]


def _renamed(container: Any, key: Any, dice: Dice) -> None:
    if isinstance(container, dict):
        other = dice.choice([*NASTY_TEXTS, str(key).upper(), f"{key}_", *container])
        container[other] = container.pop(key)


def _added(container: Any, key: Any, dice: Dice) -> None:
    if isinstance(container, list):
        container.insert(key, _replacement(container[key], dice))
    else:
        container[f"{key}{dice.choice(['_', '2', ' '])}"] = container[key]


def _wrapped(container: Any, key: Any, dice: Dice) -> None:
    value = container[key]
    container[key] = dice.choice([[value], {"0": value}, [value] * 50, str(value)])


def _exchanged(container: Any, key: Any, dice: Dice) -> None:
    other = dice.choice(_keys(container))
    container[key], container[other] = container[other], container[key]


_EDITS = [_replaced, _replaced, _replaced, _resized, _resized, _removed, _renamed, _added]
_EDITS += [_wrapped, _exchanged]


def _with_mark(text: str, dice: Dice) -> bytes:
    return text.encode("utf-8-sig")


def _in_other_encoding(text: str, dice: Dice) -> bytes:
    return text.encode(dice.choice(["utf-16", "utf-32", "utf-7"]))


def _not_utf8(text: str, dice: Dice) -> bytes:
    place = dice.randrange(len(text) + 1)
    return text[:place].encode() + b"\xff\xfe\x80" + text[place:].encode()


def _followed(text: str, dice: Dice) -> bytes:
    return text.encode() + dice.choice([b"x", b"{}", b"\0", b"//"])


def _not_an_object(text: str, dice: Dice) -> bytes:
    return dice.choice([b"", b"null", b"[]", b"1", b'"a"', b"[" * 10**5, f"[{text}]".encode()])


_SPELLINGS = [_with_mark, _in_other_encoding, _not_utf8, _followed, _not_an_object]


def _joined(lines: list[str], end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode("utf-8", "surrogatepass")


def _without_special(lines: list[str], dice: Dice) -> bytes:
    lines.remove(dice.choice(_SPECIAL))
    return _joined(lines)


def _with_other_pieces(lines: list[str], dice: Dice) -> bytes:
    pieces = [*NASTY_TEXTS, "##", "##\0", "#" * 1000, "[unk]", "a b", "\u2028", "\xa0", "##[UNK]"]
    for _ in range(dice.randint(1, 3)):
        lines[dice.randrange(len(lines))] = dice.choice(pieces)
    return _joined(lines)


def _of_other_length(lines: list[str], dice: Dice) -> bytes:
    if dice.random() < 0.5:
        return _joined(lines[: dice.randrange(len(lines))])
    return _joined(lines + [f"w{number}" for number in range(dice.choice([1, 130, 10**5]))])


def _repeating(lines: list[str], dice: Dice) -> bytes:
    lines[dice.randrange(len(lines))] = dice.choice(lines)
    return _joined(lines)


def _reordered(lines: list[str], dice: Dice) -> bytes:
    dice.shuffle(lines)
    return _joined(lines)


def _with_other_endings(lines: list[str], dice: Dice) -> bytes:
    return _joined(lines, dice.choice(["\r\n", "\r", "\n\n", "\0\n", "\v", " \n", "\t\n", ""]))


def _with_other_bytes(lines: list[str], dice: Dice) -> bytes:
    return dice.apply(_SPELLINGS[:-1], _joined(lines).decode())


def _giant(lines: list[str], dice: Dice) -> bytes:
    line = dice.choice(["a", "##", "é", "[PAD]"]) * 10**6
    return _joined([*lines[:-1], line])


_VOCABULARIES = [_without_special, _with_other_pieces, _with_other_pieces, _of_other_length]
_VOCABULARIES += [_repeating, _reordered, _with_other_endings, _with_other_bytes, _giant]
