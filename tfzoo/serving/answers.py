"""A question answerer as a SavedModel: questions and contexts in, answers out."""

import os
from collections.abc import Callable
from typing import Any

from tfzoo.serving.saved_model import write_saved_model


def export_answers(model: Any, folder: str | os.PathLike[str]) -> None:
    """Writes a question answerer as a SavedModel, complete or not at all.

    Its signatures, all with free batch and length:

    - `serving_default`: `question` and `context` (B,) strings -> `text` (B,) strings, `start` and
      `end` (B,) int32, `score` and `null_difference` (B,) float32, as `QuestionAnswerer.answer`
      gives them; characters are those of the context without bytes that are not UTF-8;
    - `tokens`: `token_ids`, `padding_mask`, `segment_ids` (B, S) int32 -> `start_logits` and
      `end_logits` (B, S) float32.

    Whoever loads it imports tensorflow and tensorflow_text.

    Args:
        model: a `QuestionAnswerer` with a preprocessor, under the TensorFlow backend.
        folder: created, or replaced if it holds a SavedModel.

    Raises:
        ConfigError: the model or the backend cannot be exported, or the folder cannot be written.
    """
    write_saved_model(model, folder, lambda: _signatures(model))


def _signatures(model: Any) -> dict[str, Callable]:
    import tensorflow as tf

    texts = tf.TensorSpec([None], tf.string)
    tokens = tf.TensorSpec([None, None], tf.int32)

    @tf.function(autograph=False, input_signature=[texts, texts])
    def answer(question: tf.Tensor, context: tf.Tensor) -> dict:
        return _answers(model, question, context)

    @tf.function(autograph=False, input_signature=[tokens, tokens, tokens])
    def from_tokens(token_ids: tf.Tensor, padding_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict:
        features = {
            "token_ids": token_ids,
            "padding_mask": padding_mask,
            "segment_ids": segment_ids,
        }
        return model(features, training=False)

    return {"serving_default": answer, "tokens": from_tokens}


def _answers(model: Any, question: Any, context: Any) -> dict[str, Any]:
    """The best answers in the graph, as `QuestionAnswerer.answer` gives them."""
    import tensorflow as tf

    cutter = model.context_windows
    windows = cutter.encode(question, context)
    spans = windows.ranked(model(cutter.pad(windows.rows), training=False))

    def best(name: str, default: float) -> tf.Tensor:
        return spans[name][:, :1].to_tensor(default, shape=[None, 1])[:, 0]

    start, end, score = best("start", 0), best("end", 0), best("score", -float("inf"))
    difference = spans["null_score"] - score
    threshold = float("inf") if model.null_threshold is None else model.null_threshold
    is_null = (difference > threshold) | (score == -float("inf"))
    start, end = tf.where(is_null, 0, start), tf.where(is_null, 0, end)
    readable = tf.strings.unicode_transcode(context, "UTF-8", "UTF-8", errors="ignore")
    return {
        "text": tf.strings.substr(readable, start, end - start, unit="UTF8_CHAR"),
        "start": start,
        "end": end,
        "score": tf.where(is_null, spans["null_score"], score),
        "null_difference": difference,
    }
