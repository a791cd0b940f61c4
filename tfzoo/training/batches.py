"""The batches of a `fit`, from wherever it starts."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfzoo.errors import DataError


class Batches:
    """The batches of a fit, pass after pass.

    The order of a pass follows from how often the data were begun before, so going on in the third
    begins the first two, and skips the batches of the third that were seen.

    Args:
        data: a distributed dataset, in another order each time that it is iterated.
        count: how many batches it has; None where nobody knows before the first pass is over.
    """

    def __init__(self, data: Any, count: int | None) -> None:
        self.count = count
        self.passes, self.offset = 0, 0
        self._data = data
        self._iterator: Any = None

    def skip(self, passes: int, offset: int) -> None:
        """Goes on after so many passes, and so many batches of the next."""
        for _ in range(passes):
            next(iter(self._data))
        self.passes, self.offset = passes, offset
        if offset:
            self._iterator = iter(self._data)
            for _ in range(offset):
                next(self._iterator)

    def run(self, function: Callable[[Any, int], Any], most: int) -> tuple[Any, int]:
        """Gives a function the iterator and the number of steps that it may take.

        Returns:
            What it returns, and that number, at most `most`.

        Raises:
            StopIteration: a pass of unknown length is over.
            DataError: there are no batches.
        """
        self._iterator = self._iterator or iter(self._data)
        steps = 1 if self.count is None else min(most, self.count - self.offset)
        try:
            outputs = function(self._iterator, steps)
        except (StopIteration, tf.errors.OutOfRangeError):
            self.count = self.offset
            if not self.count:
                raise DataError("The data have no batches; give some.") from None
            self._begin_pass()
            raise StopIteration from None
        self.offset += steps
        if self.offset == self.count:
            self._begin_pass()
        return outputs, steps

    def _begin_pass(self) -> None:
        self.passes, self.offset, self._iterator = self.passes + 1, 0, None
