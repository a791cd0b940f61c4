"""What `fit`, `evaluate` and `predict` are given, turned into batches of features."""

import math
import random
from typing import Any

import keras

from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import TextPreprocessor

_ROWS = 32  # of a batch, unless the caller says otherwise, as in Keras


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


def draw_seed() -> int:
    """A seed for the order of examples, decided by `keras.utils.set_random_seed`."""
    return random.randrange(2**31)


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
            preprocessor, x, batch_size=_rows(batch_size), shuffle=shuffle, seed=seed
        )
    return pipeline.training_batches(
        preprocessor, x, y, sample_weight, batch_size=_rows(batch_size), shuffle=shuffle, seed=seed
    )


def evaluation_batches(
    preprocessor: TextPreprocessor, x: Any, y: Any, sample_weight: Any, batch_size: int | None
) -> Any:
    """Batches of texts for `evaluate`, whose order does not matter: sorted by length."""
    from tfzoo.data import pipeline

    if hasattr(x, "element_spec"):
        return pipeline.dataset_batches(
            preprocessor, x, batch_size=_rows(batch_size), shuffle=False
        )
    return pipeline.sorted_batches(preprocessor, x, y, sample_weight, batch_size=_rows(batch_size))[
        0
    ]


def prediction_batches(
    preprocessor: TextPreprocessor, x: Any, batch_size: int | None
) -> tuple[Any, Any]:
    """Batches of texts for `predict`, and what indexes the outputs to give the caller's order.

    Without `batch_size`, a batch has as many tokens as 32 texts of `sequence_length` have.
    """
    from tfzoo.data import pipeline

    if hasattr(x, "element_spec"):
        return evaluation_batches(preprocessor, x, None, None, batch_size), slice(None)
    if batch_size is None:
        tokens = _ROWS * preprocessor.sequence_length
        return pipeline.sorted_batches(preprocessor, x, tokens_per_batch=tokens)
    return pipeline.sorted_batches(preprocessor, x, batch_size=batch_size)


def split_off(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[tuple, tuple]:
    """Splits off the last examples, as Keras' `validation_split` does.

    Args:
        x: N texts, or a tuple of two columns of N texts.
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
    count = len(x[0] if isinstance(x, tuple) else x)
    kept = int(count * (1 - share))
    if not 0 < kept < count:
        raise ConfigError(
            f"validation_split={share} of {count} examples leaves none on one side; choose another."
        )

    def cut(column: Any, part: slice) -> Any:
        if isinstance(column, tuple):
            return tuple(cut(each, part) for each in column)
        return None if column is None else column[part]

    columns = (x, y, sample_weight)
    first, last = slice(None, kept), slice(kept, None)
    return tuple(cut(c, first) for c in columns), tuple(cut(c, last) for c in columns)


def count_batches(x: Any, batch_size: int | None, validation_split: float) -> int | None:
    """Batches per epoch of features in memory or a dataset; None where they do not say."""
    if hasattr(x, "element_spec"):
        count = int(x.cardinality())
        return count if count >= 0 else None
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    rows = {column.shape[0] for column in keras.tree.flatten(x) if hasattr(column, "shape")}
    if not rows:
        return None
    return math.ceil(int(max(rows) * (1 - validation_split)) / _rows(batch_size))


def _rows(batch_size: int | None) -> int:
    return _ROWS if batch_size is None else batch_size
