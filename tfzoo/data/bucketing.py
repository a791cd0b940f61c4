"""Batches of rows of similar length: how a window of examples is sorted, cut and padded."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.tokenizers import TextPreprocessor

ROWS = 32  # of a batch, unless the caller says otherwise, as in Keras

_BATCHES_PER_WINDOW = 64
PARALLEL_CALLS = 4
PREFETCHED = 8  # batches
_TEXTS_PER_CHUNK = 8192  # encoded at once where there is no window: bounds the memory

# Nothing here needs AutoGraph, whose conversion would take longer than the first epoch's texts.
_in_graph = tf.autograph.experimental.do_not_convert


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """A dataset without tf.data's autotuning.

    Its thread tunes at intervals that double, and an iterator does not end before the next one is
    over: an epoch of two and a half seconds can take five.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def checked_rows(batch_size: int | None) -> int:
    """How many rows a batch has; `ROWS` for None.

    >>> checked_rows(None), checked_rows(1)
    (32, 1)

    Raises:
        ConfigError: it is less than one.
    """
    if batch_size is not None and batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {batch_size}.")
    return ROWS if batch_size is None else batch_size


class Batcher:
    """Turns examples into padded batches, by length or in the order they come.

    An example is a tuple `(texts[, y[, sample_weight]])`, of which texts may be a pair.

    Args:
        preprocessor: turns texts into features.
        batch_size: examples per batch; `ROWS` for None.
        tokens_per_batch: instead, as many rows as fit into this many tokens, padding included.
        input_context: of one worker among several, which gets its share of every batch.

    Raises:
        ConfigError: if a size has no valid value.
    """

    def __init__(
        self,
        preprocessor: TextPreprocessor,
        batch_size: int | None,
        tokens_per_batch: int | None = None,
        input_context: tf.distribute.InputContext | None = None,
    ):
        longest = preprocessor.sequence_length
        rows = checked_rows(batch_size)
        if tokens_per_batch is not None and tokens_per_batch < longest:
            raise ConfigError(
                f"tokens_per_batch={tokens_per_batch} has no room for one row of {longest} "
                "tokens; raise it or lower sequence_length."
            )
        self._preprocessor = preprocessor
        self._budget = tokens_per_batch
        self._multiple = _length_multiple()
        self._workers = input_context or tf.distribute.InputContext()
        self._rows = rows if tokens_per_batch is None else tokens_per_batch // longest
        self.window_size = self._rows * _BATCHES_PER_WINDOW

    @classmethod
    def for_prediction(
        cls, preprocessor: TextPreprocessor, batch_size: int | None, rows: int = 1
    ) -> "Batcher":
        """One that without `batch_size` makes batches of as many tokens as `ROWS` long rows have.

        Args:
            preprocessor, batch_size: those of the constructor.
            rows: of an example, of which a batch has at least one.
        """
        if batch_size is not None:
            return cls(preprocessor, batch_size)
        return cls(preprocessor, None, max(1, ROWS // rows) * preprocessor.sequence_length)

    def of_columns(
        self, columns: tuple, count: int, shuffle: bool, seed: int | None
    ) -> tf.data.Dataset:
        """Batches of examples in memory: by length in another order each epoch, or in their order.

        Args:
            columns: tensors of N rows, an example's components.
            count: N.
            shuffle: False keeps the order and sorts nothing.
            seed: of the orders.
        """
        indices = tf.data.Dataset.range(count)

        def take(rows: tf.Tensor) -> tuple:
            return tf.nest.map_structure(lambda column: tf.gather(column, rows), columns)

        if not shuffle:
            return self.in_order(indices, take)
        return self.by_length(indices.shuffle(count, seed=seed), take, seed)

    def by_length(
        self, dataset: tf.data.Dataset, load: Callable[..., tuple], seed: int | None
    ) -> tf.data.Dataset:
        """Batches of similar length, in random order, cut out of windows sorted by length.

        Args:
            dataset: of single elements, in random order (which decides between equal lengths).
            load: turns a batch of elements into examples.
            seed: of the order of the batches.
        """

        @_in_graph
        def batches_of_window(*elements: Any) -> tuple:
            return self._sorted_and_cut(*self.encoded(*load(*elements)))[0]

        windows = dataset.batch(self.window_size)
        batches = windows.map(batches_of_window, PARALLEL_CALLS).unbatch()
        batches = self.padded(batches.shuffle(_BATCHES_PER_WINDOW, seed=seed))
        return self._counted(batches, dataset) if self._budget is None else batches

    def in_order(self, dataset: tf.data.Dataset, load: Callable[..., tuple]) -> tf.data.Dataset:
        """Batches in the order of the dataset; the arguments are those of `by_length`."""

        @_in_graph
        def batch(*elements: Any) -> tuple:
            return self.encoded(*load(*elements))

        batches = self.padded(dataset.batch(self._rows).map(batch, PARALLEL_CALLS))
        return self._counted(batches, dataset)

    def longest_first(self, texts: Any, *labels: Any) -> tuple[tf.data.Dataset, tf.Tensor]:
        """Batches of N examples sorted by falling length, and their indices in that order."""
        chunks = tf.data.Dataset.from_tensor_slices(texts).batch(_TEXTS_PER_CHUNK)
        chunks = [self._preprocessor.encode(chunk) for chunk in chunks]
        encoded = tf.nest.map_structure(lambda *rows: tf.concat(rows, axis=0), *chunks)
        batches, order = self._sorted_and_cut(encoded, *labels)
        return self.padded(tf.data.Dataset.from_tensor_slices(batches)), order

    @_in_graph
    def encoded(self, texts: Any, *labels: Any) -> tuple:
        """Examples whose texts are encoded, but not padded."""
        return self._preprocessor.encode(texts), *labels

    def padded(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Pads encoded batches to their longest row, rounded up, and prefetches them."""

        @_in_graph
        def pad(encoded: dict, *labels: Any) -> Any:
            longest = tf.reduce_max(_lengths(encoded["token_ids"]))
            features = self._preprocessor.pad(encoded, self._padded_length(longest))
            batch = tf.nest.map_structure(self._share, (features, *labels))
            return batch if labels else batch[0]

        return untuned(batches.map(pad, PARALLEL_CALLS).prefetch(PREFETCHED))

    def _sorted_and_cut(self, encoded: dict, *labels: Any) -> tuple[tuple, tf.Tensor]:
        """Sorts encoded examples by falling length and cuts them into batches.

        Returns:
            The examples, each component with a new, ragged outer axis, the batch; and their
            indices in the new order.
        """
        lengths = _lengths(encoded["token_ids"])
        order = tf.argsort(lengths, direction="DESCENDING", stable=True)
        splits = self._splits(tf.gather(lengths, order))

        def cut(component: Any) -> tf.RaggedTensor:
            rows = tf.gather(component, order)
            return tf.RaggedTensor.from_row_splits(rows, splits, validate=False)

        return tf.nest.map_structure(cut, (encoded, *labels)), order

    def _share(self, rows: tf.Tensor) -> tf.Tensor:
        return rows[self._workers.input_pipeline_id :: self._workers.num_input_pipelines]

    def _padded_length(self, length: tf.Tensor) -> tf.Tensor:
        rounded = -(-length // self._multiple) * self._multiple
        return tf.minimum(rounded, self._preprocessor.sequence_length)

    def _splits(self, lengths: tf.Tensor) -> tf.Tensor:
        """Where to cut rows of falling lengths: row splits of the batches."""
        count = tf.size(lengths, tf.int64)
        if self._budget is None:
            starts = tf.range(0, count, self._rows, tf.int64)
        else:
            starts = _greedy_starts(self._budget // self._padded_length(lengths))
        return tf.concat([starts, [count]], axis=0)

    def _counted(self, batches: tf.data.Dataset, dataset: tf.data.Dataset) -> tf.data.Dataset:
        count = dataset.cardinality().numpy()
        if count < 0:  # unknown or infinite
            return batches
        return batches.apply(tf.data.experimental.assert_cardinality(math.ceil(count / self._rows)))


def _lengths(ids: tf.RaggedTensor) -> tf.Tensor:
    """The length of each example (B, None), or of its longest row (B, rows, None)."""
    lengths = ids.row_lengths(axis=ids.ragged_rank)
    return lengths if ids.ragged_rank == 1 else tf.reduce_max(lengths, axis=1)


@tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.int64)])
def _greedy_starts(rows: tf.Tensor) -> tf.Tensor:
    """Starts of consecutive batches, where one that starts at i takes `rows[i]` rows."""

    def add(start: tf.Tensor, index: tf.Tensor, starts: tf.TensorArray) -> tuple:
        return start + rows[start], index + 1, starts.write(index, start)

    empty = tf.TensorArray(tf.int64, size=0, dynamic_size=True)
    _, _, starts = tf.while_loop(
        lambda start, *_: start < tf.size(rows, tf.int64), add, (tf.constant(0, tf.int64), 0, empty)
    )
    return starts.stack()


def _length_multiple() -> int:
    """What rows are padded to a multiple of: on an accelerator few shapes, on a CPU little padding.

    XLA compiles each shape, on accelerators, where products also like aligned sizes, and for JAX,
    whose devices TensorFlow does not see.
    """
    if keras.backend.backend() != "tensorflow":
        return 32
    accelerators = ("GPU", "TPU")
    return 32 if any(map(tf.config.list_physical_devices, accelerators)) else 2
