"""Contexts and choices to batches of examples of similar length."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.answers import encodable
from tfzoo.data.bucketing import Batcher
from tfzoo.data.choices import choice_labels, choice_lists
from tfzoo.errors import DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.choices import ChoicePreprocessor
from tfzoo.tokenizers.strings import text_tensors


def training_batches(
    preprocessor: TextPreprocessor,
    x: Any,
    labels: Any,
    sample_weight: Any = None,
    *,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches for `fit`, shuffled and sorted as `tfzoo.data.pipeline.training_batches` does.

    Args:
        preprocessor: makes a row of a context and a choice.
        x: a tuple of N contexts and N lists of choices.
        labels: N numbers of the right choices.
        sample_weight: N floats.
        batch_size: examples per batch, 32 by default.
        shuffle: False keeps the order of the examples.
        seed: of the order.

    Returns:
        A dataset of `(features, labels[, sample_weight])`. Features are (B, C, S), C the most
        choices of any example, and `choice_mask` (B, C), 1 for a choice.

    Raises:
        DataError: contexts, choices, labels or weights cannot be used.
    """
    columns = _columns(x, labels, sample_weight)
    count = len(columns[1])
    batcher = Batcher(ChoicePreprocessor(preprocessor), batch_size)
    return batcher.of_columns(columns, count, shuffle, seed)


def evaluation_batches(
    preprocessor: TextPreprocessor,
    x: Any,
    labels: Any,
    sample_weight: Any = None,
    *,
    batch_size: int | None,
) -> tf.data.Dataset:
    """Batches for `evaluate`, sorted by length; see `training_batches`."""
    batcher = Batcher(ChoicePreprocessor(preprocessor), batch_size)
    return batcher.longest_first(*_columns(x, labels, sample_weight))[0]


def prediction_batches(
    preprocessor: TextPreprocessor, x: Any, batch_size: int | None = None
) -> tuple[tf.data.Dataset, np.ndarray]:
    """Batches for `predict`, the longest first, and where in them each example is.

    Args:
        preprocessor: makes a row of a context and a choice.
        x: a tuple of N contexts and N lists of choices.
        batch_size: examples per batch; by default, as many as have the tokens of 32 rows of full
            length, but at least one.

    Returns:
        The dataset of features, and (N,) int.
    """
    columns = _texts(*choice_lists(x))
    choices = columns["choices"].shape[1]
    batcher = Batcher.for_prediction(ChoicePreprocessor(preprocessor), batch_size, choices)
    dataset, order = batcher.longest_first(columns)
    return dataset, np.argsort(order)


def _columns(x: Any, labels: Any, sample_weight: Any) -> tuple:
    """Texts, labels and, where given, weights of all examples."""
    contexts, choices = choice_lists(x)
    columns = _texts(contexts, choices), tf.constant(choice_labels(labels, choices))
    if sample_weight is None:
        return columns
    weights = np.asarray(sample_weight, np.float32)
    if weights.shape != (len(choices),):
        raise DataError(
            f"There are {len(choices)} examples, but the sample weights have the shape "
            f"{weights.shape}."
        )
    return *columns, tf.constant(weights)


def _texts(contexts: Any, choices: list[list[str]]) -> dict[str, tf.Tensor]:
    """What a `ChoicePreprocessor` takes: `context` (N,) and `choices` (N, C)."""
    most = max(map(len, choices))
    padded = [encodable(each) + [""] * (most - len(each)) for each in choices]
    return {"context": text_tensors(contexts), "choices": tf.constant(padded)}
