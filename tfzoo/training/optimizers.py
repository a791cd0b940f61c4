"""Optimizers."""

from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.training.optimizer_mixin import OptimizerMixin
from tfzoo.training.schedules import WarmupDecay


@keras.saving.register_keras_serializable(package="tfzoo")
class AdamW(OptimizerMixin, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` (https://arxiv.org/abs/1711.05101) in fewer passes over memory.

    Keras writes the update as a dozen operations a variable, each one a pass over it; TensorFlow
    has one fused kernel. Other backends, and `amsgrad`, use Keras' own operations. Clipping is of
    the gradients summed over all replicas, and over all uses of an embedding's row.

    Args:
        learning_rate: a number, or a schedule.
        no_decay: names of variables whose weights do not decay, such as "bias". Unlike what is told
            `exclude_from_weight_decay`, they are saved with the model.
        layer_decay: each layer of a stack learns this many times as fast as the one above it; see
            `tfzoo.training.optimizer_mixin.layer_scales`.
        kwargs: those of `keras.optimizers.AdamW`.

    Example:

    >>> AdamW(learning_rate=5e-5, weight_decay=0.01, no_decay=["bias"]).no_decay
    ['bias']
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rate = self._rate_of(variable, learning_rate)
        if decay := self._decay_of(variable):
            variable.assign(variable * (1 - rate * decay))
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            super().update_step(gradient, variable, rate)
            return
        import tensorflow as tf

        beta_1, beta_2 = (tf.cast(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


@keras.saving.register_keras_serializable(package="tfzoo")
class Lamb(OptimizerMixin, keras.optimizers.Lamb):
    """LAMB (https://arxiv.org/abs/1904.00962), for large batches.

    Keras' own leaves weight decay out of the trust ratio, and adapts biases as well. Here the ratio
    is of the decayed update, as in the paper, and `no_decay` variables have none, as in the
    authors' code. A variable is a layer of the paper: query, key and value are one.

    Args:
        learning_rate: a number, or a schedule.
        no_decay: names of variables that neither decay nor are adapted, such as "bias".
        layer_decay: as of `AdamW`.
        epsilon: added to the root of the second moment.
        kwargs: those of `keras.optimizers.Lamb`.

    Example:

    >>> Lamb(learning_rate=1e-3, weight_decay=0.01, no_decay=["bias"]).epsilon
    1e-06
    """

    def __init__(self, *args: Any, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(*args, epsilon=epsilon, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        index = self._get_variable_index(variable)
        first = self.beta_1 * self._momentums[index] + (1 - self.beta_1) * gradient
        second = self.beta_2 * self._velocities[index] + (1 - self.beta_2) * ops.square(gradient)
        self.assign(self._momentums[index], first)
        self.assign(self._velocities[index], second)
        first, second = first / (1 - self.beta_1**step), second / (1 - self.beta_2**step)
        update = first / (ops.sqrt(second) + self.epsilon) + self._decay_of(variable) * variable
        if self._use_weight_decay(variable):
            ratio = ops.divide_no_nan(ops.norm(variable), ops.norm(update))
            update = update * ops.where(ratio > 0, ratio, ops.ones_like(ratio))
        self.assign_sub(variable, self._rate_of(variable, learning_rate) * update)


@keras.saving.register_keras_serializable(package="tfzoo")
class Adafactor(OptimizerMixin, keras.optimizers.Optimizer):
    """Adafactor (https://arxiv.org/abs/1804.04235), which remembers little.

    Of a matrix's second moments it keeps the means of rows and columns. Keras' own keeps the matrix
    besides, and bounds every learning rate by the steps' inverse root. A step is the learning rate
    times a variable's own scale; the paper's is the schedule in the example.

    Args:
        learning_rate: a number, or a schedule.
        beta_2_decay: exponent with which the newest gradient's weight decays.
        epsilon_1: added to squared gradients.
        epsilon_2: the smallest scale of a variable.
        clip_threshold: the largest root mean square of an update before it is scaled.
        kwargs: `no_decay` and `layer_decay` as of `AdamW`, and those of
            `keras.optimizers.Optimizer`.

    Example:

    >>> Adafactor(WarmupDecay(0.01, warmup=10_000, decay="inverse_sqrt")).clip_threshold
    1.0
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay, self.clip_threshold = beta_2_decay, clip_threshold
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2

    def build(self, variables: list) -> None:
        if self.built:
            return
        super().build(variables)
        self._moments = [self._moments_of(variable) for variable in variables]

    def _moments_of(self, variable: Any) -> tuple:
        """Of a matrix the means of rows and of columns, else all."""
        shape = tuple(variable.shape)
        shapes = [shape] if len(shape) < 2 else [shape[:-1], (*shape[:-2], shape[-1])]
        return tuple(
            self.add_variable(each, dtype=variable.dtype, name=f"{variable.name}_moment")
            for each in shapes
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        kept = 1 - step**self.beta_2_decay
        squares = ops.square(gradient) + self.epsilon_1
        moments = self._moments[self._get_variable_index(variable)]

        def remember(moment: Any, new: Any) -> Any:
            new = kept * moment + (1 - kept) * new
            self.assign(moment, new)
            return new

        if len(moments) == 1:
            update = gradient * ops.rsqrt(remember(moments[0], squares))
        else:
            rows = remember(moments[0], ops.mean(squares, axis=-1))
            columns = remember(moments[1], ops.mean(squares, axis=-2))
            rows = rows / ops.mean(rows, axis=-1, keepdims=True)
            update = gradient * ops.rsqrt(rows)[..., None] * ops.rsqrt(columns)[..., None, :]
        update = update / ops.maximum(1.0, _root_mean_square(update) / self.clip_threshold)
        update = update * ops.maximum(self.epsilon_2, _root_mean_square(variable))
        update = update + self._decay_of(variable) * variable
        self.assign_sub(variable, self._rate_of(variable, learning_rate) * update)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def make_optimizer(
    name: str,
    learning_rate: Any,
    *,
    weight_decay: float = 0.01,
    clip_norm: float | None = 1.0,
    layer_decay: float = 1.0,
    average: float | None = None,
    beta_2: float = 0.999,
    epsilon: float = 1e-6,
) -> keras.optimizers.Optimizer:
    """An optimizer for Transformers: LayerNorm's parameters and biases do not decay.

    Args:
        name: "adamw", "lamb" or "adafactor".
        learning_rate: a number, or a schedule such as `WarmupDecay`.
        weight_decay: per step, times the learning rate.
        clip_norm: the largest global norm of the gradients; None for any.
        layer_decay: each layer learns this many times as fast as the one above it.
        average: the momentum of an exponential moving average of the weights, such as 0.999, with
            which the model is evaluated and saved; None for none.
        beta_2, epsilon: of "adamw" and "lamb": the momentum of the second moments, and what is
            added to their roots.

    Raises:
        ConfigError: a number is out of range, or there is no such optimizer.

    Example:

    >>> schedule = WarmupDecay(1e-3, warmup=1000, decay="polynomial", power=0.5)
    >>> make_optimizer("lamb", schedule, average=0.999).use_ema
    True
    """
    classes = {"adamw": AdamW, "lamb": Lamb, "adafactor": Adafactor}
    if name not in classes:
        raise ConfigError(f"There is no optimizer {name!r}; there are {', '.join(classes)}.")
    if average is not None and not 0 <= average < 1:
        raise ConfigError(f"average is {average}; it must be from 0 on and below 1.")
    if not weight_decay >= 0 or (clip_norm is not None and not clip_norm > 0):
        raise ConfigError(
            f"weight_decay is {weight_decay} and clip_norm is {clip_norm}; weight_decay must not "
            "be negative, and clip_norm must be positive, or None."
        )
    if not (0 <= beta_2 < 1 and epsilon > 0):
        raise ConfigError(
            f"beta_2 is {beta_2} and epsilon is {epsilon}; beta_2 must be from 0 on and below 1, "
            "and epsilon positive."
        )
    settings = {} if name == "adafactor" else {"beta_2": beta_2, "epsilon": epsilon}
    if average is not None:
        settings |= {"use_ema": True, "ema_momentum": average}
    return classes[name](
        learning_rate=learning_rate,
        no_decay=["bias", "gamma", "beta"],
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        layer_decay=layer_decay,
        **settings,
    )


def fine_tuning_optimizer(
    learning_rate: float = 5e-5,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    clip_norm: float = 1.0,
) -> AdamW:
    """BERT's way to fine-tune: AdamW, linear warm-up and decay, clipped gradients.

    https://arxiv.org/abs/1810.04805, appendix A.3. LayerNorm's parameters and biases do not decay.

    Args:
        learning_rate: the peak.
        warmup: share of the steps that it rises, or their number; `fit` fills in how many there
            are.
        weight_decay, clip_norm: as of `make_optimizer`.

    Example:

    >>> fine_tuning_optimizer(learning_rate=3e-5).weight_decay
    0.01
    """
    schedule = WarmupDecay(learning_rate, warmup=warmup)
    return make_optimizer("adamw", schedule, weight_decay=weight_decay, clip_norm=clip_norm)


def _root_mean_square(values: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(values)))
