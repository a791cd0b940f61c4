"""Optimizers."""

from collections.abc import Sequence
from typing import Any

import keras

from tfzoo.training.schedules import WarmupDecay


@keras.saving.register_keras_serializable(package="tfzoo")
class AdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` (https://arxiv.org/abs/1711.05101) in fewer passes over memory.

    Keras writes the update as a dozen operations a variable, each one a pass over it; TensorFlow
    has one fused kernel. Gradients of embedding rows are summed per row before their norm is taken.
    Other backends, and `amsgrad`, use Keras' own operations.

    Args:
        learning_rate: a number, or a schedule.
        no_decay: names of variables whose weights do not decay, such as "bias". Unlike what is told
            `exclude_from_weight_decay`, they are saved with the model.
        kwargs: those of `keras.optimizers.AdamW`.

    Example:

    >>> AdamW(learning_rate=5e-5, weight_decay=0.01, no_decay=["bias"]).no_decay
    ['bias']
    """

    def __init__(
        self, learning_rate: Any = 0.001, no_decay: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.no_decay = list(no_decay)
        # Keras searches whole paths, where a layer may be called "unbiased", on TensorFlow "x:0".
        self.exclude_from_weight_decay(var_names=[f"{name}(:0)?$" for name in self.no_decay])

    @property
    def _fused(self) -> bool:
        return keras.backend.backend() == "tensorflow" and not self.amsgrad

    def _clip_gradients(self, grads: list) -> list:
        if self._fused and self.global_clipnorm:
            return grads  # `_all_reduce_sum_gradients` clips what all replicas have summed
        return super()._clip_gradients(grads)

    def _all_reduce_sum_gradients(self, grads_and_vars: list) -> list:
        grads_and_vars = super()._all_reduce_sum_gradients(grads_and_vars)
        if not self._fused or not self.global_clipnorm:
            return grads_and_vars
        import tensorflow as tf

        grads, variables = zip(*grads_and_vars, strict=True)
        grads = [_sum_repeated_rows(gradient) for gradient in grads]
        grads, _ = tf.clip_by_global_norm(grads, self.global_clipnorm)
        return list(zip(grads, variables, strict=True))

    def _apply_weight_decay(self, variables: list) -> None:
        if not self._fused:  # else `update_step` does it
            super()._apply_weight_decay(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not self._fused:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        rate, beta_1, beta_2 = (
            tf.cast(value, variable.dtype) for value in (learning_rate, self.beta_1, self.beta_2)
        )
        if self.weight_decay and self._use_weight_decay(variable):
            variable.assign(variable * (1 - rate * tf.cast(self.weight_decay, variable.dtype)))
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
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "no_decay": self.no_decay}


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
        warmup: share of the steps that it rises; `fit` fills in how many steps there are.
        weight_decay: per step, times the learning rate.
        clip_norm: the largest global norm of the gradients.

    Example:

    >>> fine_tuning_optimizer(learning_rate=3e-5).weight_decay
    0.01
    """
    return AdamW(
        learning_rate=WarmupDecay(learning_rate, warmup=warmup),
        no_decay=["bias", "gamma", "beta"],
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        epsilon=1e-6,
    )


def _sum_repeated_rows(gradient: Any) -> Any:
    """`gradient` with each row of its `tf.IndexedSlices` once, so that its norm is the true one."""
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, where = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, where, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
