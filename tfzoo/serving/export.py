"""A task as a SavedModel that needs neither tfzoo nor Keras to run."""

import os
from collections.abc import Callable
from typing import Any

from tfzoo.serving.saved_model import write_saved_model


def export(model: Any, folder: str | os.PathLike[str], text_pair: bool = False) -> None:
    """Writes a task as a SavedModel, complete or not at all.

    Its signatures, all with free batch and length:

    - `serving_default`: `text` (B,) strings, and `text_pair` (B,) if asked for -> the task's
      outputs, such as `logits` and `probabilities`;
    - `tokens`: `token_ids`, `padding_mask`, `segment_ids` (B, S) int32 -> the same;
    - `class_names`: nothing -> `class_names` (C,) strings, where the task has them.

    Whoever loads it imports tensorflow and tensorflow_text.

    Args:
        model: a tfzoo task with a preprocessor, under the TensorFlow backend.
        folder: created, or replaced if it holds a SavedModel.
        text_pair: whether `serving_default` takes pairs.

    Raises:
        ConfigError: the model or the backend cannot be exported, or the folder cannot be written.
    """
    write_saved_model(model, folder, lambda: _signatures(model, text_pair))


def _signatures(model: Any, text_pair: bool) -> dict[str, Callable]:
    import tensorflow as tf

    texts = tf.TensorSpec([None], tf.string)
    tokens = tf.TensorSpec([None, None], tf.int32)

    def answer(features: dict) -> dict:
        return model.outputs_for_serving(model(features, training=False))

    @tf.function(autograph=False, input_signature=[texts])
    def single(text: tf.Tensor) -> dict:
        return answer(model.preprocessor(text))

    @tf.function(autograph=False, input_signature=[texts, texts])
    def pair(text: tf.Tensor, text_pair: tf.Tensor) -> dict:
        return answer(model.preprocessor((text, text_pair)))

    @tf.function(autograph=False, input_signature=[tokens, tokens, tokens])
    def from_tokens(token_ids: tf.Tensor, padding_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict:
        return answer(
            {
                "token_ids": token_ids,
                "padding_mask": padding_mask,
                "segment_ids": segment_ids,
            }
        )

    signatures = {"serving_default": pair if text_pair else single, "tokens": from_tokens}
    if getattr(model, "class_names", None):

        @tf.function(autograph=False, input_signature=[])
        def class_names() -> dict:
            return {"class_names": tf.constant(list(model.class_names))}

        signatures["class_names"] = class_names
    return signatures
