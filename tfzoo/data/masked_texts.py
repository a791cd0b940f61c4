"""Texts in which masks are spelled out, checked and batched."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.bucketing import Batcher
from tfzoo.errors import DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.masks import MaskPreprocessor
from tfzoo.tokenizers.strings import text_list, text_tensors


def masked_texts(texts: Any, mask: str) -> list[str]:
    """Reads N texts, each with at least one mask.

    Args:
        texts: list, array or tensor of strings.
        mask: the mask as it is spelled.

    Raises:
        DataError: there are none, or one has no mask or is no string.

    Example:
        >>> masked_texts(["a [MASK]", b"a [MASK]ed b", "a"], "[MASK]")
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Text 2 has no [MASK]; write it where a token is to be predicted.
    """
    read = text_list(texts)
    if not read:
        raise DataError("There are no texts.")
    for index, text in enumerate(read):
        if mask not in text:
            raise DataError(
                f"Text {index} has no {mask}; write it where a token is to be predicted."
            )
    return read


def masked_text_batches(
    preprocessor: TextPreprocessor, texts: list[str], batch_size: int | None = None
) -> tuple[tf.data.Dataset, np.ndarray]:
    """Batches of texts with masks, the longest first.

    Args:
        preprocessor: says the tokenizer, and where a row ends.
        texts: of `masked_texts`.
        batch_size: texts per batch; by default, as many as have the tokens of 32 rows of full
            length.

    Returns:
        The dataset of features, with `masked_positions`, and the indices of the texts in its order.
    """
    batcher = Batcher.for_prediction(MaskPreprocessor(preprocessor), batch_size)
    dataset, order = batcher.longest_first(text_tensors(texts))
    return dataset, order.numpy()


def fillings(
    preprocessor: TextPreprocessor,
    text: str,
    index: int,
    positions: np.ndarray,
    probabilities: np.ndarray,
    ids: np.ndarray,
) -> list[list[dict[str, Any]]]:
    """The likeliest tokens for each mask of a text, to read.

    Args:
        preprocessor: has made the features.
        text: one of `masked_texts`.
        index: its number, for messages.
        positions: (P,) its `masked_positions`.
        probabilities: (P, K) of the likeliest tokens, the highest first.
        ids: (P, K) of these tokens.

    Returns:
        For each mask a list of K dicts: `token`, `token_id`, `probability`, and `text`, with the
        token in place of the mask.

    Raises:
        DataError: the text has a mask that is cut off.
    """
    tokenizer = preprocessor.tokenizer
    mask = tokenizer.mask_token
    parts = text.split(mask)
    if np.count_nonzero(positions) < len(parts) - 1:  # a row begins with another token
        raise DataError(
            f"Text {index} is longer than {preprocessor.sequence_length} tokens, and has a {mask} "
            "behind them; shorten it, or raise sequence_length."
        )
    answers = []
    for number in range(1, len(parts)):
        before, after = mask.join(parts[:number]), mask.join(parts[number:])
        tokens = zip(ids[number - 1].tolist(), probabilities[number - 1].tolist(), strict=True)
        answers.append(
            [
                {
                    "token": tokenizer.append("", token_id),
                    "token_id": token_id,
                    "probability": probability,
                    "text": tokenizer.append(before, token_id) + after,
                }
                for token_id, probability in tokens
            ]
        )
    return answers
