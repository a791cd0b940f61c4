"""Language models that predict the next token."""

import os
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers.token_losses import token_losses
from tfzoo.models import Backbone, GPT2Backbone, GPT3Backbone, GPTBackbone
from tfzoo.tasks.few_shot import FewShot
from tfzoo.tasks.generation import Generation
from tfzoo.tasks.scoring import Scoring
from tfzoo.tasks.task import Task
from tfzoo.tokenizers import GPT2Tokenizer, GPTTokenizer, LanguageModelPreprocessor


class CausalLM(FewShot, Generation, Scoring, Task):
    """Predicts the next token, by the token embeddings.

    `fit` and `evaluate` take strings without labels, or batches of
    `tfzoo.data.packing.packed_documents`.

    Args:
        backbone: a `tfzoo.models.DecoderBackbone`.
        preprocessor: a `tfzoo.tokenizers.LanguageModelPreprocessor`; None takes features.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features; optionally `labels` (B, S), the next tokens.

    Returns:
        Logits (B, S, V) float32; with `labels`, their losses (B, S), for which no more than a part
        of the logits is ever in memory.
    """

    kind = "CausalLM"
    takes_labels = False
    uses_pooler = False
    preprocessor_class = LanguageModelPreprocessor
    default_sequence_length = 1024

    def __init__(self, backbone: Backbone, preprocessor: Any = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.built = True

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        hidden = outputs["sequence_output"]
        if "labels" in inputs:
            return token_losses(hidden, self.output_matrix(hidden.dtype), inputs["labels"])
        return self.logits(hidden)

    def logits(self, hidden: Any, table: Any = None) -> Any:
        """Logits (..., V) float32 of the next tokens.

        Args:
            hidden: (..., H), hidden states.
            table: (V, H), of `output_matrix`; None means just that.
        """
        table = self.output_matrix(hidden.dtype) if table is None else table
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        logits = ops.cast(ops.matmul(flat, ops.transpose(table, (1, 0))), "float32")
        return ops.reshape(logits, (*ops.shape(hidden)[:-1], table.shape[0]))

    def output_matrix(self, dtype: Any) -> Any:
        """The matrix (V, H) of the product that gives logits: the token embeddings."""
        return ops.cast(self.backbone.token_embedding.embeddings, dtype)

    def default_loss(self) -> keras.losses.Loss:
        return TokenLoss()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("weighted_metrics", [Perplexity()])
        super().compile(*args, **kwargs)

    def finish_batches(self, batches: Any, seed: int, training: bool) -> Any:
        from tfzoo.data.next_tokens import with_weights

        return batches.map(with_weights)

    def export(
        self,
        folder: str | os.PathLike[str],
        text_pair: bool = False,
        *,
        max_new_tokens: int = 64,
    ) -> None:
        """Writes a SavedModel that takes prompts, gives texts and needs neither tfzoo nor Keras.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: not possible here.
            max_new_tokens: how many tokens `serving_default` generates; `generate` is told.

        Raises:
            ConfigError: the model has no preprocessor, its context has not so many tokens and one
                of a prompt, the folder cannot be written, or `text_pair` is asked for.
        """
        from tfzoo.serving.texts import export_texts

        if text_pair:
            raise ConfigError("A language model goes on with single texts, not with pairs.")
        export_texts(self, folder, max_new_tokens)

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        return {"logits": outputs}

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """`keras.Model.predict` on features."""
        if self._takes_text(x):
            raise ConfigError(
                "A language model takes texts in generate, which goes on with them, and in score; "
                "give predict features."
            )
        return super().predict(x, batch_size=batch_size, **kwargs)


@keras.saving.register_keras_serializable(package="tfzoo")
class TokenLoss(keras.losses.Loss):
    """The mean of losses (B, S) that a language model has computed from its `labels`."""

    def __init__(self, name: str = "token_loss", **kwargs: Any) -> None:
        kwargs.setdefault("reduction", "mean_with_sample_weight")
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


@keras.saving.register_keras_serializable(package="tfzoo")
class Perplexity(keras.metrics.Mean):
    """e to the power of the mean loss per token."""

    def __init__(self, name: str = "perplexity", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        # One row: of several, Keras takes the means, which differ in how many tokens they are of.
        flat = [each if each is None else ops.reshape(each, -1) for each in (y_pred, sample_weight)]
        super().update_state(*flat)

    def result(self) -> Any:
        return ops.exp(super().result())


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTCausalLM(CausalLM):
    """GPT as a language model; see `CausalLM` for the arguments.

    Example:

    >>> backbone = GPTBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> GPTCausalLM(backbone)({"token_ids": keras.ops.array([[45, 67, 3]])}).shape
    TensorShape([1, 3, 100])
    """

    backbone_class = GPTBackbone
    tokenizer_class = GPTTokenizer
    default_sequence_length = 512


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT2CausalLM(CausalLM):
    """GPT-2 as a language model; see `CausalLM` for the arguments.

    Example:

    >>> backbone = GPT2Backbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> GPT2CausalLM(backbone)({"token_ids": keras.ops.array([[45, 67, 3]])}).shape
    TensorShape([1, 3, 100])
    """

    backbone_class = GPT2Backbone
    tokenizer_class = GPT2Tokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT3CausalLM(CausalLM):
    """GPT-3 as a language model; see `CausalLM` for the arguments.

    Example:

    >>> backbone = GPT3Backbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> GPT3CausalLM(backbone)({"token_ids": keras.ops.array([[45, 67, 3]])}).shape
    TensorShape([1, 3, 100])
    """

    backbone_class = GPT3Backbone
    tokenizer_class = GPT2Tokenizer
    default_sequence_length = 2048
