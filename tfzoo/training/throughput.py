"""How fast a model trains: examples and tokens per second, and the share of the device's peak."""

import math
import time
from typing import Any

import keras
import numpy as np
from keras import ops

from tfzoo.layers import MaskedLMHead, TransformerStack


def step_work(x: Any) -> Any:
    """What a batch asks of a model; padding does not count.

    Args:
        x: features. Those of an encoder are a dict with `token_ids` (..., S), and may have a
            `padding_mask` of that shape and `masked_positions`, where 0 stands for none.

    Returns:
        (4,) float32: examples, which are rows where texts are packed; tokens; pairs of tokens of a
        row, which attention is about; predictions of tokens.

    Example:

    >>> mask = ops.array([[1, 1, 1], [1, 1, 0]])
    >>> features = {"token_ids": mask, "padding_mask": mask, "masked_positions": mask[:, :1]}
    >>> ops.convert_to_numpy(step_work(features)).tolist()
    [2.0, 5.0, 13.0, 2.0]
    """
    examples = ops.cast(ops.shape(keras.tree.flatten(x)[0])[0], "float32")
    if not isinstance(x, dict) or "token_ids" not in x:
        return ops.stack([examples, 0.0, 0.0, 0.0])
    mask = x.get("padding_mask")
    mask = ops.ones_like(x["token_ids"]) if mask is None else mask
    lengths = ops.sum(ops.cast(mask, "float32"), axis=-1)
    tokens = predictions = ops.sum(lengths)
    if "masked_positions" in x:
        predictions = ops.sum(ops.cast(x["masked_positions"] != 0, "float32"))
    return ops.stack([examples, tokens, ops.sum(lengths**2), predictions])


def step_costs(model: keras.Model) -> np.ndarray:
    """The floating-point operations of training on each kind of `step_work`.

    They are those of https://arxiv.org/abs/2204.02311, appendix B: 6 per parameter of a matrix and
    token, 12 x heads x head size per layer and pair; a third where a layer is frozen. Shared layers
    count each time. What rematerialization does again does not count, nor do poolers, and heads
    whose output is small.

    Args:
        model: any, whose Transformer stacks and masked LM heads are what counts.

    Returns:
        (4,) float64.

    Example:

    >>> stack = TransformerStack(num_layers=2, num_heads=2, intermediate_dim=16)
    >>> stack.build((None, None, 4))
    >>> step_costs(keras.Sequential([stack])).tolist()
    [0.0, 2304.0, 96.0, 0.0]
    """
    tokens = pairs = predictions = 0
    for part in model._flatten_layers():
        if isinstance(part, TransformerStack):
            for layer in part.layers:
                passes = 3 if layer.trainable_weights else 1
                sizes = [math.prod(each.shape) for each in layer.weights if len(each.shape) == 2]
                tokens += passes * 2 * sum(sizes)
                pairs += passes * 4 * layer.attention.num_heads * layer.attention.size
        elif isinstance(part, MaskedLMHead):
            inputs, outputs = part.dense.kernel.shape
            predictions += 6 * outputs * (inputs + part.vocabulary_size)
    return np.array([0, tokens, pairs, predictions], float)


def current_learning_rate(model: keras.Model) -> float:
    """The learning rate of a model's next step."""
    return float(ops.convert_to_numpy(model.optimizer.learning_rate))


class Throughput:
    """Measures the steps of a `fit`; a callback tells it of each.

    The first step, which is traced, says nothing of the others' speed, and starts the clock.

    Args:
        model: a task that trains with `tfzoo.training.loop`, which leaves each step's `step_work`
            with it as `step_work`; there is nothing to be said of others.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._costs = step_costs(model)
        self._peak: float | None = None
        self._is_traced = False
        self.restart()

    @property
    def seconds(self) -> float:
        """How long ago the measurement began."""
        return time.monotonic() - self._start

    def restart(self) -> None:
        """Begins the measurement anew."""
        self._work, self._start = np.zeros(4), time.monotonic()

    def add_step(self) -> None:
        """Counts what the model has done last."""
        work = getattr(self._model, "step_work", None)
        if work is None:
            return
        if self._is_traced:
            self._work += work
            return
        if self._costs.any():
            from tfzoo.training.device_peak import peak_of

            backbone = getattr(self._model, "backbone", self._model)
            self._peak = peak_of(self._model.distribute_strategy, backbone.compute_dtype)
        self._is_traced = True
        self.restart()

    def rates(self) -> dict[str, float]:
        """What was done per second since the measurement began, which begins anew.

        Returns:
            `examples_per_second`, `tokens_per_second` and `peak_share`, the share of what matrix
            products alone would do in that time; those that are known.
        """
        work, seconds = self._work, self.seconds
        self.restart()
        if not work.any():
            return {}
        rates = {"examples_per_second": work[0] / seconds}
        if work[1]:
            rates["tokens_per_second"] = work[1] / seconds
        if self._peak:
            rates["peak_share"] = work @ self._costs / seconds / self._peak
        return {name: float(f"{rate:.4g}") for name, rate in rates.items()}
