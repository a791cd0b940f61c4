"""A masked language model as `export` takes it, whose answers are about masks."""

from typing import TYPE_CHECKING, Any

from tfzoo.tokenizers.masks import MaskPreprocessor

if TYPE_CHECKING:
    import tensorflow as tf


class MaskServing:
    """Stands in for a masked language model where `tfzoo.serving.export` asks for a model.

    `serving_default` takes `text` (B,), in which masks are spelled out, and returns, padded to the
    text of most masks P, for each mask the five likeliest tokens: `tokens` (B, P, 5) strings,
    `token_ids` (B, P, 5) int32, -1 for padding, and `probabilities` (B, P, 5) float32, 0 for
    padding. A mask behind `sequence_length` tokens is cut off. `tokens` gives the same for all
    tokens (B, S, 5).

    Args:
        model: a `tfzoo.tasks.masked_lm.MaskedLM`.
    """

    def __init__(self, model: Any):
        self._model = model
        self.weights = model.weights
        self.preprocessor = model.preprocessor and MaskPreprocessor(model.preprocessor)

    def __call__(self, features: dict[str, Any], training: bool) -> dict[str, "tf.Tensor"]:
        """The outputs of the signature that has these features."""
        import tensorflow as tf

        outputs = self._model.outputs_for_serving(self._model(features, training=training))
        ids, probabilities = outputs["token_ids"], outputs["probabilities"]
        is_real = features.get("masked_positions", features["padding_mask"])[..., None] > 0
        tokenizer = self._model.preprocessor.tokenizer
        spellings = tf.constant([tokenizer.append("", i) for i in range(tokenizer.vocabulary_size)])
        return {
            "tokens": tf.where(is_real, tf.gather(spellings, ids), ""),
            "token_ids": tf.where(is_real, ids, -1),
            "probabilities": tf.where(is_real, probabilities, 0.0),
        }

    def outputs_for_serving(self, outputs: dict[str, "tf.Tensor"]) -> dict[str, "tf.Tensor"]:
        """The outputs as they are."""
        return outputs
