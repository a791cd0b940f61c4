"""Masked language models."""

import os
from typing import Any

import keras
from keras import ops

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

_SERVED = 5  # tokens per mask that an export gives


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
                "A masked language model predicts tokens at masked positions: fill_mask takes "
                "texts, and predict features that have masked_positions."
            )
        return super().predict(x, batch_size=batch_size, **kwargs)

    def fill_mask(
        self, texts: Any, top_k: int = 5, batch_size: int | None = None
    ) -> list[list[list[dict[str, Any]]]]:
        """The likeliest tokens at the masks of texts, to read.

        Args:
            texts: N strings with at least one mask each, spelled as the tokenizer's `mask_token`:
                "[MASK]", or "<mask>" for RoBERTa.
            top_k: how many tokens are wanted per mask.
            batch_size: texts per batch; by default, as many as have the tokens of 32 texts of
                `sequence_length`.

        Returns:
            For each text, and for each of its masks, a list of `top_k` dicts, the likeliest first:
            `token`, what the token spells; `token_id`; `probability`; and `text`, the text with the
            token in place of this mask.

        Raises:
            DataError: a text has no mask, one behind `sequence_length`, or is no string.
            ConfigError: `top_k` is no number of tokens.
        """
        from tfzoo.data.masked_texts import fillings, masked_text_batches, masked_texts

        self._takes_text(texts)
        tokenizer = self.preprocessor.tokenizer
        most = tokenizer.vocabulary_size
        if type(top_k) is not int or not 1 <= top_k <= most:
            raise ConfigError(f"top_k must be a whole number from 1 to {most}, not {top_k!r:.60}.")
        texts = masked_texts(texts, tokenizer.mask_token)
        batches, order = masked_text_batches(self.preprocessor, texts, batch_size)
        found, answers = [], [[] for _ in texts]
        for features in batches.as_numpy_iterator():
            likeliest = self._likeliest(self.predict_on_batch(features), top_k)
            columns = map(ops.convert_to_numpy, (features["masked_positions"], *likeliest))
            found += zip(*columns, strict=True)
        for index, row in zip(order, found, strict=True):
            answers[index] = fillings(self.preprocessor, texts[index], index, *row)
        return answers

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        probabilities, ids = self._likeliest(outputs, _SERVED)
        return {"token_ids": ids, "probabilities": probabilities}

    def export(self, folder: str | os.PathLike[str], text_pair: bool = False) -> None:
        """Writes a SavedModel that takes texts with masks; see `tfzoo.serving.masks.MaskServing`.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: without effect: `serving_default` always takes single texts.

        Raises:
            ConfigError: the model has no preprocessor, or the folder cannot be written.
        """
        from tfzoo.serving import export
        from tfzoo.serving.masks import MaskServing

        export(MaskServing(self), folder)

    def _likeliest(self, outputs: Any, count: int) -> tuple[Any, Any]:
        """Probabilities and ids (B, P, count) of the likeliest tokens of the vocabulary."""
        logits = outputs["masked_lm"] if isinstance(outputs, dict) else outputs
        logits = logits[..., : self.preprocessor.tokenizer.vocabulary_size]  # without padding rows
        return ops.top_k(ops.softmax(logits), count)


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
