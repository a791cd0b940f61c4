"""Words and their labels to batches of similar length."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS, PREFETCHED, Batcher, untuned
from tfzoo.data.words import word_labels, word_lists, word_weights
from tfzoo.errors import DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.words import WordPreprocessor, split_words

_in_graph = tf.autograph.experimental.do_not_convert


def training_batches(
    preprocessor: TextPreprocessor,
    texts: Any,
    labels: Any,
    weights: Any = None,
    *,
    classes: int | Sequence[str],
    batch_size: int | None,
    shuffle: bool,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches for `fit`; what a text has beyond `sequence_length` is cut off.

    The examples are shuffled and sorted as `tfzoo.data.pipeline.training_batches` does.

    Args:
        preprocessor: says how words are tokenized, and where a row ends.
        texts: N texts or N lists of words, see `word_lists`; or a dataset of `(text, labels)` or
            `(text, labels, weights)`, where text is a string or a vector of words, labels a vector
            of class ids, and weights a number or a vector.
        labels: N lists of names or ids; None for a dataset.
        weights: N numbers, or N lists with one per word; None for ones.
        classes: how many classes there are, or their names in the order of the ids.
        batch_size: texts per batch, 32 by default.
        shuffle: False keeps the order.
        seed: of the order.

    Returns:
        A dataset of `(features, labels, weights)`; labels and weights are (B, S), and the weights
        zero except where a word begins.

    Raises:
        DataError: texts, labels or weights cannot be used; the message names the example.
    """
    batcher = Batcher(WordPreprocessor(preprocessor, windows=False), batch_size)
    if isinstance(texts, tf.data.Dataset):
        examples, load = texts.map(_columns_in_graph(texts), PARALLEL_CALLS), _without_outer_axis
        buffer = batcher.window_size
    else:
        columns = _columns(texts, labels, weights, classes)
        buffer = int(columns["words"].nrows())
        examples = tf.data.Dataset.range(buffer)

        def load(indices: tf.Tensor) -> tuple:
            return ({name: tf.gather(column, indices) for name, column in columns.items()},)

    if not shuffle:
        return _separated(batcher.in_order(examples, load))
    return _separated(batcher.by_length(examples.shuffle(buffer, seed=seed), load, seed))


def evaluation_batches(
    preprocessor: TextPreprocessor,
    texts: Any,
    labels: Any,
    weights: Any = None,
    *,
    classes: int | Sequence[str],
    batch_size: int | None,
) -> tf.data.Dataset:
    """Batches for `evaluate`, sorted by length; a long text is several rows, that no word is lost.

    The arguments are those of `training_batches`.
    """
    if isinstance(texts, tf.data.Dataset):
        texts, labels, weights = _in_memory(texts)
    columns = _columns(texts, labels, weights, classes)
    return _separated(Batcher(WordPreprocessor(preprocessor), batch_size).longest_first(columns)[0])


def prediction_batches(
    preprocessor: TextPreprocessor, words: list[list[str]], batch_size: int | None = None
) -> tuple[tf.data.Dataset, Callable[[Any], list[np.ndarray]]]:
    """Batches for `predict`, sorted by length, and what finds the words in the outputs.

    Args:
        preprocessor: says how words are tokenized, and where a row ends; a longer text is several.
        words: N lists of W words.
        batch_size: rows per batch; by default, as many as have the tokens of 32 rows of full
            length.

    Returns:
        A dataset of features; and a function that turns the outputs for all of them, an array
        (R, S, C) or a ragged tensor (R, None, C), into N arrays (W, C).
    """
    ends = np.cumsum([len(row) for row in words])
    numbers = np.split(np.arange(1, ends[-1] + 1), ends[:-1])  # from one on: zero is no word
    columns = {"words": _ragged(words, tf.string), "numbers": _ragged(numbers, tf.int32)}
    batcher = Batcher.for_prediction(WordPreprocessor(preprocessor), batch_size)
    batches = batcher.longest_first(columns)[0]

    def per_word(outputs: Any) -> list[np.ndarray]:
        of_tokens = np.asarray(getattr(outputs, "flat_values", outputs))
        of_tokens = of_tokens.reshape(-1, of_tokens.shape[-1])  # as the tokens lie in the batches
        number = np.concatenate([np.ravel(features["numbers"]) for features in batches])
        of_words = np.empty((ends[-1], of_tokens.shape[-1]), of_tokens.dtype)
        of_words[number[number > 0] - 1] = of_tokens[number > 0]
        return np.split(of_words, ends[:-1])

    return batches, per_word


def dataset_texts(dataset: tf.data.Dataset) -> list[str]:
    """The texts of a dataset of strings, in memory.

    Raises:
        DataError: its elements are not single strings.
    """
    spec = dataset.element_spec
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank != 0:
        raise DataError(
            f"The elements of a dataset must be single texts, and these are {spec}; unbatch them, "
            "or give lists of words as a list."
        )
    return list(dataset.as_numpy_iterator())


def _columns(texts: Any, labels: Any, weights: Any, classes: int | Sequence[str]) -> dict:
    """`words`, `labels` and `weights` of N texts, ragged tensors (N, None)."""
    words = word_lists(texts)
    return {
        "words": _ragged(words, tf.string),
        "labels": _ragged(word_labels(labels, words, classes), tf.int32),
        "weights": _ragged(word_weights(weights, words), tf.float32),
    }


def _ragged(rows: Sequence[Sequence], dtype: tf.DType) -> tf.RaggedTensor:
    values = [word for row in rows for word in row] if dtype == tf.string else np.concatenate(rows)
    values = tf.constant(values, dtype, shape=(len(values),))
    return tf.RaggedTensor.from_row_lengths(values, [len(row) for row in rows])


@_in_graph
def _separate(features: dict[str, tf.Tensor]) -> tuple:
    features = dict(features)
    return features, features.pop("labels"), features.pop("weights")


def _separated(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of features with labels and weights among them, as Keras takes them."""
    return untuned(batches.map(_separate, PARALLEL_CALLS).prefetch(PREFETCHED))


def _check_dataset(dataset: tf.data.Dataset) -> None:
    """Checks that the elements of a dataset are those that `training_batches` takes."""
    spec = dataset.element_spec
    columns = spec if isinstance(spec, tuple) and len(spec) in (2, 3) else [None, None]
    ranks = [isinstance(c, tf.TensorSpec) and (c.dtype != tf.string, c.shape.rank) for c in columns]
    wanted = [[(False, 0), (False, 1)], [(True, 1)], [(True, 0), (True, 1)]]
    if not all(rank in allowed for rank, allowed in zip(ranks, wanted, strict=False)):
        raise DataError(
            "The elements of a dataset must be (text, labels) or (text, labels, weights), where "
            "text is a string or a vector of words, and labels are a vector of class ids; these "
            f"are {spec}; unbatch batches."
        )


def _in_memory(dataset: tf.data.Dataset) -> tuple[list, list, list | None]:
    """The texts, labels and weights of a dataset."""
    _check_dataset(dataset)
    examples = list(dataset.as_numpy_iterator())
    if not examples:
        raise DataError("There are no texts.")
    texts, labels, *weights = map(list, zip(*examples, strict=True))
    return texts, labels, weights[0] if weights else None


def _columns_in_graph(dataset: tf.data.Dataset) -> Callable:
    """What turns the elements of a dataset into `words`, `labels` and `weights` (1, None).

    They are ragged, so that elements of different length can be batched.
    """
    _check_dataset(dataset)

    @_in_graph
    def columns(text: tf.Tensor, labels: tf.Tensor, weights: Any = 1.0) -> dict:
        words = split_words(text[None]).flat_values if text.shape.rank == 0 else text
        count = tf.size(words)
        tf.debugging.assert_equal(
            tf.size(labels), count, "An example of the dataset has not as many labels as words."
        )
        weights = tf.broadcast_to(tf.cast(weights, tf.float32), [count])
        values = {"words": words, "labels": tf.cast(labels, tf.int32), "weights": weights}
        return {
            name: tf.RaggedTensor.from_row_lengths(value, [count]) for name, value in values.items()
        }

    return columns


def _without_outer_axis(columns: dict[str, tf.RaggedTensor]) -> tuple:
    return ({name: column.merge_dims(0, 1) for name, column in columns.items()},)
