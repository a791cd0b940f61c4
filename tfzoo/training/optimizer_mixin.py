"""What all optimizers of tfzoo share."""

import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError

_LAYER = re.compile(r"(?:^|/)layer_(\d+)/")
_EMBEDDINGS = re.compile(r"(?:^|/)embeddings/")


class OptimizerMixin:
    """What ours share: which weights decay, rates by layer, clipping, and averages.

    Keras clips each replica's gradients; here those that all replicas have summed are clipped.

    Args:
        learning_rate: a number, or a schedule.
        no_decay: names of variables whose weights do not decay, such as "bias". Unlike what is told
            `exclude_from_weight_decay`, they are saved with the model.
        layer_decay: each layer of a stack learns this many times as fast as the one above it; see
            `layer_scales`.
        kwargs: those of the Keras optimizer. With `use_ema` the average of the weights is
            over at most a tenth of the steps so far, until `ema_momentum` takes over.

    Raises:
        ConfigError: `layer_decay` is not above 0 and up to 1.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        no_decay: Sequence[str] = (),
        layer_decay: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if not 0 < layer_decay <= 1:
            raise ConfigError(f"layer_decay is {layer_decay}; it must be above 0 and up to 1.")
        super().__init__(learning_rate, **kwargs)
        self.no_decay = list(no_decay)
        self.layer_decay = layer_decay
        # Keras searches whole paths, where a layer may be called "unbiased", on TensorFlow "x:0".
        self.exclude_from_weight_decay(var_names=[f"{name}(:0)?$" for name in self.no_decay])

    def build(self, variables: list) -> None:
        """Makes the optimizer's variables for those of a model."""
        if not self.built and self.layer_decay != 1:
            paths = [variable.path for variable in variables]
            self._scales = layer_scales(paths, self.layer_decay)
        super().build(variables)

    def _rate_of(self, variable: Any, learning_rate: Any) -> Any:
        """The learning rate of a variable."""
        rate = ops.cast(learning_rate, variable.dtype)
        if self.layer_decay == 1:
            return rate
        return rate * self._scales[self._get_variable_index(variable)]

    def _decay_of(self, variable: Any) -> float:
        """What a variable's weights lose in a step, times its learning rate."""
        return self.weight_decay if self.weight_decay and self._use_weight_decay(variable) else 0.0

    def _apply_weight_decay(self, variables: list) -> None:
        """Nothing: `update_step` does it, at the variable's own rate."""

    def _clip_gradients(self, grads: list) -> list:
        if keras.backend.backend() == "tensorflow":
            return grads  # until `_all_reduce_sum_gradients`
        return super()._clip_gradients(grads)

    def _all_reduce_sum_gradients(self, grads_and_vars: list) -> list:
        import tensorflow as tf

        grads, variables = zip(*super()._all_reduce_sum_gradients(grads_and_vars), strict=True)
        if self.clipnorm or self.clipvalue or self.global_clipnorm:
            grads = [_sum_repeated_rows(gradient) for gradient in grads]
        if self.global_clipnorm:
            grads, _ = tf.clip_by_global_norm(grads, self.global_clipnorm)
        else:
            grads = super()._clip_gradients(grads)
        return list(zip(map(tf.convert_to_tensor, grads), variables, strict=True))

    def _update_model_variables_moving_average(self, trainable_variables: list) -> None:
        step = ops.cast(self.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, step / (step + 10))
        for variable, average in zip(
            trainable_variables, self._model_variables_moving_average, strict=True
        ):
            kept = ops.cast(momentum, variable.dtype)
            average.assign(kept * average + (1 - kept) * variable)

    def finalize_variable_values(self, var_list: list) -> None:
        """Gives variables the values that training ends with: with `use_ema`, the averages."""
        if int(ops.convert_to_numpy(self.iterations)):  # else the averages are zeros
            super().finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same optimizer of."""
        own = {"no_decay": self.no_decay, "layer_decay": self.layer_decay}
        return {**super().get_config(), **own}


def layer_scales(paths: Sequence[str], decay: float) -> list[float]:
    """How fast variables learn by the height of their layer, as ELECTRA is fine-tuned.

    https://arxiv.org/abs/2003.10555, appendix B. Heads and pooler learn at the full rate, the top
    layer at `decay` times that, each further layer at `decay` times the rate of the one above, and
    embeddings, the lowest, at one more. ALBERT's layers share their weights and are one.

    Args:
        paths: of all variables; a layer's has a part such as "layer_3", an embedding's has
            "embeddings".
        decay: above 0, up to 1.

    Example:

    >>> layer_scales(["embeddings/x", "encoder/layer_0/x", "encoder/layer_1/x", "head/x"], 0.5)
    [0.125, 0.25, 0.5, 1.0]
    """
    layers = [int(found[1]) if (found := _LAYER.search(path)) else None for path in paths]
    count = max((layer + 1 for layer in layers if layer is not None), default=0)

    def below_heads(path: str, layer: int | None) -> int:
        if layer is not None:
            return count - layer
        return count + 1 if _EMBEDDINGS.search(path) else 0

    return [decay ** below_heads(*each) for each in zip(paths, layers, strict=True)]


def _sum_repeated_rows(gradient: Any) -> Any:
    """`gradient` with each row of its `tf.IndexedSlices` once, so that its norm is the true one."""
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, where = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, where, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
