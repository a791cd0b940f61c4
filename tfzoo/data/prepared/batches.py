"""Batches for `fit` from a folder of prepared data."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS, PREFETCHED, untuned
from tfzoo.data.inputs import draw_seed
from tfzoo.data.masking import Masking, masked_batches, with_labels
from tfzoo.data.prepared.folder import load_tokenizer, read_description
from tfzoo.data.prepared.records import parsed, serialized
from tfzoo.errors import ConfigError

_SHUFFLED = 32768  # rows in memory, as they lie in the files: some hundred bytes each
_OPEN_FILES = 64
_BUFFER = 2**18  # bytes of a file that is read


def prepared_batches(
    folder: str | os.PathLike[str],
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    masking: Masking | None = None,
) -> tf.data.Dataset:
    """Batches of the rows that `tfzoo.prepare` wrote, with labels, as `fit` takes them.

    Each row comes once per epoch. Shards are read side by side in another order each epoch, and the
    rows are shuffled through a buffer. Several workers that are given the dataset by a strategy
    share every batch among them, so that they see what one worker would.

    Args:
        folder: the prepared data.
        batch_size: B, rows of a batch, of all workers together. The last rows of an epoch may be
            nothing but padding that counts for nothing, so that all batches have one shape.
        shuffle: False keeps the order of the files and, for a validation, the masks.
        seed: the same seed gives the same sequence of epochs; None one that
            `keras.utils.set_random_seed` decides. Several workers need the same.
        masking: for rows that are not masked yet, in place of how they were meant to be.

    Returns:
        A dataset of `(features, labels, weights)`, see `tfzoo.data.masking.masked_batches`, for a
        masked language model or a pre-trainer of the tokenizer's family; of rows of the format
        "causal", features as `tfzoo.data.packing.packed_documents` has them.

    Raises:
        DataError: the folder holds no prepared data, or not all of them.
        ConfigError: the batch size is no number of rows, or masks are given for rows that are
            masked already, or never.
    """
    folder = Path(folder)
    description, tokenizer = read_description(folder), load_tokenizer(folder)
    recipe = description.recipe
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {batch_size}.")
    if masking and not recipe.masked_later:
        raise ConfigError(
            f"The rows in {folder} are masked already; prepare them with dynamic masks."
            if recipe.static
            else f"The rows in {folder} are for language models that predict the next token; leave "
            "masking out."
        )
    seed = draw_seed() if seed is None else seed
    records = _records([str(folder / name) for name in description.shards], shuffle, seed)
    missing = -description.rows % batch_size
    if missing:
        records = records.concatenate(_empty_record(recipe.features, tokenizer.pad_id, missing))

    @tf.autograph.experimental.do_not_convert
    def load(some: tf.Tensor) -> Any:
        return _batch(parsed(some, recipe.features), recipe.static)

    batches = records.batch(batch_size, drop_remainder=True).map(load, PARALLEL_CALLS)
    count = (description.rows + missing) // batch_size
    batches = batches.apply(tf.data.experimental.assert_cardinality(count))
    if recipe.masked_later:
        batches = masked_batches(batches, tokenizer, seed, shuffle, masking or recipe.masking)
    else:
        batches = untuned(batches.prefetch(PREFETCHED))
    # By files, workers would not have the same number of batches, nor those of one worker.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _records(files: list[str], shuffle: bool, seed: int) -> tf.data.Dataset:
    if not shuffle:
        return _open(files)
    names = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), seed=seed)
    rows = names.interleave(_open, cycle_length=min(len(files), _OPEN_FILES), block_length=1)
    return rows.shuffle(_SHUFFLED, seed=seed)


def _open(files: Any) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, buffer_size=_BUFFER)


def _empty_record(features: dict[str, int | None], pad_id: int, count: int) -> tf.data.Dataset:
    """So many times a row of nothing but padding."""
    row = {name: np.zeros((1, width) if width else 1, np.int32) for name, width in features.items()}
    row["token_ids"] += pad_id
    return tf.data.Dataset.from_tensors(next(iter(serialized(row)))).repeat(count)


def _batch(columns: dict[str, tf.Tensor], static: bool) -> Any:
    """Features, and labels as far as the columns hold some."""
    labels = []
    if "next_sentence" in columns:
        real = tf.reduce_any(columns["padding_mask"] > 0, axis=1)
        labels = [columns.pop("next_sentence"), tf.cast(real, tf.float32)]
    if not static:
        return (columns, *labels) if labels else columns
    ids, weights = columns.pop("masked_ids"), columns.pop("masked_weights")
    return with_labels(columns, ids, tf.cast(weights, tf.float32), *labels)
