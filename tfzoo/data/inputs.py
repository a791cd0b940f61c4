"""What `fit`, `evaluate` and `predict` are given, turned into batches of features."""

import random
from typing import Any

from tfzoo.errors import ConfigError
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


def draw_seed() -> int:
    """A seed for the order of examples, decided by `keras.utils.set_random_seed`."""
    return random.randrange(2**31)


def batches(
    preprocessor: TextPreprocessor,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int,
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
    preprocessor: TextPreprocessor, x: Any, y: Any, sample_weight: Any, batch_size: int
) -> Any:
    """Batches of texts for `evaluate`, whose order does not matter: sorted by length."""
    from tfzoo.data import pipeline

    if hasattr(x, "element_spec"):
        return pipeline.dataset_batches(preprocessor, x, batch_size=batch_size, shuffle=False)
    return pipeline.sorted_batches(preprocessor, x, y, sample_weight, batch_size=batch_size)[0]


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
