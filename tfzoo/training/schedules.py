"""Learning-rate schedules."""

import math
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError

_DECAYS_TO_AN_END = ("linear", "polynomial", "cosine")
_DECAYS = (*_DECAYS_TO_AN_END, "inverse_sqrt", "constant")


@keras.saving.register_keras_serializable(package="tfzoo")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then decay; by default as BERT is fine-tuned.

    https://arxiv.org/abs/1810.04805, appendix A.3. `fit` of a tfzoo task plans it over its steps.

    Args:
        peak: the highest learning rate.
        total_steps: optimizer steps from start to end; None until it is known, and for the decays
            that have no end.
        warmup: share of the steps that the rate rises, up to 1.0; the whole number 1, or more, is
            a number of steps.
        first_step: the optimizer's step at which the schedule starts.
        decay: "linear"; "polynomial"; "cosine", half a period (https://arxiv.org/abs/1608.03983);
            "inverse_sqrt", by the root of the steps (https://arxiv.org/abs/1706.03762, section
            5.3), which has no end; or "constant".
        power: of the polynomial.
        final: the learning rate towards which it decays.

    Raises:
        ConfigError: a number is out of range, or there is no such decay.

    Example:

    >>> schedule = WarmupDecay(peak=1.0, total_steps=10, warmup=0.2)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    >>> schedule = WarmupDecay(peak=1.0, warmup=4, decay="inverse_sqrt")
    >>> [round(float(schedule(step)), 3) for step in (0, 3, 15, 63)]
    [0.25, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        peak: float,
        total_steps: int | None = None,
        warmup: float = 0.1,
        first_step: int = 0,
        decay: str = "linear",
        power: float = 1.0,
        final: float = 0.0,
    ) -> None:
        if decay not in _DECAYS:
            raise ConfigError(f"There is no decay {decay!r}; there are {', '.join(_DECAYS)}.")
        if not (warmup >= 0 and power > 0):
            raise ConfigError(
                f"warmup is {warmup} and power is {power}; warmup must not be negative, and power "
                "must be positive."
            )
        if not 0 <= final <= peak < math.inf:
            raise ConfigError(
                f"peak is {peak} and final is {final}; a learning rate is not negative, and final "
                "is not above peak."
            )
        if total_steps is not None and not total_steps > 0:
            raise ConfigError(f"total_steps is {total_steps}; it must be positive.")
        self.peak, self.warmup = peak, warmup
        self.decay, self.power, self.final = decay, power, final
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
        """Optimizer steps from start to end; None until it is known."""
        return int(ops.convert_to_numpy(self._plan)[1]) or None

    @property
    def needs_length(self) -> bool:
        """Whether no rate is known before `total_steps` is."""
        share = self.warmup > 0 and not self._counts_warmup
        return share or self.decay in _DECAYS_TO_AN_END

    @property
    def _counts_warmup(self) -> bool:
        return self.warmup > 1 or isinstance(self.warmup, int)

    def plan(self, first_step: int, total_steps: int) -> None:
        """Starts the schedule anew at an optimizer's step, over this many steps."""
        self._planned = True
        self._plan.assign([first_step, total_steps])

    def __call__(self, step: Any) -> Any:
        if self.needs_length and not self._planned:
            raise ConfigError(
                "The schedule does not know its length; give WarmupDecay total_steps, or train "
                "with a tfzoo task's fit, which plans it."
            )
        first, total = ops.cast(self._plan[0], "float32"), ops.cast(self._plan[1], "float32")
        rising = ops.maximum(1.0, self.warmup if self._counts_warmup else self.warmup * total)
        step = ops.maximum(0.0, ops.cast(step, "float32") - first)
        falling = self.final + (self.peak - self.final) * self._share(step, rising, total)
        return ops.minimum(self.peak * (step + 1) / rising, falling)

    def _share(self, step: Any, rising: Any, total: Any) -> Any:
        """How much of the way from `final` up to `peak` is left at a step, from 1 to 0."""
        left = ops.clip((total - step) / ops.maximum(1.0, total - rising), 0.0, 1.0)
        match self.decay:
            case "polynomial":
                return left**self.power
            case "cosine":
                return (1 - ops.cos(math.pi * left)) / 2
            case "inverse_sqrt":
                return ops.sqrt(rising / ops.maximum(rising, step + 1))
            case "constant":
                return ops.ones_like(left)
        return left

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "first_step": self.first_step,
            "decay": self.decay,
            "power": self.power,
            "final": self.final,
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
        ConfigError: there is a schedule that needs a length, and that is not known.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, WarmupDecay):
        return
    if batches is None and schedule.needs_length:
        raise ConfigError(
            "The learning rate cannot be planned, because the data do not say how many batches "
            "they have; give fit steps_per_epoch, or compile with a learning rate of your own."
        )
    if batches is None and initial_epoch:
        return  # where the schedule started it knows itself
    # Keras counts batches, whether they are accumulated or not.
    step, batches = int(ops.convert_to_numpy(optimizer._iterations)), batches or 0
    schedule.plan(step - batches * initial_epoch, batches * epochs)
    if keras.backend.backend() == "jax":
        model.train_function = None  # it holds the variable's value as a constant
