"""Extractive question answering: the span of a context that answers a question."""

import os
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers import ClassificationHead
from tfzoo.models import (
    AlbertBackbone,
    Backbone,
    BertBackbone,
    DistilBertBackbone,
    ElectraBackbone,
    RobertaBackbone,
)
from tfzoo.tasks.spans import best_spans, distinct_answers
from tfzoo.tasks.token_task import TokenTask
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)
from tfzoo.tokenizers.windows import ContextWindows

_RULED_OUT = -1e9
_OUTPUTS = ("start_logits", "end_logits")


class QuestionAnswerer(TokenTask):
    """Finds answers in contexts, as BERT does in SQuAD (https://arxiv.org/abs/1810.04805, 4.2-4.3).

    A context that is too long for one row is read in overlapping windows, rows `[CLS] question
    [SEP] window [SEP]`. Each token gets a logit for being the first one of the answer and a logit
    for being the last; those of `[CLS]` mean that the window has no answer. Windows, search and
    scores are those of `run_squad.py` in google-research/bert, but that logits of the question and
    of padding never compete.

    Args:
        backbone: a backbone with a `sequence_output`.
        preprocessor: turns strings into features; None takes features.
        doc_stride: tokens from the start of a window to that of the next.
        max_question_length: tokens that a question is truncated to.
        max_answer_length: tokens of the longest answer.
        null_threshold: how much higher than the best span no answer must score to be the answer;
            None always answers, as SQuAD 1.1 wants. 0 is a start for SQuAD 2.0; better values come
            from the `null_difference` of answers to questions that were not trained on.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features; optionally `answer_mask` (B, S), 0 in columns where the
            logits become -1e9; and, with it, `start_mask` (B, S), 1 where an answer may start.

    Returns:
        A dict of logits (B, S) float32: `start_logits` and `end_logits`. With `start_mask`, the
        best spans instead; see `tfzoo.tasks.spans.best_spans`.

    Raises:
        ConfigError: an argument has no valid value.
    """

    kind = "QuestionAnswerer"
    default_sequence_length = 384

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        doc_stride: int = 128,
        max_question_length: int = 64,
        max_answer_length: int = 30,
        null_threshold: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.doc_stride = _whole("doc_stride", doc_stride)
        self.max_question_length = _whole("max_question_length", max_question_length)
        self.max_answer_length = _whole("max_answer_length", max_answer_length)
        if not isinstance(null_threshold, int | float | None):
            raise ConfigError(f"null_threshold must be a number or None, not {null_threshold!r}.")
        self.null_threshold = null_threshold
        self.span_head = ClassificationHead(2, dtype=self.dtype_policy, name="span_head")
        self.span_head.build((None, None, backbone.embeddings.hidden_dim))
        self.built = True

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> dict[str, Any]:
        logits = self.span_head(outputs["sequence_output"], training=training)  # (B, S, 2)
        if "answer_mask" in inputs:
            allowed = ops.cast(inputs["answer_mask"], "bool")[..., None]
            logits = ops.where(allowed, logits, _RULED_OUT)
        start, end = logits[..., 0], logits[..., 1]
        if "start_mask" not in inputs:
            return {"start_logits": start, "end_logits": end}
        masks = inputs["start_mask"], inputs["answer_mask"]
        return best_spans(start, end, *masks, self.max_answer_length)

    @property
    def context_windows(self) -> ContextWindows:
        """What cuts contexts into rows."""
        return ContextWindows(self.preprocessor, self.doc_stride, self.max_question_length)

    def answer(
        self,
        questions: Any,
        contexts: Any,
        top_k: int = 1,
        null_threshold: float | None = None,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """Answers to read.

        Args:
            questions: N strings.
            contexts: N strings.
            top_k: how many answers are wanted of each, with different texts; at most 20 are known.
            null_threshold: in place of the model's own; infinity always answers.
            batch_size: rows of full length per batch, 32 by default; of shorter ones, as many more
                as have as many tokens.
            kwargs: those of `keras.Model.predict`; `verbose` is 0 by default.

        Returns:
            A list of N dicts, or with `top_k` above 1, of N lists of them, the best first. `text`
            is what stands in the context from the character `start` up to, and without, `end`;
            `score` is the sum of the logits of its first and last token; `null_difference` is how
            much higher no answer scores than the best span. No answer is the text "", from 0 to 0.

        Raises:
            DataError: there are not as many contexts as questions, or one cannot be used.
            ConfigError: `top_k` is no number of answers.
        """
        from tfzoo.data import context_batches
        from tfzoo.data.answers import question_pairs
        from tfzoo.training import trace_predict

        top_k = _whole("top_k", top_k)
        self._takes_text((questions, contexts))
        questions, contexts = question_pairs((questions, contexts))
        cutter = self.context_windows
        windows = context_batches.cut(cutter, questions, contexts)
        batches, positions = context_batches.prediction_batches(cutter, windows, batch_size)
        trace_predict(self, batches)
        spans = super().predict(batches, **{"verbose": 0, **kwargs})
        spans = windows.ranked({name: each[positions] for name, each in spans.items()})
        threshold = self.null_threshold if null_threshold is None else null_threshold
        columns = (spans[name].to_list() for name in ("start", "end", "score"))
        null_scores = spans["null_score"].numpy().tolist()
        rows = [
            distinct_answers(*row, threshold)[:top_k]
            for row in zip(contexts, *columns, null_scores, strict=True)
        ]
        return rows if top_k > 1 else [row[0] for row in rows]

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Answers to `(questions, contexts)`, see `answer`; or of features the logits.

        Args:
            x: a tuple of N questions and N contexts, or features.
            batch_size: that of `answer`, or of `keras.Model.predict`.
            kwargs: those of `keras.Model.predict`.
        """
        if not self._takes_text(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        from tfzoo.data.answers import question_pairs

        return self.answer(
            *question_pairs(x), batch_size=batch_size, **{"verbose": "auto", **kwargs}
        )

    def export(self, folder: str | os.PathLike[str], text_pair: bool = True) -> None:
        """Writes a SavedModel that takes questions and contexts and gives answers.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: without effect: `serving_default` always takes `question` and `context`.

        Raises:
            ConfigError: the model has no preprocessor, or the folder cannot be written.
        """
        from tfzoo.serving.answers import export_answers

        export_answers(self, folder)

    def own_config(self) -> dict[str, Any]:
        return {
            "doc_stride": self.doc_stride,
            "max_question_length": self.max_question_length,
            "max_answer_length": self.max_answer_length,
            "null_threshold": self.null_threshold,
        }

    def default_loss(self) -> dict[str, keras.losses.Loss]:
        return {
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for name in _OUTPUTS
        }

    def default_metrics(self) -> dict[str, keras.metrics.Metric]:
        return {name: keras.metrics.SparseCategoricalAccuracy(name="accuracy") for name in _OUTPUTS}

    def compile(
        self, optimizer: Any = "auto", loss: Any = "auto", metrics: Any = "auto", **kwargs: Any
    ) -> None:
        """`Task.compile`, by default with the mean of the losses of starts and of ends."""
        if isinstance(loss, str) and loss == "auto":
            kwargs = {"loss_weights": dict.fromkeys(_OUTPUTS, 0.5), **kwargs}
        super().compile(optimizer, loss, metrics, **kwargs)

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        from tfzoo.data import context_batches, inputs

        inputs.check_labels(x, y, wanted=True)
        return context_batches.training_batches(
            self.context_windows,
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=inputs.draw_seed(),
        )

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        from tfzoo.data import context_batches, inputs

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if not self._takes_text(x):
            return super()._evaluation_data(data, batch_size)
        inputs.check_labels(x, y, wanted=True)
        return context_batches.evaluation_batches(
            self.context_windows, x, y, sample_weight, batch_size=batch_size
        )


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a whole number of at least 1, not {value!r:.60}.")
    return value


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertQuestionAnswerer(QuestionAnswerer):
    """Answers questions with ALBERT; see `QuestionAnswerer` for the arguments.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> outputs = AlbertQuestionAnswerer(backbone)({"token_ids": ops.array([[2, 45, 3, 67, 3]])})
    >>> outputs["start_logits"].shape
    TensorShape([1, 5])
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertQuestionAnswerer(QuestionAnswerer):
    """Answers questions with BERT; see `QuestionAnswerer` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> outputs = BertQuestionAnswerer(backbone)({"token_ids": ops.array([[2, 45, 3, 67, 3]])})
    >>> outputs["start_logits"].shape
    TensorShape([1, 5])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertQuestionAnswerer(QuestionAnswerer):
    """Answers questions with DistilBERT; see `QuestionAnswerer` for the arguments.

    Example:

    >>> backbone = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = DistilBertQuestionAnswerer(backbone)
    >>> outputs = model({"token_ids": ops.array([[2, 45, 3, 67, 3]])})
    >>> outputs["start_logits"].shape
    TensorShape([1, 5])
    """

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraQuestionAnswerer(QuestionAnswerer):
    """Answers questions with ELECTRA; see `QuestionAnswerer` for the arguments.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> outputs = ElectraQuestionAnswerer(backbone)({"token_ids": ops.array([[2, 45, 3, 67, 3]])})
    >>> outputs["start_logits"].shape
    TensorShape([1, 5])
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaQuestionAnswerer(QuestionAnswerer):
    """Answers questions with RoBERTa; see `QuestionAnswerer` for the arguments.

    Example:

    >>> backbone = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[0, 45, 2, 2, 67, 2]])
    >>> RobertaQuestionAnswerer(backbone)({"token_ids": ids})["start_logits"].shape
    TensorShape([1, 6])
    """

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
