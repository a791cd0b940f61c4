"""Examples to batches of similar length: `tf.data` pipelines that tokenize in the graph."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS, Batcher
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.strings import text_tensors


def training_batches(
    preprocessor: TextPreprocessor,
    texts: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Batches for `fit`: every example once per epoch, in another order each epoch.

    All examples are shuffled and cut into windows of many batches. A window is tokenized at once,
    sorted by length (ties at random) and cut into batches, and the batches are shuffled again. So
    a batch holds rows of about one length and little padding.

    Args:
        preprocessor: turns texts into features.
        texts: N strings in a list, array or tensor, or a tuple of two such columns.
        y: labels: an array of N rows, or a dict or tuple of such arrays.
        sample_weight: N floats; only with `y`.
        batch_size: examples per batch, 32 by default; the last one of an epoch may have fewer.
        tokens_per_batch: instead of `batch_size`, as many rows per batch as fit into this many
            tokens, padding included.
        shuffle: False keeps the caller's order and sorts nothing.
        seed: the same seed gives the same sequence of epochs, None another one each time.
        input_context: of one worker among several. The sizes are those of all workers together:
            each gets its share of every batch, padded to the same length.

    Returns:
        A dataset of `features`, `(features, y)` or `(features, y, sample_weight)`. Its cardinality
        is known unless `tokens_per_batch` is used.

    Raises:
        DataError: if texts are not strings, there are none, or columns differ in length.
        ConfigError: if a size has no valid value, or several workers have no common seed.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
        >>> preprocessor = TextPreprocessor(tokenizer, sequence_length=16)
        >>> texts = ["a", "a a a a a a a a a", "a a", "a a a a a a a a"]
        >>> batches = training_batches(preprocessor, texts, [0, 1, 0, 1], batch_size=2, seed=1)
        >>> sorted(y.numpy().tolist() for x, y in batches)
        [[0, 0], [1, 1]]
    """
    if input_context and input_context.num_input_pipelines > 1 and shuffle and seed is None:
        raise ConfigError("Several workers need a seed to agree on the order of the examples.")
    batcher = Batcher(preprocessor, batch_size, tokens_per_batch, input_context)
    columns = _columns(texts, y, sample_weight)
    return batcher.of_columns(columns, _count(columns), shuffle, seed)


def sorted_batches(
    preprocessor: TextPreprocessor,
    texts: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
) -> tuple[tf.data.Dataset, np.ndarray]:
    """Batches for `predict` and `evaluate`: all examples sorted by length, the longest first.

    Args:
        preprocessor, texts, y, sample_weight, batch_size, tokens_per_batch: as in
            `training_batches`.

    Returns:
        The dataset, and an int array `positions` of shape (N,): example i is the
        `positions[i]`-th of the dataset, so `outputs[positions]` has the caller's order.

    Raises:
        DataError: if texts are not strings, there are none, or columns differ in length.
        ConfigError: if a size has no valid value.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
        >>> batches, positions = sorted_batches(
        ...     TextPreprocessor(tokenizer), ["a", "a a a", "a a"], batch_size=2
        ... )
        >>> rows = np.concatenate([x["padding_mask"].numpy().sum(axis=1) for x in batches])
        >>> rows.tolist(), rows[positions].tolist()
        ([5, 4, 3], [3, 5, 4])
    """
    batcher = Batcher(preprocessor, batch_size, tokens_per_batch)
    dataset, order = batcher.longest_first(*_columns(texts, y, sample_weight))
    return dataset, np.argsort(order)


def dataset_batches(
    preprocessor: TextPreprocessor,
    dataset: tf.data.Dataset,
    *,
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of a caller's own dataset of strings.

    A dataset that is batched already keeps its batches, which are only tokenized and padded; for
    any other one the arguments mean what they mean in `training_batches`, except that examples
    are shuffled through a buffer of one window. tf.data's autotuning is off in the result.

    Args:
        preprocessor, batch_size, tokens_per_batch, shuffle, seed: as in `training_batches`.
        dataset: of `text`, `(text, y)` or `(text, y, sample_weight)`, where text is a string
            tensor of shape () or (B,), or a tuple of two: pairs without labels are `((a, b),)`.

    Raises:
        DataError: if the elements are something else.
        ConfigError: if a size has no valid value.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
        >>> dataset = tf.data.Dataset.from_tensor_slices((["a", "a a", "a"], [1, 2, 3])).batch(2)
        >>> for features, y in dataset_batches(TextPreprocessor(tokenizer), dataset):
        ...     print(sorted(features), y.numpy())
        ['padding_mask', 'segment_ids', 'token_ids'] [1 2]
        ['padding_mask', 'segment_ids', 'token_ids'] [3]
    """
    batcher = Batcher(preprocessor, batch_size, tokens_per_batch)
    if _text_rank(dataset.element_spec) == 1:
        return batcher.padded(dataset.map(batcher.encoded, PARALLEL_CALLS))
    if not shuffle:
        return batcher.in_order(dataset, _as_tuple)
    return batcher.by_length(dataset.shuffle(batcher.window_size, seed=seed), _as_tuple, seed)


def _as_tuple(*columns: Any) -> tuple:
    return columns


def _columns(texts: Any, y: Any, sample_weight: Any) -> tuple:
    """Makes tensors of the columns of N examples and checks that they are of one length."""
    texts = text_tensors(texts)
    count = _count(texts)
    if not count:
        raise DataError("There are no texts.")
    if y is None and sample_weight is not None:
        raise DataError("Sample weights are given without labels.")
    columns = [texts]
    for name, values in (("labels", y), ("sample weights", sample_weight)):
        if values is not None:
            columns.append(_tensors(values, name))
            for column in tf.nest.flatten(columns[-1]):
                if column.shape[:1] != [count]:
                    raise DataError(
                        f"There are {count} texts, but the {name} have the shape {column.shape}."
                    )
    return tuple(columns)


def _count(columns: Any) -> int:
    return tf.nest.flatten(columns)[0].shape[0]


def _tensors(values: Any, name: str) -> Any:
    if isinstance(values, dict):
        return {key: _tensors(value, name) for key, value in values.items()}
    if isinstance(values, tuple):
        return tuple(_tensors(value, name) for value in values)
    try:
        return tf.convert_to_tensor(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"The {name} make no array ({error!s:.200}).") from None


def _text_rank(spec: Any) -> int:
    """The rank of a dataset's texts: 0 for single examples, 1 for batches."""
    texts, *labels = spec if isinstance(spec, tuple) else (spec,)
    columns = texts if isinstance(texts, tuple) else (texts,)
    kinds = {isinstance(c, tf.TensorSpec) and (c.dtype, c.shape.rank) for c in columns}
    string_labels = any(label.dtype == tf.string for label in tf.nest.flatten(labels))
    if kinds not in ({(tf.string, 0)}, {(tf.string, 1)}) or string_labels:
        raise DataError(
            "The elements of a dataset must be text, (text, label) or (text, label, weight), where "
            "text is a string or a pair (a, b) of strings and a label is a number; these are "
            f"{spec}."
        )
    return columns[0].shape.rank
