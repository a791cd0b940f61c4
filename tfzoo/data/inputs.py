"""What `fit`, `evaluate` and `predict` are given, turned into batches of features."""

import contextlib
import contextvars
import random
from collections.abc import Iterator
from typing import Any

import keras

from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import TextPreprocessor


def is_text(x: Any) -> bool:
    """Whether `x` is texts, or a dataset of them, rather than features.

    Example:
        >>> is_text(["a"]), is_text((["a"], ["b"])), is_text({"token_ids": [[1]]})
        (True, True, False)
    """
    spec = getattr(x, "element_spec", None)
    if spec is not None:
        return is_text(spec[0] if isinstance(spec, tuple) else spec)
    if isinstance(x, tuple):
        return all(is_text(column) for column in x)
    dtype = getattr(x, "dtype", None)
    if dtype is not None:
        return getattr(dtype, "name", str(dtype)).startswith(("str", "object", "bytes"))
    return isinstance(x, str | bytes | list)


def check_labels(x: Any, y: Any, wanted: bool) -> None:
    """Checks that texts come with labels where they are wanted, and without where they are not.

    Raises:
        DataError: they do not. A dataset holds its labels, and is not checked.

    Example:
        >>> check_labels(["a"], None, wanted=True)
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: The texts have no labels; give one per text as the second argument.
    """
    if hasattr(x, "element_spec") or wanted == (y is not None):
        return
    if wanted:
        raise DataError("The texts have no labels; give one per text as the second argument.")
    raise DataError("This task makes its own labels from the texts; give it texts alone.")


_seeds = contextvars.ContextVar("seeds", default=random)


def draw_seed() -> int:
    """A seed for the order of examples, decided by `keras.utils.set_random_seed` or `seeded`."""
    return _seeds.get().randrange(2**31)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes the seeds that are drawn inside follow from one.

    Example:
        >>> def drawn():
        ...     with seeded(7):
        ...         return draw_seed(), draw_seed()
        >>> drawn() == drawn()
        True
    """
    outer = _seeds.set(random.Random(seed))
    try:
        yield
    finally:
        _seeds.reset(outer)


def feature_batches(
    x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
) -> Any:
    """A dataset of batches of features in memory, in another order each epoch.

    Args:
        x: features: a dict of arrays or lists of N rows.
        y, sample_weight: arrays or lists of N rows, or dicts of them; None for none.
        batch_size: 32 for None.
        shuffle: whether the order is another one each epoch.

    Raises:
        DataError: they have not the same number of rows, or weights come without labels.
        ConfigError: `batch_size` is less than one.
    """
    import tensorflow as tf

    from tfzoo.data.bucketing import checked_rows

    if y is None and sample_weight is not None:
        raise DataError("Sample weights are given without labels.")
    columns = (x,) if y is None else (x, y) if sample_weight is None else (x, y, sample_weight)
    columns = tuple(map(_arrays, columns))
    counts = {len(column) for column in keras.tree.flatten(columns)}
    if len(counts) > 1:
        raise DataError(f"Features, labels and weights have different numbers of rows: {counts}.")
    rows = tf.data.Dataset.from_tensor_slices(columns if len(columns) > 1 else columns[0])
    if shuffle:
        rows = rows.shuffle(len(rows), seed=draw_seed())
    return rows.batch(checked_rows(batch_size))


def _arrays(columns: Any) -> Any:
    """An array, or a dict or tuple of arrays, of lists and arrays."""
    if isinstance(columns, dict):
        return {name: _arrays(column) for name, column in columns.items()}
    if isinstance(columns, tuple):
        return tuple(map(_arrays, columns))
    try:
        return keras.ops.convert_to_numpy(columns)
    except (TypeError, ValueError) as error:
        raise DataError(f"Features, labels or weights make no array ({error!s:.200}).") from None


def training_batches(
    preprocessor: TextPreprocessor,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
) -> Any:
    """Batches of texts, or of a dataset of texts, for `fit`; see `tfzoo.data.pipeline`."""
    from tfzoo.data import pipeline

    if hasattr(x, "element_spec"):
        return pipeline.dataset_batches(
            preprocessor, x, batch_size=batch_size, shuffle=shuffle, seed=seed
        )
    return pipeline.training_batches(
        preprocessor, x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, seed=seed
    )


def evaluation_batches(
    preprocessor: TextPreprocessor, x: Any, y: Any, sample_weight: Any, batch_size: int | None
) -> Any:
    """Batches of texts for `evaluate`, whose order does not matter: sorted by length."""
    from tfzoo.data import pipeline

    if hasattr(x, "element_spec"):
        return pipeline.dataset_batches(preprocessor, x, batch_size=batch_size, shuffle=False)
    return pipeline.sorted_batches(preprocessor, x, y, sample_weight, batch_size=batch_size)[0]


def prediction_batches(
    preprocessor: TextPreprocessor, x: Any, batch_size: int | None
) -> tuple[Any, Any]:
    """Batches of texts for `predict`, and what indexes the outputs to give the caller's order.

    Without `batch_size`, a batch has as many tokens as 32 texts of `sequence_length` have.
    """
    from tfzoo.data import pipeline
    from tfzoo.data.bucketing import ROWS

    if hasattr(x, "element_spec"):
        return evaluation_batches(preprocessor, x, None, None, batch_size), slice(None)
    if batch_size is None:
        tokens = ROWS * preprocessor.sequence_length
        return pipeline.sorted_batches(preprocessor, x, tokens_per_batch=tokens)
    return pipeline.sorted_batches(preprocessor, x, batch_size=batch_size)


def weighted_by_class(dataset: Any, weights: Any) -> Any:
    """A dataset of `(x, y)` or `(x, y, sample_weight)`, its weights times those of the classes.

    Args:
        dataset: `y` is class ids.
        weights: (C,) float32, one per class.

    Raises:
        DataError: it is no dataset of such.
    """
    import tensorflow as tf

    def weigh(x: Any, y: tf.Tensor, weight: Any = 1.0) -> tuple:
        return x, y, tf.gather(weights, y) * tf.cast(weight, tf.float32)

    spec = getattr(dataset, "element_spec", None)
    labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else None
    if not isinstance(labels, tf.TensorSpec) or not labels.dtype.is_integer:
        raise DataError(
            "class_weight needs labels: a class per text as the second argument, or a "
            "tf.data.Dataset of (x, class id)."
        )
    return dataset.map(weigh)


def split_off(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[tuple, tuple]:
    """Splits off the last examples, as Keras' `validation_split` does.

    Args:
        x: N texts, a tuple of two columns of N texts, or a dict of arrays of N rows.
        y: N labels or None.
        sample_weight: N weights or None.
        share: of the examples that is split off, between 0 and 1.

    Returns:
        `(x, y, sample_weight)` of the first examples and of the last.

    Raises:
        ConfigError: the share is out of range, leaves one side empty, or `x` is a dataset.

    Example:
        >>> split_off(["a", "b", "c", "d"], [1, 2, 3, 4], None, 0.25)
        ((['a', 'b', 'c'], [1, 2, 3], None), (['d'], [4], None))
    """
    if hasattr(x, "element_spec"):
        raise ConfigError("validation_split needs texts in memory; give validation_data instead.")
    columns = x if isinstance(x, tuple) else list(x.values()) if isinstance(x, dict) else [x]
    count = len(columns[0])
    kept = int(count * (1 - share))
    if not 0 < kept < count:
        raise ConfigError(
            f"validation_split={share} of {count} examples leaves none on one side; choose another."
        )

    def cut(column: Any, part: slice) -> Any:
        if isinstance(column, tuple):
            return tuple(cut(each, part) for each in column)
        if isinstance(column, dict):
            return {name: cut(each, part) for name, each in column.items()}
        return None if column is None else column[part]

    columns = (x, y, sample_weight)
    first, last = slice(None, kept), slice(kept, None)
    return tuple(cut(c, first) for c in columns), tuple(cut(c, last) for c in columns)


def count_batches(batches: Any) -> int | None:
    """Batches per epoch of a dataset; None where it does not say."""
    if isinstance(batches, keras.utils.PyDataset):
        return batches.num_batches
    count = int(batches.cardinality()) if hasattr(batches, "element_spec") else -1
    return count if count >= 0 else None
