"""A token classifier as `export` takes it, whose answers are about words."""

from typing import TYPE_CHECKING, Any

from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.words import WordPreprocessor, split_words

if TYPE_CHECKING:
    import tensorflow as tf


class WordServing:
    """Stands in for a token classifier where `tfzoo.serving.export` asks for a model.

    `serving_default` takes `text` (B,), any length of it, and returns, padded to the text of most
    words W: `words` (B, W), "" for padding; `labels` (B, W), their likeliest labels, names or, of a
    model without names, ids; `probabilities` and `logits` (B, W, C). `tokens` gives `logits` and
    `probabilities` (B, S, C) of tokens.

    Args:
        model: a `tfzoo.tasks.token_classifier.TokenClassifier`.
    """

    def __init__(self, model: Any):
        self._model = model
        self.weights = model.weights
        self.class_names = model.class_names
        self.preprocessor = model.preprocessor and self._features

    def __call__(self, features: dict[str, Any], training: bool) -> dict[str, "tf.Tensor"]:
        """The outputs of the signature that has these features."""
        outputs = self._model.outputs_for_serving(self._model(features, training=training))
        return self._of_words(features, outputs) if "words" in features else outputs

    def outputs_for_serving(self, outputs: dict[str, "tf.Tensor"]) -> dict[str, "tf.Tensor"]:
        """The outputs as they are."""
        return outputs

    def _features(self, texts: Any) -> dict[str, Any]:
        import tensorflow as tf

        words = split_words(text_tensors(texts))
        begins = words.with_flat_values(tf.ones_like(words.flat_values, tf.int32))
        rows = WordPreprocessor(self._model.preprocessor)({"words": words, "begins": begins})
        return {**rows, "words": words}

    def _of_words(self, features: dict[str, Any], outputs: dict) -> dict[str, "tf.Tensor"]:
        import tensorflow as tf

        words, begins = features["words"], features["begins"] != 0  # (B, None), (R, S)
        # The windows of a text follow each other, and each word begins in one of them.
        answers = {name: tf.boolean_mask(each, begins) for name, each in outputs.items()}
        names = self.class_names or list(range(self._model.num_classes))
        answers["labels"] = tf.gather(names, tf.argmax(answers["logits"], axis=-1))
        padded = {name: words.with_flat_values(each).to_tensor() for name, each in answers.items()}
        return {**padded, "words": words.to_tensor()}
