"""Texts, or ids in their place, to the ids that a language model has."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfzoo.errors import DataError


def token_lists(model: Any, texts: Any) -> tuple[list[np.ndarray], bool]:
    """Reads N texts or lists of ids, or a single one.

    Args:
        model: a `tfzoo.tasks.CausalLM`, whose preprocessor tokenizes texts.
        texts: a string or N strings; or lists or arrays of ids.

    Returns:
        N int32 arrays, and whether `texts` was a single one.

    Raises:
        DataError: there are no texts, one is neither a string nor ids of the model, or they are
            strings and the model has no preprocessor.
    """
    texts = plain(texts)
    if not isinstance(texts, Sequence):
        raise DataError(f"Give a list of texts or of lists of ids, not a {type(texts).__name__}.")
    is_text = isinstance(texts, str | bytes)
    if not is_text and not texts:
        raise DataError("There are no texts.")
    is_one = is_text or isinstance(texts[0], int | np.integer)
    texts = [texts] if is_one else list(texts)
    if any(isinstance(each, str | bytes) for each in texts):
        if model.preprocessor is None:
            raise DataError(
                f"This {type(model).__name__} has no preprocessor, so it takes ids rather than "
                "texts; give it one, or give it ids."
            )
        texts = model.preprocessor.tokenizer(texts).to_list()
    size = model.backbone.token_embedding.input_dim
    return [_checked(ids, index, size) for index, ids in enumerate(texts)], is_one


def plain(texts: Any) -> Any:
    """What an array or a series holds, and anything else as it is."""
    return texts.tolist() if hasattr(texts, "tolist") else texts


def end_id(model: Any) -> int | None:
    """The id that begins and ends a language model's texts; None for a model that has none."""
    return getattr(model.preprocessor and model.preprocessor.tokenizer, "end_id", None)


def _checked(ids: Sequence[int], index: int, size: int) -> np.ndarray:
    try:
        array = np.asarray(ids)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.shape == (0,):
        return array.astype("int32")
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= size:
        raise DataError(f"Text {index} is no string and no list of ids from 0 to {size - 1}.")
    return array.astype("int32")
