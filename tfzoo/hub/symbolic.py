"""What a TensorFlow function gives, without running it."""

from collections.abc import Callable
from typing import Any

import keras

from tfzoo.errors import ConfigError


def output_spec(call: Callable[[Any], Any], inputs: Any) -> Any:
    """The `KerasTensor`s that a function would give; Keras' own inference knows no ragged ones.

    Args:
        call: a function of one structure of tensors, dense, ragged or sparse, of any dtype.
        inputs: the structure, of `KerasTensor`s and tensors.

    Raises:
        ConfigError: TensorFlow cannot tell the rank of an output.
    """
    import tensorflow as tf

    specs = keras.tree.map_structure(_type_spec, inputs)
    with keras.StatelessScope():  # where `add_loss` leaves nothing behind
        trace = tf.function(call, autograph=False).get_concrete_function(specs)
    return keras.tree.map_structure(_keras_tensor, trace.structured_outputs)


def _type_spec(value: Any) -> Any:
    import tensorflow as tf

    if not isinstance(value, keras.KerasTensor):
        return tf.type_spec_from_value(value)
    if value.ragged:
        return tf.RaggedTensorSpec(
            value.shape, value.dtype, value.ragged_rank, value.row_splits_dtype or tf.int64
        )
    if value.sparse:
        return tf.SparseTensorSpec(value.shape, value.dtype)
    return tf.TensorSpec(value.shape, value.dtype)


def _keras_tensor(output: Any) -> keras.KerasTensor:
    import tensorflow as tf

    spec = tf.type_spec_from_value(output)
    if spec.shape.rank is None:
        raise ConfigError(
            "TensorFlow cannot tell the shape of an output; give it as output_shape=, without the "
            "batch size."
        )
    kind = {}
    if isinstance(spec, tf.RaggedTensorSpec):
        kind = {
            "ragged": True,
            "ragged_rank": spec.ragged_rank,
            "row_splits_dtype": spec.row_splits_dtype.name,
        }
    elif isinstance(spec, tf.SparseTensorSpec):
        kind = {"sparse": True}
    return keras.KerasTensor(tuple(spec.shape), spec.dtype.name, **kind)
