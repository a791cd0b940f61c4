"""A multiple-choice model as a SavedModel: contexts and choices in, probabilities out."""

import os
from collections.abc import Callable
from typing import Any

from tfzoo.serving.saved_model import write_saved_model
from tfzoo.tokenizers.choices import ChoicePreprocessor


def export_choices(model: Any, folder: str | os.PathLike[str]) -> None:
    """Writes a multiple-choice model as a SavedModel, complete or not at all.

    Its signatures, all with free sizes:

    - `serving_default`: `context` (B,) and `choices` (B, C) strings, of which "" is no choice ->
      `logits` and `probabilities` (B, C) float32;
    - `tokens`: `token_ids`, `padding_mask`, `segment_ids` (B, C, S) int32 -> the same.

    Whoever loads it imports tensorflow and tensorflow_text.

    Args:
        model: a `MultipleChoice` with a preprocessor, under the TensorFlow backend.
        folder: created, or replaced if it holds a SavedModel.

    Raises:
        ConfigError: the model or the backend cannot be exported, or the folder cannot be written.
    """
    write_saved_model(model, folder, lambda: _signatures(model))


def _signatures(model: Any) -> dict[str, Callable]:
    import tensorflow as tf

    contexts = tf.TensorSpec([None], tf.string)
    choices = tf.TensorSpec([None, None], tf.string)
    tokens = tf.TensorSpec([None, None, None], tf.int32)
    preprocessor = ChoicePreprocessor(model.preprocessor)

    @tf.function(autograph=False, input_signature=[contexts, choices])
    def choose(context: tf.Tensor, choices: tf.Tensor) -> dict:
        features = preprocessor({"context": context, "choices": choices})
        return model.outputs_for_serving(model(features, training=False))

    @tf.function(autograph=False, input_signature=[tokens, tokens, tokens])
    def from_tokens(token_ids: tf.Tensor, padding_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict:
        features = {
            "token_ids": token_ids,
            "padding_mask": padding_mask,
            "segment_ids": segment_ids,
        }
        return model.outputs_for_serving(model(features, training=False))

    return {"serving_default": choose, "tokens": from_tokens}
