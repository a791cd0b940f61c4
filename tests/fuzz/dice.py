"""Choices that can be thrown again, and the values that loaders like least."""

import random
from collections.abc import Callable, Sequence
from typing import Any

NASTY_INTEGERS = [0, 1, 2, 3, 7, 8, 64, 127, 128, 255, 512, 2**15, 2**16, 10**5, 10**6, 2**31 - 1]
NASTY_INTEGERS += [2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
NASTY_TEXTS = ["", " ", ".", "..", "../x", "/etc/passwd", "C:\\x", "vocab.txt", "a\0b", "\n", "{0}"]
NASTY_TEXTS += ["\ud800", "é\u202e", "x" * 10**5, "1", "-1", "nan", "true", "null", "__class__"]


class Dice(random.Random):
    """Random choices, and the names of the mutations among them in `chosen`.

    Args:
        seed: the same seed makes the same choices, on every machine.
    """

    def __init__(self, seed: str):
        super().__init__(seed)
        self.chosen: list[str] = []

    def apply(self, mutations: Sequence[Callable], *args: Any) -> Any:
        """What one of the mutations makes of the arguments; each takes the dice last."""
        mutation = self.choice(mutations)
        self.chosen.append(mutation.__name__)
        return mutation(*args, self)

    def nasty_integer(self) -> int:
        """An integer at a limit of some type, or near it, also below zero."""
        value = self.choice(NASTY_INTEGERS) + self.choice([0, 0, -1, 1])
        return -value if self.random() < 0.2 else value
