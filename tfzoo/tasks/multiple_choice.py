"""Multiple choice: which of several texts goes with a context."""

import os
from typing import Any

import keras
from keras import ops

from tfzoo.layers import ClassificationHead
from tfzoo.layers.heads import sequence_vectors
from tfzoo.models import (
    AlbertBackbone,
    Backbone,
    BertBackbone,
    DistilBertBackbone,
    ElectraBackbone,
    RobertaBackbone,
)
from tfzoo.tasks.task import Task
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)

_RULED_OUT = -1e9


class MultipleChoice(Task):
    """Chooses one of several texts, as BERT does in SWAG (https://arxiv.org/abs/1810.04805, 4.4).

    A row is a context and one of its choices, and gets one logit; those of a context's choices
    compete. Examples need not have equally many choices.

    Args:
        backbone: the model below the head.
        preprocessor: turns strings into features; None takes features.
        dropout: share of the pooled output dropped in training.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features, (B, C, S) for C choices; optionally `choice_mask` (B, C), 0
            where there is no choice.

    Returns:
        Logits (B, C) float32, -1e9 where there is no choice.
    """

    kind = "MultipleChoice"

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.dropout = dropout
        self.multiple_choice_head = ClassificationHead(
            1,
            dropout,
            backbone.head_activation,
            dtype=self.dtype_policy,
            name="multiple_choice_head",
        )
        self.multiple_choice_head.build((None, backbone.embeddings.hidden_dim))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        shape = ops.shape(inputs["token_ids"])  # (B, C, S)
        rows = {
            name: ops.reshape(each, (-1, *ops.shape(each)[2:])) for name, each in inputs.items()
        }
        outputs = super().call(rows, training)
        return keras.tree.map_structure(lambda each: ops.reshape(each, shape[:2]), outputs)

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        logits = self.multiple_choice_head(sequence_vectors(outputs), training=training)
        if "choice_mask" not in inputs:
            return logits
        return ops.where(ops.cast(inputs["choice_mask"], "bool")[:, None], logits, _RULED_OUT)

    def choose(
        self,
        contexts: Any,
        choices: Any,
        batch_size: int | None = None,
        verbose: str | int = 0,
    ) -> list[dict[str, Any]]:
        """Predictions to read.

        Args:
            contexts: N strings.
            choices: N lists of strings.
            batch_size, verbose: those of `predict`.

        Returns:
            A list of N dicts: `choice`, the number of the likeliest choice from 0 on, its `text`,
            and `probabilities`, a list of one number per choice.
        """
        from tfzoo.data.choices import choice_lists

        contexts, choices = choice_lists((contexts, choices))
        logits = self.predict((contexts, choices), batch_size=batch_size, verbose=verbose)
        answers = []
        for texts, row in zip(choices, ops.convert_to_numpy(ops.softmax(logits)), strict=True):
            best = int(row.argmax())
            probabilities = [float(value) for value in row[: len(texts)]]
            answers.append({"choice": best, "text": texts[best], "probabilities": probabilities})
        return answers

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Logits (N, C), C the most choices of any context.

        Args:
            x: a tuple of N contexts and N lists of choices, or features.
            batch_size: examples per batch; by default, as many as have the tokens of 32 rows of
                `sequence_length`.
            kwargs: those of `keras.Model.predict`.
        """
        if not self._takes_text(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        from tfzoo.data.choice_batches import prediction_batches
        from tfzoo.training import trace_predict

        batches, positions = prediction_batches(self.preprocessor, x, batch_size)
        trace_predict(self, batches)
        return super().predict(batches, **kwargs)[positions]

    def export(self, folder: str | os.PathLike[str], text_pair: bool = True) -> None:
        """Writes a SavedModel that takes contexts and choices and gives probabilities.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: without effect: `serving_default` always takes `context` and `choices`.

        Raises:
            ConfigError: the model has no preprocessor, or the folder cannot be written.
        """
        from tfzoo.serving.choices import export_choices

        export_choices(self, folder)

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        return {"logits": outputs, "probabilities": ops.softmax(outputs)}

    def own_config(self) -> dict[str, Any]:
        return {"dropout": self.dropout}

    def default_loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def default_metrics(self) -> list[keras.metrics.Metric]:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        from tfzoo.data import inputs
        from tfzoo.data.choice_batches import training_batches

        inputs.check_labels(x, y, wanted=True)
        return training_batches(
            self.preprocessor,
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=inputs.draw_seed(),
        )

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        from tfzoo.data import inputs
        from tfzoo.data.choice_batches import evaluation_batches

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if not self._takes_text(x):
            return super()._evaluation_data(data, batch_size)
        inputs.check_labels(x, y, wanted=True)
        return evaluation_batches(self.preprocessor, x, y, sample_weight, batch_size=batch_size)


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertMultipleChoice(MultipleChoice):
    """Chooses among texts with ALBERT; see `MultipleChoice` for the arguments.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[2, 45, 3, 67, 3], [2, 45, 3, 89, 3]]])
    >>> AlbertMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertMultipleChoice(MultipleChoice):
    """Chooses among texts with BERT; see `MultipleChoice` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[2, 45, 3, 67, 3], [2, 45, 3, 89, 3]]])
    >>> BertMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertMultipleChoice(MultipleChoice):
    """Chooses among texts with DistilBERT; see `MultipleChoice` for the arguments.

    Example:

    >>> backbone = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[2, 45, 3, 67, 3], [2, 45, 3, 89, 3]]])
    >>> DistilBertMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraMultipleChoice(MultipleChoice):
    """Chooses among texts with ELECTRA; see `MultipleChoice` for the arguments.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[2, 45, 3, 67, 3], [2, 45, 3, 89, 3]]])
    >>> ElectraMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaMultipleChoice(MultipleChoice):
    """Chooses among texts with RoBERTa; see `MultipleChoice` for the arguments.

    Example:

    >>> backbone = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[0, 45, 2, 2, 67, 2], [0, 45, 2, 2, 89, 2]]])
    >>> RobertaMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
