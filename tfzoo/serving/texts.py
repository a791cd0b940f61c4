"""A language model as a SavedModel: prompts in, what follows them out."""

import os
from collections.abc import Callable
from typing import Any

from tfzoo.errors import ConfigError
from tfzoo.generation.loop import NO_END
from tfzoo.generation.served import Served
from tfzoo.serving.saved_model import write_saved_model


def export_texts(model: Any, folder: str | os.PathLike[str], max_new_tokens: int) -> None:
    """Writes a language model as a SavedModel, complete or not at all.

    Its signatures, all with free batch and length:

    - `serving_default`: `prompt` (B,) strings -> `text` (B,) strings, what follows by greedy search
      until a text ends or has `max_new_tokens`;
    - `generate`: `prompt` (B,) strings; `max_new_tokens`, `top_k` and `seed`, int32 scalars;
      `temperature` and `top_p`, float32 scalars -> `text` (B,) strings, as `generate` of the model
      gives them. A temperature of 0 is greedy search; a `top_k` of 0 and a `top_p` of 1 are no
      limit. A setting out of range, and NaN among the model's logits, are InvalidArgumentErrors
      with a sentence;
    - `tokens`: `token_ids`, `padding_mask` (B, S) int32 -> `logits` (B, S, V) float32 of the next
      token after each.

    Of a prompt that is too long for the model's context, the last tokens are kept that leave room
    for the new ones. An empty prompt stands for the beginning of a text; of a family without a
    token for that, as GPT, it is an InvalidArgumentError.

    Whoever loads it imports tensorflow and tensorflow_text.

    Args:
        model: a `CausalLM` with a preprocessor, under the TensorFlow backend.
        folder: created, or replaced if it holds a SavedModel.
        max_new_tokens: of `serving_default`.

    Raises:
        ConfigError: the model or the backend cannot be exported, its context has no room for the
            new tokens and a prompt, or the folder cannot be written.
    """
    positions = model.backbone.embeddings.max_sequence_length
    if type(max_new_tokens) is not int or not 0 < max_new_tokens < positions:
        raise ConfigError(
            f"max_new_tokens is {max_new_tokens!r:.60}; give a number from 1 to {positions - 1}, "
            f"for the model's {positions} positions are those of a prompt too."
        )
    write_saved_model(model, folder, lambda: _signatures(model, max_new_tokens))


def _signatures(model: Any, new_tokens: int) -> dict[str, Callable]:
    import tensorflow as tf

    prompts = tf.TensorSpec([None], tf.string)
    tokens = tf.TensorSpec([None, None], tf.int32)
    count, share = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)

    @tf.function(autograph=False, input_signature=[prompts, count, share, count, share, count])
    def generate(
        prompt: tf.Tensor,
        max_new_tokens: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict:
        _check(model, max_new_tokens, temperature, top_k, top_p)
        sampler = Served(temperature, top_k, top_p)
        return {"text": _texts(model, sampler, prompt, max_new_tokens, seed)}

    @tf.function(autograph=False, input_signature=[prompts])
    def greedy(prompt: tf.Tensor) -> dict:
        return generate(prompt, new_tokens, 0.0, 0, 1.0, 0)

    @tf.function(autograph=False, input_signature=[tokens, tokens])
    def from_tokens(token_ids: tf.Tensor, padding_mask: tf.Tensor) -> dict:
        features = {"token_ids": token_ids, "padding_mask": padding_mask}
        return model.outputs_for_serving(model(features, training=False))

    return {"serving_default": greedy, "generate": generate, "tokens": from_tokens}


def _check(model: Any, max_new_tokens: Any, temperature: Any, top_k: Any, top_p: Any) -> None:
    """Ends the graph with a sentence where a setting is out of range."""
    import tensorflow as tf

    most = model.backbone.embeddings.max_sequence_length - 1
    in_context = (max_new_tokens > 0) & (max_new_tokens <= most)
    for is_right, sentence, value in (
        (in_context, f"Give a max_new_tokens from 1 to {most}, not", max_new_tokens),
        (temperature >= 0, "Give a temperature of at least 0, not", temperature),
        (top_k >= 0, "Give a top_k of at least 0, not", top_k),
        ((top_p > 0) & (top_p <= 1), "Give a top_p above 0, up to 1, not", top_p),
    ):
        tf.debugging.Assert(is_right, [sentence, value])


def _texts(model: Any, sampler: Served, prompt: Any, steps: Any, seed: Any) -> Any:
    """What follows each prompt, as `model.generate` gives it."""
    import tensorflow as tf

    tokenizer = model.preprocessor.tokenizer
    end = NO_END if tokenizer.end_id is None else tokenizer.end_id
    ids = tokenizer(prompt)[:, steps - model.backbone.embeddings.max_sequence_length :]
    if end == NO_END:
        has_tokens = tf.reduce_all(ids.row_lengths() > 0)
        tf.debugging.Assert(has_tokens, ["A prompt is empty; give it at least one token."])
    lengths = tf.maximum(tf.cast(ids.row_lengths(), tf.int32), 1)  # the end token is a beginning
    columns = tf.maximum(ids.bounding_shape(axis=1), 1)
    token_ids = ids.to_tensor(max(end, 0), shape=tf.stack([-1, columns]))
    seed = tf.stack([tf.bitwise.bitwise_and(seed, 2**31 - 1), 0])
    state = model.generated(sampler, token_ids, lengths, steps, seed, end)
    is_broken = tf.reduce_any(state["broken"])
    tf.debugging.Assert(~is_broken, ["The model's logits are no numbers (NaN)."])
    new = tf.RaggedTensor.from_tensor(state["tokens"], lengths=state["lengths"])
    return tokenizer.detokenize(new)  # which leaves the end token out
