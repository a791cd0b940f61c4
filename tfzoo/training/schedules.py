"""Learning-rate schedules."""

from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError


@keras.saving.register_keras_serializable(package="tfzoo")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then linear decay to zero, as BERT is fine-tuned.

    https://arxiv.org/abs/1810.04805, appendix A.3. `fit` of a tfzoo task fills in `total_steps`.

    Args:
        peak: the highest learning rate.
        total_steps: optimizer steps from start to zero; None until it is known.
        warmup: share of the steps that the rate rises.
        first_step: the optimizer's step at which the schedule starts.

    Example:

    >>> schedule = WarmupDecay(peak=1.0, total_steps=10, warmup=0.2)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        peak: float,
        total_steps: int | None = None,
        warmup: float = 0.1,
        first_step: int = 0,
    ) -> None:
        self.peak = peak
        self.total_steps = total_steps
        self.warmup = warmup
        self.first_step = first_step

    def __call__(self, step: Any) -> Any:
        if self.total_steps is None:
            raise ConfigError(
                "The schedule does not know its length; give WarmupDecay total_steps, or train "
                "with a tfzoo task's fit, which fills it in."
            )
        rising = max(1.0, self.warmup * self.total_steps)
        falling = max(1.0, self.total_steps - rising)
        step = ops.cast(step, "float32") - self.first_step
        rate = ops.minimum((step + 1) / rising, (self.total_steps - step) / falling)
        return self.peak * ops.clip(rate, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "first_step": self.first_step,
        }


def plan_schedule(model: keras.Model, steps_per_epoch: int | None, epochs: int) -> None:
    """Spreads a model's `WarmupDecay`, if it has one, over the `fit` that is about to start.

    Args:
        model: a compiled model.
        steps_per_epoch: optimizer steps per epoch, None where nobody knows.
        epochs: number of epochs.

    Raises:
        ConfigError: there is a schedule, and its length is not known.
    """
    schedule = getattr(model.optimizer, "_learning_rate", None)
    if not isinstance(schedule, WarmupDecay):
        return
    if steps_per_epoch is None:
        raise ConfigError(
            "The learning rate cannot be planned, because the data do not say how many batches "
            "they have; give fit steps_per_epoch, or compile with a learning rate of your own."
        )
    schedule.total_steps = steps_per_epoch * epochs
    schedule.first_step = int(model.optimizer.iterations)
    model.train_function = None  # traced with the numbers of an earlier fit
