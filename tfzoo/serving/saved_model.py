"""A model's signatures as a SavedModel, complete or not at all."""

import os
from collections.abc import Callable
from typing import Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.folders import written_folder


def write_saved_model(
    model: Any, folder: str | os.PathLike[str], make_signatures: Callable[[], dict[str, Callable]]
) -> None:
    """Writes a SavedModel that needs neither tfzoo nor Keras.

    Args:
        model: a tfzoo task with a preprocessor, under the TensorFlow backend.
        folder: created, or replaced if it holds a SavedModel.
        make_signatures: makes its functions, by name.

    Raises:
        ConfigError: the model or the backend cannot be exported, or the folder cannot be written.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            "A SavedModel is written under TensorFlow; save a preset, and export it in a process "
            "with KERAS_BACKEND=tensorflow."
        )
    if model.preprocessor is None:
        raise ConfigError("Only a model with a preprocessor can be exported to take strings.")
    import tensorflow as tf

    module = tf.Module()
    module.model_weights = [variable.value for variable in model.weights]
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with written_folder(folder, "saved_model.pb") as partial:
        try:
            tf.saved_model.save(module, str(partial), make_signatures(), options)
        except tf.errors.OpError as error:
            reason = error.message.rpartition("}} ")[2].partition(" [Op:")[0]
            raise OSError(reason) from error
