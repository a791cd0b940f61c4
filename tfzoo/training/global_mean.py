"""Losses averaged over all examples or tokens of a step, however the step is cut into pieces."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
_context = threading.local()  # replicas of a strategy are traced in threads of their own


@keras.saving.register_keras_serializable(package="tfzoo")
class GlobalMean(keras.losses.Loss):
    """A loss whose mean over a piece of a batch counts as much as the piece does.

    Replicas and micro-batches may have different numbers of examples, or of tokens with weight:
    the mean of their means is not the mean of all. Inside `totals`, a piece's loss is its sum
    divided by the whole step's total, times the number of pieces: so the mean of all pieces is the
    mean of the whole step. Elsewhere the loss is what it is without the wrapper.

    Args:
        loss: a `keras.losses.Loss` that averages, by examples or by sample weights.
        output: the name of the output whose loss it is; None where there is one output.
    """

    def __init__(self, loss: keras.losses.Loss, output: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=loss.name, reduction=loss.reduction, **kwargs)
        self.loss = loss
        self.output = output

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        value = self.loss(y_true, y_pred, sample_weight)
        if (totals := getattr(_context, "totals", None)) is None:
            return value
        mine = weight_of(self.loss, y_pred, sample_weight)
        share = ops.divide_no_nan(mine, totals[self.output])
        value = ops.sum(value)  # which Keras leaves in the shape (0,) where there are no examples
        return value * ops.cast(share * _context.pieces, value.dtype)

    def get_config(self) -> dict[str, Any]:
        return {"loss": keras.saving.serialize_keras_object(self.loss), "output": self.output}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "GlobalMean":
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def weight_of(loss: keras.losses.Loss, rows: Any, sample_weight: Any) -> Any:
    """What a loss divides by: the sum of the weights, or the number of examples.

    Args:
        loss: says which.
        rows: any tensor with the examples as its first axis.
        sample_weight: None for ones.

    Returns:
        A float32 scalar.
    """
    if loss.reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.sum(ops.cast(sample_weight, "float32"))
    return ops.cast(ops.shape(rows)[0], "float32")


def wrapped(loss: Any, in_pieces: bool) -> Any:
    """Losses as `compile` takes them, each one a `GlobalMean` if it needs to be.

    Args:
        loss: one, or a dict by the names of outputs.
        in_pieces: whether steps are cut into pieces, so that every loss needs it. If they are not,
            those do that divide by sample weights: the others count by examples, as steps do.

    Raises:
        ConfigError: a loss of pieces does not average.
    """
    if isinstance(loss, dict):
        return {name: _wrapped(each, name, in_pieces) for name, each in loss.items()}
    return _wrapped(loss, None, in_pieces)


def _wrapped(loss: Any, output: str | None, in_pieces: bool) -> Any:
    if not in_pieces and getattr(loss, "reduction", None) != "mean_with_sample_weight":
        return loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if loss is None or isinstance(loss, GlobalMean):
        return loss
    if not isinstance(loss, keras.losses.Loss):
        loss = _OfFunction(loss)
    if loss.reduction not in _MEANS:
        raise ConfigError(
            f"The loss {loss.name} has the reduction {loss.reduction!r}; several replicas and "
            f"micro-batches need one that averages: {', '.join(_MEANS)}."
        )
    return GlobalMean(loss, output)


def global_means(loss: Any) -> dict[str | None, GlobalMean]:
    """Those among a model's losses that are, by the names of their outputs."""
    return {name: each for name, each in by_output(loss).items() if isinstance(each, GlobalMean)}


def by_output(loss: Any) -> dict[str | None, Any]:
    """A model's losses by the names of their outputs; None is that of the only one."""
    return loss if isinstance(loss, dict) else {None: loss}


@keras.saving.register_keras_serializable(package="tfzoo")
class _OfFunction(keras.losses.Loss):
    def __init__(self, function: Any, **kwargs: Any) -> None:
        super().__init__(name=getattr(function, "__name__", "loss"), **kwargs)
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return {"function": keras.saving.serialize_keras_object(self.function)}


@contextlib.contextmanager
def step_totals(totals: dict[str | None, Any], pieces: int) -> Iterator[None]:
    """Makes every `GlobalMean` inside count as its piece of a step.

    Args:
        totals: name of an output -> what its loss divides by, of the whole step.
        pieces: how many pieces the step has.
    """
    _context.totals, _context.pieces = totals, pieces
    try:
        yield
    finally:
        _context.totals = None
