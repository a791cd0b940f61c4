"""Optimizers."""

from typing import Any

import keras

from tfzoo.training.schedules import WarmupDecay


@keras.saving.register_keras_serializable(package="tfzoo")
class AdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, on TensorFlow in fewer passes over memory.

    Keras writes the update as a dozen operations a variable, each one pass over it; TensorFlow has
    one fused kernel. Gradients of embedding rows are summed per row before their norm is taken.

    Args:
        kwargs: those of `keras.optimizers.AdamW`.

    Example:

    >>> AdamW(learning_rate=5e-5, weight_decay=0.01, global_clipnorm=1.0).name
    'adam_w'
    """

    def _clip_gradients(self, grads: list) -> list:
        if keras.backend.backend() != "tensorflow" or not self.global_clipnorm:
            return super()._clip_gradients(grads)
        import tensorflow as tf

        grads = [_sum_repeated_rows(gradient) for gradient in grads]
        return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta_1 = tf.cast(self.beta_1, variable.dtype)
        beta_2 = tf.cast(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )


def _sum_repeated_rows(gradient: Any) -> Any:
    """`gradient` with each row of its `tf.IndexedSlices` once, so that its norm is the true one."""
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, where = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, where, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


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
    optimizer = AdamW(
        learning_rate=WarmupDecay(learning_rate, warmup=warmup),
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        epsilon=1e-6,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
