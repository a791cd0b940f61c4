"""Pre-training of BERT and ALBERT: masked tokens, and how two texts follow each other, at once."""

from typing import Any, ClassVar

import keras

from tfzoo.layers import ClassificationHead
from tfzoo.models import AlbertBackbone, Backbone, BertBackbone
from tfzoo.tasks.masked_lm import MaskedLM, masked_lm_loss
from tfzoo.tokenizers import AlbertTokenizer, BertTokenizer


class Pretrainer(MaskedLM):
    """A masked language model that also tells how the two texts of a pair follow each other.

    `fit` takes pairs of strings and labels, ids or names of `relations`. Tokens are masked as in
    `MaskedLM`, whose arguments it has.

    Returns:
        A dict: `masked_lm` logits (B, P, V), `next_sentence` logits (B, 2), float32.
    """

    kind = "Pretrainer"
    takes_labels = True
    uses_pooler = True
    relations: ClassVar[tuple[str, str]]  # what the labels of pairs, 0 and 1, are called

    def __init__(self, backbone: Backbone, preprocessor: Any = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.next_sentence_head = ClassificationHead(
            2, dtype=self.dtype_policy, name="next_sentence_head"
        )
        self.next_sentence_head.build((None, backbone.embeddings.hidden_dim))

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> dict[str, Any]:
        embeddings = self.backbone.token_embedding.embeddings
        return {
            "masked_lm": self.masked_lm_head(
                outputs["sequence_output"], embeddings, inputs.get("masked_positions")
            ),
            "next_sentence": self.next_sentence_head(outputs["pooled_output"], training=training),
        }

    def targets(self, y: Any) -> Any:
        from tfzoo.data import class_ids

        return y if isinstance(y, dict) else class_ids(y, self.relations)

    def default_loss(self) -> dict[str, keras.losses.Loss]:
        return {
            "masked_lm": masked_lm_loss(),
            "next_sentence": keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        }

    def compile(self, *args: Any, **kwargs: Any) -> None:
        names = ("masked_lm", "next_sentence")
        accuracies = {n: keras.metrics.SparseCategoricalAccuracy(name="accuracy") for n in names}
        kwargs.setdefault("weighted_metrics", accuracies)
        super().compile(*args, **kwargs)


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertPretrainer(Pretrainer):
    """ALBERT with both of its pre-training heads (https://arxiv.org/abs/1909.11942, section 3.1).

    See `Pretrainer`; a pair has the label 0 where its texts are in order, and 1 where they have
    been swapped.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> outputs = AlbertPretrainer(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]})
    >>> outputs["masked_lm"].shape, outputs["next_sentence"].shape
    (TensorShape([1, 1, 100]), TensorShape([1, 2]))
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer
    relations = ("in order", "swapped")


@keras.saving.register_keras_serializable(package="tfzoo")
class BertPretrainer(Pretrainer):
    """BERT with both of its pre-training heads (https://arxiv.org/abs/1810.04805, section 3.1).

    See `Pretrainer`; a pair has the label 0 where the second text follows the first, and 1 where it
    does not.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> outputs = BertPretrainer(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]})
    >>> outputs["masked_lm"].shape, outputs["next_sentence"].shape
    (TensorShape([1, 1, 100]), TensorShape([1, 2]))
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer
    relations = ("is next", "is not next")
