"""Batches for pre-training: the rows of `tfzoo.data.rows`, in another order each epoch."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS, PREFETCHED, checked_rows, untuned
from tfzoo.data.rows import Rows, document_rows, empty_rows, sentence_rows, text_rows
from tfzoo.errors import DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.tokenizer import Tokenizer

_SHUFFLED = 8192  # rows, where they are not in memory


def full_sentences(
    tokenizer: Tokenizer,
    documents: Iterable[Sequence[str]] | Callable[[], Iterable[Sequence[str]]],
    sequence_length: int,
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of rows that RoBERTa's FULL-SENTENCES fills; see `sentence_rows`.

    Args:
        tokenizer: turns sentences into ids.
        documents: lists of sentences or paragraphs, whose rows are kept in memory; or a function
            that returns such documents, which are read and tokenized anew each epoch.
        sequence_length: S, tokens of a row, special ones included.
        batch_size: B, rows of a batch. The last rows of an epoch may be nothing but padding, so
            that all batches have one shape.
        shuffle: False keeps the order of the documents. Rows that are not in memory are shuffled
            through a buffer.
        seed: the same seed gives the same sequence of epochs, None another one each time.

    Returns:
        A dataset of `token_ids`, `padding_mask` and `segment_ids`, (B, S) int32. The `fit` of a
        masked language model takes it as it is, and masks it anew each epoch.

    Raises:
        ConfigError: a size has no valid value.
        DataError: there are no sentences, or a document is no list of strings.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> documents = [["a a", "a"], ["b", "b b b"]]
        >>> for batch in full_sentences(tokenizer, documents, 8, batch_size=2, shuffle=False):
        ...     print(batch["token_ids"].numpy().tolist())
        [[2, 5, 5, 5, 3, 6, 3, 0], [2, 6, 6, 6, 3, 0, 0, 0]]
    """

    def rows(documents: Iterable[Sequence[str]]) -> Iterator[Rows]:
        return sentence_rows(tokenizer, documents, sequence_length)

    return _batches(rows, documents, tokenizer.pad_id, batch_size, shuffle, seed)


def packed_rows(
    preprocessor: TextPreprocessor,
    texts: Iterable[str] | Callable[[], Iterable[str]],
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of rows that hold several texts each, which do not see one another; see `text_rows`.

    Args:
        preprocessor: turns texts into ids, and truncates them; its `sequence_length` is S.
        texts: strings, or a function that returns them.
        batch_size, shuffle, seed: as in `full_sentences`.

    Returns:
        A dataset of `token_ids`, `padding_mask`, `segment_ids` and `sequence_ids`, (B, S) int32,
        for a masked language model as that of `full_sentences`.

    Raises:
        ConfigError: a size has no valid value.
        DataError: there are no texts, or one is no string.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> preprocessor = TextPreprocessor(tokenizer, sequence_length=8)
        >>> for batch in packed_rows(preprocessor, ["a", "a a a"], batch_size=1):
        ...     print(batch["sequence_ids"].numpy().tolist())
        [[1, 1, 1, 1, 1, 2, 2, 2]]
    """

    def rows(texts: Iterable[str]) -> Iterator[Rows]:
        return text_rows(preprocessor, texts)

    return _batches(rows, texts, preprocessor.tokenizer.pad_id, batch_size, shuffle, seed)


def packed_documents(
    tokenizer: Tokenizer,
    documents: Iterable[str] | Callable[[], Iterable[str]],
    sequence_length: int,
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of rows of whole documents in turn, which do not see one another.

    See `tfzoo.data.rows.document_rows`.

    Args:
        tokenizer: turns documents into ids; has an `end_id`, which stands before each of them.
        documents: strings, or a function that returns them.
        sequence_length: S, tokens of a row.
        batch_size, shuffle, seed: as in `full_sentences`.

    Returns:
        A dataset of `token_ids`, `labels`, `padding_mask` and `sequence_ids`, (B, S) int32. The
        `fit` of a causal language model takes it as it is.

    Raises:
        ConfigError: a size has no valid value, or the tokenizer has no end token.
        DataError: there are no documents, or one is no string.

    Example:
        >>> from tfzoo.tokenizers import GPT2Tokenizer
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
        >>> batches = packed_documents(tokenizer, ["!!", "##"], 4, batch_size=2, shuffle=False)
        >>> for batch in batches:
        ...     print(batch["token_ids"].numpy().tolist(), batch["labels"].numpy().tolist())
        [[0, 1, 1, 0], [3, 3, 0, 0]] [[1, 1, 0, 3], [3, 0, 0, 0]]
    """

    def rows(documents: Iterable[str]) -> Iterator[Rows]:
        return document_rows(tokenizer, documents, sequence_length)

    return _batches(rows, documents, tokenizer.pad_id, batch_size, shuffle, seed)


def _batches(
    make_rows: Callable[[Iterable], Iterator[Rows]],
    source: Iterable | Callable[[], Iterable],
    pad_id: int,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
) -> tf.data.Dataset:
    checked_rows(batch_size)

    def blocks() -> Iterator[Rows]:
        rows = make_rows(source() if callable(source) else source)
        return _whole_batches(rows, batch_size, pad_id)

    elements, count, load = _streamed(blocks) if callable(source) else _in_memory(blocks)
    elements = elements.shuffle(count, seed=seed) if shuffle else elements
    batches = elements.batch(batch_size, drop_remainder=True).map(load, PARALLEL_CALLS)
    return untuned(batches.prefetch(PREFETCHED))


def _whole_batches(blocks: Iterator[Rows], batch_size: int, pad_id: int) -> Iterator[Rows]:
    """The rows, and empty ones behind them that fill the last batch."""
    count = 0
    for rows in blocks:
        count += len(rows["token_ids"])
        yield rows
    if not count:
        raise DataError("There are no texts to fill rows with.")
    if count % batch_size:
        yield empty_rows(rows, -count % batch_size, pad_id)


def _in_memory(blocks: Callable[[], Iterator[Rows]]) -> tuple[tf.data.Dataset, int, Callable]:
    """A dataset of rows' numbers, how many, and what makes rows of some."""
    every = list(blocks())
    columns = {name: tf.concat([rows[name] for rows in every], axis=0) for name in every[0]}
    count = len(columns["token_ids"])
    indices = tf.data.Dataset.range(count)
    return indices, count, lambda rows: {n: tf.gather(c, rows) for n, c in columns.items()}


def _streamed(blocks: Callable[[], Iterator[Rows]]) -> tuple[tf.data.Dataset, int, Callable]:
    """A dataset of rows, of how many one is drawn, and nothing to be done to them."""
    signature = {
        name: tf.TensorSpec((None, *column.shape[1:]), tf.int32)
        for name, column in next(blocks()).items()
    }
    rows = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
    return rows, _SHUFFLED, lambda rows: rows
