"""The first GPT's own way to be fine-tuned: tokens that mark texts, and a second loss."""

import warnings
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers.token_losses import token_losses
from tfzoo.models import GPTBackbone
from tfzoo.tasks.causal_lm import TokenLoss
from tfzoo.tasks.classifier import Classifier
from tfzoo.tasks.gpt_classifier import LastToken
from tfzoo.tasks.multiple_choice import MultipleChoice
from tfzoo.tokenizers import GPTTokenizer

_MARKS = 3  # _start_, _delimiter_ and _classify_
_LANGUAGE_MODEL = "language_model"


class FineTunedGPT(LastToken):
    """Mixed into a task of GPT (https://openai.com/index/language-unsupervised, sections 3.2, 3.3).

    A text becomes `_start_ text _classify_`, a pair `_start_ a _delimiter_ b _classify_`. These
    tokens have the last three rows of the table of embeddings; to weights without such rows,
    `from_preset` adds them, with random values.

    In training, the loss of the language model is added to that of the task, times
    `language_model_weight`: a mean over the tokens of a row, then over rows. The task then returns
    a dict of its `logits` and these losses (B,).
    """

    backbone_class = GPTBackbone
    tokenizer_class = GPTTokenizer
    language_model_weight: float

    @classmethod
    def _fitted(cls, backbone: GPTBackbone, tokenizer: Any, source: Any) -> GPTBackbone:
        rows = backbone.token_embedding.input_dim
        if tokenizer is None or rows != tokenizer.vocabulary_size:
            return backbone
        if source.task == cls.kind:
            warnings.warn(
                f"{source.folder} was trained without the tokens that mark texts, whose embeddings "
                "start from random values; fine-tune the model before it is given texts.",
                stacklevel=3,
            )
        return _with_rows(backbone, rows + _MARKS)

    def _check_marks(self) -> None:
        """Raises a ConfigError if the backbone has not the rows of the tokens that mark texts."""
        rows = self.backbone.token_embedding.input_dim
        words = self.preprocessor and self.preprocessor.tokenizer.vocabulary_size
        if words is not None and rows != words + _MARKS:
            raise ConfigError(
                f"The embedding has {rows} rows, and the vocabulary {words} entries, besides which "
                f"there are {_MARKS} tokens that mark texts; build the backbone with "
                f"vocabulary_size={words + _MARKS}, or load weights by from_preset."
            )

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        logits = super().heads(outputs, inputs, training)
        if not training or not self.language_model_weight:
            return logits
        ids, hidden = inputs["token_ids"], outputs["sequence_output"]
        table = ops.cast(self.backbone.token_embedding.embeddings, hidden.dtype)
        losses = token_losses(hidden[:, :-1], table, ids[:, 1:])  # (B, S - 1)
        mask = inputs.get("padding_mask", ops.ones_like(ids))
        return {"logits": logits, _LANGUAGE_MODEL: _mean(losses, mask[:, 1:])}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """`keras.Model.compute_loss`, in training with the language model's."""
        loss = super().compute_loss(x, y, _logits(y_pred), sample_weight, training)
        if not isinstance(y_pred, dict):
            return loss
        from tfzoo.training.global_mean import GlobalMean

        mean = TokenLoss(reduction=getattr(self.loss, "reduction", "sum_over_batch_size"))
        if isinstance(self.loss, GlobalMean):
            mean = GlobalMean(mean)
        losses = y_pred[_LANGUAGE_MODEL]
        return loss + self.language_model_weight * mean(losses, losses, sample_weight)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """`keras.Model.compute_metrics`, of logits alone."""
        return super().compute_metrics(x, y, _logits(y_pred), sample_weight)


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTClassifier(FineTunedGPT, Classifier):
    """Classifies texts and pairs of texts with GPT, as its authors do.

    Texts are marked by three tokens of their own, and training has the auxiliary loss of the
    language model; see `FineTunedGPT`. Hugging Face's `OpenAIGPTForSequenceClassification` marks
    nothing: its weights give its logits for features, and for texts once they are fine-tuned.

    Args:
        backbone: a GPT whose table has three rows more than the vocabulary.
        symmetric: whether a pair is read in both orders, whose vectors are added, so that the order
            does not matter, as in the paper's tasks of similarity.
        language_model_weight: of the auxiliary loss; 0 for none.
        num_classes, preprocessor, dropout, class_names, problem_type, kwargs: see `Classifier`.

    Returns:
        Logits (B, C) float32; in training, with the auxiliary loss, a dict of `logits` and
        `language_model` (B,), the losses of rows.

    Raises:
        ConfigError: the table has not three rows more, or a symmetric model is given packed rows;
            or as in `Classifier`.

    Example:

    >>> backbone = GPTBackbone(
    ...     vocabulary_size=103, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = GPTClassifier(backbone, num_classes=3, symmetric=True)
    >>> model({"token_ids": ops.array([[100, 45, 101, 67, 102], [100, 67, 101, 45, 102]])}).shape
    TensorShape([2, 3])
    """

    def __init__(
        self,
        backbone: GPTBackbone,
        num_classes: int | None = None,
        preprocessor: Any = None,
        dropout: float = 0.1,
        class_names: list[str] | None = None,
        problem_type: str = "single_label",
        symmetric: bool = False,
        language_model_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            backbone, num_classes, preprocessor, dropout, class_names, problem_type, **kwargs
        )
        self._check_marks()
        self.symmetric = symmetric
        self.language_model_weight = language_model_weight

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        if not self.symmetric:
            return super().call(inputs, training)
        if "sequence_ids" in inputs:
            raise ConfigError("A symmetric model swaps the texts of a row; give each pair its own.")
        both = {name: ops.concatenate([each, each]) for name, each in inputs.items()}
        delimiter = self.backbone.token_embedding.input_dim - 2
        swapped = _swapped(inputs["token_ids"], inputs.get("padding_mask"), delimiter)
        both["token_ids"] = ops.concatenate([inputs["token_ids"], swapped])
        outputs = super().call(both, training)
        if isinstance(outputs, dict):
            outputs[_LANGUAGE_MODEL] = _sum_of_halves(outputs[_LANGUAGE_MODEL]) / 2
        return outputs

    def vectors(self, hidden: Any, inputs: dict[str, Any]) -> Any:
        vectors = super().vectors(hidden, inputs)
        return _sum_of_halves(vectors) if self.symmetric else vectors

    def own_config(self) -> dict[str, Any]:
        return {
            **super().own_config(),
            "symmetric": self.symmetric,
            "language_model_weight": self.language_model_weight,
        }


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTMultipleChoice(FineTunedGPT, MultipleChoice):
    """Chooses among texts with GPT, as its authors do in RACE and the Story Cloze Test.

    A row is `_start_ context _delimiter_ choice _classify_`; see `FineTunedGPT`.

    Args:
        backbone: a GPT whose table has three rows more than the vocabulary.
        language_model_weight: of the auxiliary loss; 0 for none.
        preprocessor, dropout, kwargs: see `MultipleChoice`.

    Raises:
        ConfigError: the table has not three rows more.

    Example:

    >>> backbone = GPTBackbone(
    ...     vocabulary_size=103, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids = ops.array([[[100, 45, 101, 67, 102], [100, 45, 101, 89, 102]]])
    >>> GPTMultipleChoice(backbone)({"token_ids": ids}).shape
    TensorShape([1, 2])
    """

    def __init__(
        self,
        backbone: GPTBackbone,
        preprocessor: Any = None,
        dropout: float = 0.1,
        language_model_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, dropout, **kwargs)
        self._check_marks()
        self.language_model_weight = language_model_weight

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        outputs = super().call(inputs, training)
        if isinstance(outputs, dict):
            losses = outputs[_LANGUAGE_MODEL]  # (B, C)
            mask = inputs.get("choice_mask", ops.ones_like(losses))
            outputs[_LANGUAGE_MODEL] = _mean(losses, mask)
        return outputs

    def own_config(self) -> dict[str, Any]:
        return {**super().own_config(), "language_model_weight": self.language_model_weight}


def _with_rows(backbone: GPTBackbone, rows: int) -> GPTBackbone:
    """A copy of a backbone with more rows of token embeddings, which keep their initial values."""
    larger = type(backbone).from_config({**backbone.get_config(), "vocabulary_size": rows})
    for new, old in zip(larger.weights, backbone.weights, strict=True):
        more = new[old.shape[0] :]
        new.assign(ops.concatenate([old, more]) if more.shape[0] else old)
    return larger


def _logits(outputs: Any) -> Any:
    return outputs["logits"] if isinstance(outputs, dict) else outputs


def _mean(values: Any, mask: Any) -> Any:
    """The means (B,) of those values (B, N) that a mask counts."""
    mask = ops.cast(mask, values.dtype)
    return ops.divide_no_nan(ops.sum(values * mask, axis=1), ops.sum(mask, axis=1))


def _sum_of_halves(rows: Any) -> Any:
    first, second = ops.split(rows, 2)
    return first + second


def _swapped(ids: Any, mask: Any, delimiter: int) -> Any:
    """Rows `_start_ a _delimiter_ b _classify_`, padded, with their texts in the other order.

    Args:
        ids: (B, S).
        mask: (B, S), 0 for padding; None where there is none.
        delimiter: the id of _delimiter_.

    >>> ids = ops.array([[100, 1, 2, 101, 3, 102, 0], [100, 1, 2, 102, 0, 0, 0]])
    >>> print(ops.convert_to_numpy(_swapped(ids, ops.cast(ids > 0, "int32"), 101)))
    [[100   3 101   1   2 102   0]
     [100   1   2 102   0   0   0]]
    """
    columns = ops.arange(ops.shape(ids)[1], dtype="int32")[None]
    mask = ops.ones_like(ids) if mask is None else mask
    last = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1  # (B, 1), of _classify_
    middle = ops.sum(ops.where(ids == delimiter, columns, 0), axis=1, keepdims=True)
    seam = last - middle  # where _delimiter_ comes to stand
    places = ops.where(columns < seam, columns + middle, columns - seam)
    places = ops.where(columns == seam, middle, places)
    inside = (columns > 0) & (columns < last)
    return ops.take_along_axis(ids, ops.where(inside, places, columns), axis=1)
