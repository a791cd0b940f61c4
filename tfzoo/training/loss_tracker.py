"""The loss that logs show: a sum of means, each over examples or tokens of its own."""

from collections.abc import Iterable
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="tfzoo")
class LossTracker(keras.metrics.Mean):
    """The mean of what it is given, plus the means of parts that have weights of their own.

    Pre-trainers average one loss over tokens and another over rows. The sum of both, averaged over
    batches, depends on how the batches are cut; the sum of their means over everything does not.

    Args:
        names: of the parts.
        name, dtype: those of `keras.metrics.Metric`.

    Example:

    >>> tracker = LossTracker(["masked_lm", "next_sentence"])
    >>> tracker.update_parts(
    ...     {"masked_lm": 3.0, "next_sentence": 1.0}, {"masked_lm": 1.0, "next_sentence": 2.0}
    ... )
    >>> tracker.update_parts(
    ...     {"masked_lm": 7.0, "next_sentence": 1.0}, {"masked_lm": 3.0, "next_sentence": 2.0}
    ... )
    >>> float(tracker.result())  # 6 of the tokens, and 1 of the rows
    7.0
    """

    def __init__(self, names: Iterable[str | None], name: str = "loss", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.parts = {each: keras.metrics.Mean(dtype=dtype) for each in names}

    def update_parts(self, means: dict[str | None, Any], weights: dict[str | None, Any]) -> None:
        """Adds a batch.

        Args:
            means: name -> the part's mean over the batch, a scalar.
            weights: name -> what that mean has been divided by.
        """
        for name, part in self.parts.items():
            part.update_state(means[name], sample_weight=weights[name])

    def result(self) -> Any:
        return super().result() + sum(part.result() for part in self.parts.values())

    def reset_state(self) -> None:
        super().reset_state()
        for part in self.parts.values():
            part.reset_state()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": list(self.parts)}
