"""Distillation: a small model learns what a large one says."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError, DataError
from tfzoo.layers.dense import Dense
from tfzoo.tasks import Task, TokenClassifier
from tfzoo.training.global_mean import GlobalMean
from tfzoo.training.pairing import (
    check_cacheable,
    check_heads,
    check_pair,
    check_settings,
    matched_layers,
)
from tfzoo.training.soft_targets import (
    attention_loss,
    distillation_names,
    distillation_totals,
    hidden_loss,
    soft_target_loss,
)
from tfzoo.training.teacher_outputs import cached_outputs

_TAUGHT = "teacher_outputs"  # the feature that holds cached ones
_LABELS = "labels"  # the name among the totals of a single output's loss
_OF_LAYERS = ("encoder_outputs", "attention_probabilities")


class Distiller(Task):
    """Trains a student on its teacher's outputs, with or without labels.

    It is fitted like the student: `fit(texts, labels)`, or `fit(texts)` without labels. Afterwards
    the student is what it was, a task of its own. Only the student is trained; the teacher computes
    without dropout and in its own precision.

    The loss is `label_weight` times the student's own loss, plus `1 - label_weight` times the
    cross-entropy to the teacher's outputs, both softened by the temperature
    (https://arxiv.org/abs/1503.02531; for regressions, the squared difference). Without labels it
    is the second alone. Matching adds to it the mean squared difference between hidden states
    (https://arxiv.org/abs/1909.10351; where the widths differ, through one learned matrix) and the
    divergence between attention probabilities (https://arxiv.org/abs/2004.02984), averaged over the
    student's layers and all real tokens.

    Args:
        teacher: a task that has been trained.
        student: a task of the same kind, with the same vocabulary and the same classes, such as
            `shrink` makes.
        temperature: divides both models' logits; the loss is multiplied by its square.
        label_weight: between 0 and 1.
        hidden_weight: of the hidden states' loss; 0 leaves it out.
        attention_weight: of the attention probabilities' loss; 0 leaves it out.
        layer_map: for each of the student's layers, the index from 0 of the teacher's layer that it
            is to match; by default evenly spread.
        cache: a folder that keeps the teacher's logits for texts, of classifiers alone, so that
            later epochs and runs do without the teacher; see `cached_outputs`.
        kwargs: those of `keras.Model`.

    Raises:
        ConfigError: teacher and student do not fit, or a setting has no valid value.

    Example:

    >>> from tfzoo import BertBackbone, BertClassifier
    >>> from tfzoo.training import shrink
    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=4, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> teacher = BertClassifier(backbone)
    >>> student = shrink(teacher, num_layers=2)
    >>> distiller = Distiller(teacher, student, hidden_weight=1.0)
    >>> distiller.compile()
    >>> history = distiller.fit({"token_ids": keras.ops.array([[2, 45, 67, 3]])}, verbose=0)
    """

    def __init__(
        self,
        teacher: Task,
        student: Task,
        temperature: float = 2.0,
        label_weight: float = 0.5,
        hidden_weight: float = 0.0,
        attention_weight: float = 0.0,
        layer_map: Sequence[int] | None = None,
        cache: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        check_pair(teacher, student)
        check_settings(temperature, label_weight, hidden_weight, attention_weight)
        if attention_weight:
            check_heads(teacher, student)
        if cache is not None:
            check_cacheable(student, hidden_weight or attention_weight)
        super().__init__(student.backbone, student.preprocessor, **kwargs)
        object.__setattr__(self, "teacher", teacher)  # untracked: neither trained nor saved
        self.student = student
        self.takes_labels = student.takes_labels
        self.temperature = temperature
        self.label_weight = label_weight
        self.hidden_weight = hidden_weight
        self.attention_weight = attention_weight
        matching = hidden_weight or attention_weight
        self.layer_map = matched_layers(layer_map, teacher, student) if matching else None
        self.cache = cache
        widths = [task.backbone.embeddings.hidden_dim for task in (student, teacher)]
        self.projection = None
        if hidden_weight and widths[0] != widths[1]:
            self.projection = Dense(widths[1], use_bias=False, dtype="float32", name="projection")
            self.projection.build((None, None, widths[0]))
        self.built = True

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """The student's, as it chooses them, and the matrix between different widths."""
        mine = [] if self.projection is None else self.projection.trainable_weights
        return [*self.student.trainable_weights, *mine]

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        return self.trainable_weights

    def compile(
        self, optimizer: Any = "auto", loss: Any = "auto", metrics: Any = "auto", **kwargs: Any
    ) -> None:
        """`Task.compile`; what concerns labels is the student's.

        Args:
            optimizer: by default `tfzoo.training.fine_tuning_optimizer()`.
            loss, metrics: of labels; by default the student's.
            kwargs: those of `keras.Model.compile`.
        """
        names = kwargs.keys() & {"loss_weights", "weighted_metrics"}
        mine = {name: kwargs[name] for name in kwargs.keys() - names}
        theirs = {name: kwargs[name] for name in names}
        steps = kwargs.get("accumulation_steps", 1)
        self.student.compile(loss=loss, metrics=metrics, accumulation_steps=steps, **theirs)
        loss, weights = self.student.loss, kwargs.get("loss_weights")
        if isinstance(loss, GlobalMean):
            loss = GlobalMean(loss.loss, _LABELS)
        super().compile(optimizer, loss=loss, metrics=None, loss_weights=weights, **mine)
        self._compile_metrics = self.student._compile_metrics

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The loss and the student's metrics; without labels the loss alone."""
        return [metric for metric in super().metrics if getattr(metric, "built", True)]

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        return self._seen(self.student, inputs, training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """What `keras.Model.fit` minimizes; `y_pred` is what `call` returns."""
        taught = {"outputs": x[_TAUGHT]} if _TAUGHT in x else self._seen(self.teacher, x, False)
        taught = keras.tree.map_structure(ops.stop_gradient, taught)
        outputs, mask = y_pred["outputs"], _padding_mask(x)
        loss = soft_target_loss(
            self.student.default_loss(),
            taught["outputs"],
            outputs,
            self._soft_weights(sample_weight, mask),
            self.temperature,
        )
        if y is not None:
            hard = super().compute_loss(x, y, outputs, sample_weight, training)
            loss = (1 - self.label_weight) * loss + self.label_weight * hard
        if self.hidden_weight:
            pairs = self._matched("encoder_outputs", taught, y_pred)
            loss = loss + self.hidden_weight * hidden_loss(pairs, mask, self.projection)
        if self.attention_weight:
            pairs = self._matched("attention_probabilities", taught, y_pred)
            loss = loss + self.attention_weight * attention_loss(pairs, mask)
        return loss

    def loss_totals(self, x: Any, y: Any, sample_weight: Any) -> dict[str | None, Any]:
        """What each loss divides by on a batch, those of the teacher included."""
        mask = _padding_mask(x)
        weights = self._soft_weights(sample_weight, mask)
        heads = self.backbone.encoder.layer_config["num_heads"]
        labels = super().loss_totals(x, y, sample_weight)
        return {
            **{name or _LABELS: total for name, total in labels.items()},
            **distillation_totals(self.student.default_loss(), mask, weights, heads),
        }

    def loss_names(self) -> list[str | None]:
        labels = [name or _LABELS for name in super().loss_names()]
        return [*labels, *distillation_names(self.student.default_loss())]

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """The student's metrics, where there are labels."""
        if y is not None:
            return super().compute_metrics(x, y, y_pred["outputs"], sample_weight)
        return self.get_metrics_result()

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """The student's `predict`."""
        return self.student.predict(x, batch_size=batch_size, **kwargs)

    def save_to_preset(self, folder: str | os.PathLike[str], format: str = "tfzoo") -> None:
        """The student's `save_to_preset`, for callbacks such as `BestPreset`."""
        self.student.save_to_preset(folder, format)

    def export(self, folder: str | os.PathLike[str], **kwargs: Any) -> None:
        """The student's `export`."""
        self.student.export(folder, **kwargs)

    def quantize(self, mode: str = "int8") -> None:
        raise ConfigError("A Distiller is not quantized; quantize its student, a task of its own.")

    def get_config(self) -> dict[str, Any]:
        raise ConfigError("A Distiller is not saved; save its student, a task of its own.")

    def targets(self, y: Any) -> Any:
        return self.student.targets(y)

    def finish_batches(self, batches: Any, seed: int, training: bool) -> Any:
        return self.student.finish_batches(batches, seed, training)

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        if self.cache is not None:
            return self._cached_data(x, y, sample_weight, batch_size, shuffle)
        if y is not None or not self._is_unlabelled(x):
            return self.student._training_data(x, y, sample_weight, batch_size, shuffle)
        from tfzoo.data import inputs

        seed = inputs.draw_seed()
        return inputs.training_batches(
            self.preprocessor, x, None, sample_weight, batch_size, shuffle, seed
        )

    def _cached_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        """Batches of texts whose features hold the teacher's logits."""
        import tensorflow as tf

        from tfzoo.data import inputs

        if hasattr(x, "element_spec"):
            raise ConfigError("A cache needs texts in memory; leave it out for a dataset.")
        if y is None and sample_weight is not None:
            raise DataError("Sample weights are given without labels; leave them out.")
        logits = cached_outputs(self.teacher, self.preprocessor, x, self.cache)
        batches = inputs.training_batches(
            self.preprocessor,
            x,
            (logits,) if y is None else (logits, y),
            sample_weight,
            batch_size,
            shuffle,
            inputs.draw_seed(),
        )

        @tf.autograph.experimental.do_not_convert
        def move(features: dict[str, Any], columns: tuple, *weights: Any) -> tuple:
            return {**features, _TAUGHT: columns[0]}, *columns[1:], *weights

        return batches.map(move)

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data if isinstance(data, tuple) else (data,))
        if y is not None or not self._takes_text(x) or not self._is_unlabelled(x):
            return self.student._evaluation_data(data, batch_size)
        from tfzoo.data import inputs

        return inputs.evaluation_batches(self.preprocessor, x, None, None, batch_size)

    def _is_unlabelled(self, x: Any) -> bool:
        """Whether texts come without the labels that the student would learn from.

        A student with several outputs, such as a question answerer, makes its rows with them.
        """
        single = not isinstance(self.student.default_loss(), dict)
        return self.takes_labels and single and not hasattr(x, "element_spec")

    def _seen(self, task: Task, inputs: dict[str, Any], training: bool | None) -> dict[str, Any]:
        """A task's outputs, and what is to be matched of its layers."""
        backbone = task.backbone
        with _shown(backbone, bool(self.hidden_weight), bool(self.attention_weight)):
            seen = backbone(inputs, training=training)
        outputs = task.heads(seen, inputs, training)
        layers = {name: seen[name] for name in _OF_LAYERS if name in seen}
        return {"outputs": outputs, **layers}

    def _soft_weights(self, sample_weight: Any, mask: Any) -> Any:
        """Weights of soft targets: padding has none where there is an output per token."""
        if sample_weight is None and isinstance(self.student, TokenClassifier):
            return mask
        return sample_weight

    def _matched(self, name: str, taught: dict[str, Any], learned: dict[str, Any]) -> list[tuple]:
        return [
            (taught[name][i], mine) for i, mine in zip(self.layer_map, learned[name], strict=True)
        ]


@contextlib.contextmanager
def _shown(backbone: Any, hidden: bool, attention: bool) -> Iterator[None]:
    """Makes a backbone return what its layers do, within the block."""
    before = backbone.return_encoder_outputs, backbone.return_attention_probabilities
    backbone.return_encoder_outputs, backbone.return_attention_probabilities = hidden, attention
    try:
        yield
    finally:
        backbone.return_encoder_outputs, backbone.return_attention_probabilities = before


def _padding_mask(x: dict[str, Any]) -> Any:
    mask = x.get("padding_mask")
    return ops.ones_like(x["token_ids"]) if mask is None else mask
