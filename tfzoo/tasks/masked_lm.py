"""Masked language models."""

from typing import Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.layers import MaskedLMHead
from tfzoo.models import (
    AlbertBackbone,
    Backbone,
    BertBackbone,
    DistilBertBackbone,
    ElectraBackbone,
    RobertaBackbone,
)
from tfzoo.tasks.token_task import TokenTask
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)


class MaskedLM(TokenTask):
    """Predicts masked tokens (https://arxiv.org/abs/1810.04805, section 3.1).

    `fit` and `evaluate` take strings without labels: 15% of each text's tokens are to be predicted,
    chosen anew each epoch; 80% of them become [MASK], 10% a random token, 10% stay.

    Args:
        backbone: a backbone with a `sequence_output`.
        preprocessor: turns strings into features; None takes features.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features; optionally `masked_positions` (B, P), the columns to
            predict.

    Returns:
        Logits (B, P, V) float32; (B, S, V) without `masked_positions`.
    """

    kind = "MaskedLM"
    takes_labels = False

    def __init__(self, backbone: Backbone, preprocessor: Any = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.masked_lm_head = masked_lm_head(backbone)
        self.built = True

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        embeddings = self.backbone.token_embedding.embeddings
        return self.masked_lm_head(
            outputs["sequence_output"], embeddings, inputs.get("masked_positions")
        )

    def default_loss(self) -> keras.losses.Loss:
        return masked_lm_loss()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("weighted_metrics", [masked_lm_accuracy()])
        super().compile(*args, **kwargs)

    def finish_batches(self, batches: Any, seed: int, training: bool) -> Any:
        from tfzoo.data.masking import masked_batches

        return masked_batches(batches, self.preprocessor.tokenizer, seed, anew=training)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """`keras.Model.predict` on features, for all positions or `masked_positions`."""
        if self._takes_text(x):
            raise ConfigError(
                "A masked language model predicts tokens at masked positions; give it features "
                "that have masked_positions."
            )
        return super().predict(x, batch_size=batch_size, **kwargs)


def masked_lm_head(backbone: Backbone) -> MaskedLMHead:
    """The head that fits a backbone, built."""
    embedding, settings = backbone.token_embedding, backbone.encoder.layer_config
    head = MaskedLMHead(
        embedding.input_dim,
        activation=settings["activation"],
        layer_norm_epsilon=settings["layer_norm_epsilon"],
        dtype=backbone.dtype_policy,
        name="masked_lm_head",
    )
    head.build(
        (None, None, backbone.embeddings.hidden_dim), (embedding.input_dim, embedding.output_dim)
    )
    return head


def masked_lm_loss() -> keras.losses.Loss:
    """Cross-entropy averaged over the predicted tokens, wherever they stand."""
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )


def masked_lm_accuracy() -> keras.metrics.Metric:
    """Share of the predicted tokens that are right."""
    return keras.metrics.SparseCategoricalAccuracy(name="masked_lm_accuracy")


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertMaskedLM(MaskedLM):
    """ALBERT as a masked language model; see `MaskedLM` for the arguments.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> AlbertMaskedLM(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]}).shape
    TensorShape([1, 1, 100])
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertMaskedLM(MaskedLM):
    """BERT as a masked language model; see `MaskedLM` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> BertMaskedLM(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]}).shape
    TensorShape([1, 1, 100])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertMaskedLM(MaskedLM):
    """DistilBERT as a masked language model; see `MaskedLM` for the arguments.

    Example:

    >>> backbone = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> DistilBertMaskedLM(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]}).shape
    TensorShape([1, 1, 100])
    """

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraMaskedLM(MaskedLM):
    """ELECTRA's generator; see `MaskedLM` for the arguments.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[2, 45, 67, 3]])
    >>> ElectraMaskedLM(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]}).shape
    TensorShape([1, 1, 100])
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaMaskedLM(MaskedLM):
    """RoBERTa as a masked language model; see `MaskedLM` for the arguments.

    Example:

    >>> backbone = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = keras.ops.array([[0, 45, 67, 2]])
    >>> RobertaMaskedLM(backbone)({"token_ids": ids, "masked_positions": ids[:, :1]}).shape
    TensorShape([1, 1, 100])
    """

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
