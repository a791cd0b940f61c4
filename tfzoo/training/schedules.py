"""Learning-rate schedules."""

from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError


@keras.saving.register_keras_serializable(package="tfzoo")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then linear decay to zero, as BERT is fine-tuned.

    https://arxiv.org/abs/1810.04805, appendix A.3. `fit` of a tfzoo task plans it over its steps.

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
        self.warmup = warmup
        self._planned = total_steps is not None
        # A variable, so that a further `fit` plans anew without being traced anew.
        self._plan = keras.Variable(
            [first_step, total_steps or 0], dtype="float32", trainable=False, name="plan"
        )

    @property
    def first_step(self) -> int:
        """The optimizer's step at which the schedule starts."""
        return int(ops.convert_to_numpy(self._plan)[0])

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps from start to zero; None until it is known."""
        return int(ops.convert_to_numpy(self._plan)[1]) or None

    def plan(self, first_step: int, total_steps: int) -> None:
        """Starts the schedule anew at an optimizer's step, over this many steps."""
        self._planned = True
        self._plan.assign([first_step, total_steps])

    def __call__(self, step: Any) -> Any:
        if not self._planned:
            raise ConfigError(
                "The schedule does not know its length; give WarmupDecay total_steps, or train "
                "with a tfzoo task's fit, which plans it."
            )
        first, total = ops.cast(self._plan[0], "float32"), ops.cast(self._plan[1], "float32")
        rising = ops.maximum(1.0, self.warmup * total)
        falling = ops.maximum(1.0, total - rising)
        step = ops.cast(step, "float32") - first
        rate = ops.minimum((step + 1) / rising, (total - step) / falling)
        return self.peak * ops.clip(rate, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "first_step": self.first_step,
        }


def plan_schedule(
    model: keras.Model, batches: int | None, epochs: int, initial_epoch: int = 0
) -> None:
    """Spreads a model's `WarmupDecay`, if it has one, over the `fit` that is about to start.

    Args:
        model: a compiled model.
        batches: how many an epoch has, None where nobody knows.
        epochs: the epoch at which it ends, counted from 0.
        initial_epoch: the one at which it starts; the schedule goes on from there.

    Raises:
        ConfigError: there is a schedule, and its length is not known.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, WarmupDecay):
        return
    if batches is None:
        raise ConfigError(
            "The learning rate cannot be planned, because the data do not say how many batches "
            "they have; give fit steps_per_epoch, or compile with a learning rate of your own."
        )
    # Keras counts batches, whether they are accumulated or not.
    step = int(ops.convert_to_numpy(optimizer._iterations))
    schedule.plan(step - batches * initial_epoch, batches * epochs)
    if keras.backend.backend() == "jax":
        model.train_function = None  # it holds the variable's value as a constant
