"""Classification and regression of texts and pairs of texts."""

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from tfzoo.errors import ConfigError, DataError
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
from tfzoo.tasks.classes import class_settings, count_classes
from tfzoo.tasks.task import Task
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)

_PROBLEMS = ("single_label", "multi_label", "regression")
_ONE_LABEL = "class_weight needs one label per text; use sample_weight."


class Classifier(Task):
    """A backbone's pooled output, or its first hidden state, and a head: logits.

    Args:
        backbone: the model below the head.
        num_classes: number of logits C, for a regression of predicted values; by default one per
            name in `class_names`, else 2, for a regression 1.
        preprocessor: turns strings into features; None takes features.
        dropout: share of the pooled output dropped in training.
        class_names: names of the classes in the order of their ids; they travel with the model into
            predictions, presets and exports.
        problem_type: "single_label" (labels: one id or name per text), "multi_label" (a list of
            them per text, or rows of zeros and ones) or "regression" (numbers).
        kwargs: those of `keras.Model`.

    Raises:
        ConfigError: `class_names` and `num_classes`, or `problem_type`, make no sense.
    """

    kind = "Classifier"
    head_bias: ClassVar[bool] = True

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int | None = None,
        preprocessor: Any = None,
        dropout: float = 0.1,
        class_names: list[str] | None = None,
        problem_type: str = "single_label",
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        default = 1 if problem_type == "regression" else 2
        num_classes = count_classes(num_classes, class_names, default)
        if problem_type not in _PROBLEMS:
            raise ConfigError(
                f"problem_type is {problem_type!r}; choose one of {', '.join(_PROBLEMS)}."
            )
        self.num_classes = num_classes
        self.dropout = dropout
        self.class_names = None if class_names is None else list(class_names)
        self.problem_type = problem_type
        self.classification_head = ClassificationHead(
            num_classes,
            dropout,
            backbone.head_activation,
            use_bias=self.head_bias,
            dtype=self.dtype_policy,
            name="classification_head",
        )
        self.classification_head.build((None, backbone.embeddings.hidden_dim))
        self.built = True

    @classmethod
    def _settings(cls, source: Any, overrides: dict[str, Any]) -> dict[str, Any]:
        saved = super()._settings(source, {})
        return class_settings(cls, "classification_head", source, saved, overrides)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        class_weight: Any = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """`Task.fit`, whose `class_weight` may be keyed by class names."""
        if class_weight is not None:
            from tfzoo.data import inputs

            table = self._class_weights(class_weight)
            if share := kwargs.pop("validation_split", 0.0):  # whose examples keep their weights
                (x, y, sample_weight), kwargs["validation_data"] = inputs.split_off(
                    x, y, sample_weight, share
                )
            if y is None:
                x = inputs.weighted_by_class(x, table)
            else:
                sample_weight = self._weighted(y, sample_weight, table)
        return super().fit(x, y, *args, sample_weight=sample_weight, **kwargs)

    def _weighted(self, y: Any, sample_weight: Any, table: np.ndarray) -> np.ndarray:
        """The weights of examples, times those of their classes."""
        ids = self.targets(y)
        if ids.ndim > 1:
            raise ConfigError(_ONE_LABEL)
        given = np.asarray(1 if sample_weight is None else sample_weight, "float32")
        if given.shape not in ((), ids.shape):
            raise DataError(f"There are {len(ids)} labels and {len(given)} sample weights.")
        return given * table[ids]

    def _class_weights(self, class_weight: dict[Any, float]) -> np.ndarray:
        """The weight of each class, 1 where none is given."""
        from tfzoo.data import class_ids

        if self.problem_type != "single_label":
            raise ConfigError(_ONE_LABEL)
        ids = class_ids(class_weight, self.class_names or self.num_classes)
        table = np.ones(self.num_classes, "float32")
        try:
            table[ids] = list(class_weight.values())
        except (TypeError, ValueError):
            raise ConfigError(
                f"class_weight is {class_weight!r:.200}; give a number each."
            ) from None
        return table

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        vectors = sequence_vectors(outputs, inputs.get("cls_positions"))
        return self.classification_head(vectors, training=training)

    def probabilities(self, logits: Any) -> Any:
        """Probabilities of the classes, from logits (B, C); a regression's values as they are."""
        if self.problem_type == "regression":
            return logits
        return ops.softmax(logits) if self.problem_type == "single_label" else ops.sigmoid(logits)

    def classify(
        self, texts: Any, batch_size: int | None = None, verbose: str | int = 0
    ) -> list[dict[str, Any]]:
        """Predictions to read: for each text its label and the probability of each class.

        Args:
            texts: N strings, or a tuple of two columns of N strings.
            batch_size, verbose: those of `predict`.

        Returns:
            A list of N dicts. `label` is the likeliest class's name (its id where the model knows
            no names), for multi-label problems `labels` is the list of those above 0.5, and
            `probabilities` a dict from name to probability; a regression gives `value`, a number,
            or a list of them.
        """
        logits = self.predict(texts, batch_size=batch_size, verbose=verbose)
        rows = ops.convert_to_numpy(self.probabilities(ops.convert_to_tensor(logits)))
        return [self._prediction(row) for row in rows]

    def _prediction(self, row: np.ndarray) -> dict[str, Any]:
        values = [float(value) for value in row]
        if self.problem_type == "regression":
            return {"value": values[0] if self.num_classes == 1 else values}
        names = self.class_names or list(range(self.num_classes))
        probabilities = dict(zip(names, values, strict=True))
        if self.problem_type == "multi_label":
            labels = [name for name, value in probabilities.items() if value > 0.5]
            return {"labels": labels, "probabilities": probabilities}
        return {"label": names[int(row.argmax())], "probabilities": probabilities}

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        if self.problem_type == "regression":
            return {"logits": outputs}
        return {"logits": outputs, "probabilities": self.probabilities(outputs)}

    def own_config(self) -> dict[str, Any]:
        return {
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "class_names": self.class_names,
            "problem_type": self.problem_type,
        }

    def default_loss(self) -> keras.losses.Loss:
        if self.problem_type == "regression":
            return keras.losses.MeanSquaredError()
        if self.problem_type == "multi_label":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def default_metrics(self) -> list[keras.metrics.Metric]:
        if self.problem_type == "regression":
            return [keras.metrics.MeanAbsoluteError(name="mae")]
        if self.problem_type == "multi_label":
            return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def targets(self, y: Any) -> Any:
        from tfzoo.data import class_ids, multi_hot, real_targets

        if hasattr(y, "__array__"):
            y = np.asarray(y)
        if self.problem_type == "single_label" and getattr(y, "ndim", 1) == 2:
            return y  # one-hot rows, for a loss of the user's own
        if self.problem_type == "regression":
            return real_targets(y, self.num_classes)
        turn = class_ids if self.problem_type == "single_label" else multi_hot
        return turn(y, self.class_names or self.num_classes)


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertClassifier(Classifier):
    """Classifies texts and pairs of texts with ALBERT; see `Classifier` for the arguments.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = AlbertClassifier(backbone, num_classes=3)
    >>> model({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertClassifier(Classifier):
    """Classifies texts and pairs of texts with BERT; see `Classifier` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = BertClassifier(backbone, num_classes=3)
    >>> model({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertClassifier(Classifier):
    """Classifies texts and pairs of texts with DistilBERT; see `Classifier` for the arguments.

    Example:

    >>> backbone = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = DistilBertClassifier(backbone, num_classes=3)
    >>> model({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraClassifier(Classifier):
    """Classifies texts and pairs of texts with ELECTRA; see `Classifier` for the arguments.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = ElectraClassifier(backbone, num_classes=3)
    >>> model({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaClassifier(Classifier):
    """Classifies texts and pairs of texts with RoBERTa; see `Classifier` for the arguments.

    Example:

    >>> backbone = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = RobertaClassifier(backbone, num_classes=3)
    >>> model({"token_ids": ops.array([[0, 45, 67, 2]])}).shape
    TensorShape([1, 3])
    """

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
