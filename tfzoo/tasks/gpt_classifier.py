"""Classification with decoders, whose last token is the one that has seen all others."""

from typing import Any, ClassVar

import keras

from tfzoo.layers.heads import gather_positions, last_tokens
from tfzoo.models import GPT2Backbone, GPT3Backbone
from tfzoo.tasks.classifier import Classifier
from tfzoo.tokenizers import GPT2Tokenizer


class LastToken:
    """Mixed into a task on one vector per row, which here is that of its last real token.

    Of rows of several packed sequences, `cls_positions` (B, K) are the columns of the last tokens.
    """

    head_bias: ClassVar[bool] = False  # as in Hugging Face's models of this kind

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        """What the task's own `heads` return; see `Task.heads`."""
        vectors = self.vectors(outputs["sequence_output"], inputs)
        return super().heads({**outputs, "pooled_output": vectors}, inputs, training)

    def vectors(self, hidden: Any, inputs: dict[str, Any]) -> Any:
        """What the head is given: (B, H) or (B, K, H), of hidden states (B, S, H)."""
        if "cls_positions" in inputs:
            return gather_positions(hidden, inputs["cls_positions"])
        return last_tokens(hidden, inputs.get("padding_mask"))


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT2Classifier(LastToken, Classifier):
    """Classifies texts, and pairs joined by <|endoftext|>, by GPT-2's last token.

    See `Classifier` for the arguments. Hugging Face's is `GPT2ForSequenceClassification`.

    Example:

    >>> backbone = GPT2Backbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = GPT2Classifier(backbone, num_classes=3)
    >>> model({"token_ids": keras.ops.array([[45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = GPT2Backbone
    tokenizer_class = GPT2Tokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT3Classifier(LastToken, Classifier):
    """Classifies texts, and pairs joined by <|endoftext|>, by GPT-3's last token.

    See `Classifier` for the arguments.

    Example:

    >>> backbone = GPT3Backbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = GPT3Classifier(backbone, num_classes=3)
    >>> model({"token_ids": keras.ops.array([[45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = GPT3Backbone
    tokenizer_class = GPT2Tokenizer
