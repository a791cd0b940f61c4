"""Rows of tokens with little padding: sentences or documents in turn, or texts side by side.

The rows are NumPy arrays, made while the texts are read, to be trained on or written into files.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.tokenizer import Tokenizer

Rows = dict[str, np.ndarray]

_TEXTS = 8192  # tokenized at once: bounds the memory
_DOCUMENTS = 256  # the same; they may be long


def sentence_rows(
    tokenizer: Tokenizer, documents: Iterable[Sequence[str]], sequence_length: int
) -> Iterator[Rows]:
    """RoBERTa's FULL-SENTENCES (https://arxiv.org/abs/1907.11692, section 4.2).

    A row is [CLS], as many sentences in turn as fit, and [SEP]. It may go on with the next
    document, behind another [SEP]. A sentence that is longer than a row goes on in the next one.

    Args:
        tokenizer: turns sentences into ids, each by itself.
        documents: each a list of its sentences, or of the paragraphs that shall stay together.
        sequence_length: S, tokens of a row, special ones included.

    Yields:
        Some rows each time: `token_ids`, `padding_mask` and `segment_ids`, (R, S) int32.

    Raises:
        ConfigError: a row has no room for a token.
        DataError: a document is no list of strings; the message names it.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> documents = [["a a", "a"], ["b", "b b b"]]
        >>> for rows in sentence_rows(tokenizer, documents, sequence_length=8):
        ...     print(rows["token_ids"].tolist())
        [[2, 5, 5, 5, 3, 6, 3, 0]]
        [[2, 6, 6, 6, 3, 0, 0, 0]]
    """
    room = sequence_length - 2
    if room < 1:
        raise ConfigError(f"sequence_length must be at least 3, not {sequence_length}.")
    tokenize = _in_graph(tokenizer)
    ids, lengths, owners = (np.zeros(0, np.int32) for _ in range(3))  # what is in no row yet
    for sentences, documents_of in _chunks(_sentences(documents)):
        encoded = tokenize(tf.constant(sentences))
        sizes, of_parts = _parts(encoded.row_lengths().numpy(), np.array(documents_of), room)
        ids = np.concatenate([ids, encoded.flat_values.numpy()])
        lengths, owners = np.concatenate([lengths, sizes]), np.concatenate([owners, of_parts])
        rows, placed = _filled_rows(tokenizer, ids, lengths, owners, sequence_length)
        if placed:
            yield {name: column[:-1] for name, column in rows.items()}
        ids, lengths, owners = ids[lengths[:placed].sum() :], lengths[placed:], owners[placed:]
    if len(lengths):
        yield _filled_rows(tokenizer, ids, lengths, owners, sequence_length)[0]


def text_rows(preprocessor: TextPreprocessor, texts: Iterable[str]) -> Iterator[Rows]:
    """Several texts in a row, each with its own [CLS] and [SEP], that do not see one another.

    Of some thousand texts, the longest comes first, and each into the row that it fills best.

    Args:
        preprocessor: turns texts into ids, and truncates them; its `sequence_length` is S.
        texts: strings.

    Yields:
        Some rows each time: `token_ids`, `padding_mask`, `segment_ids` and `sequence_ids`, (R, S)
        int32. The last says the how-manieth text of its row a token is of, 0 for padding.

    Raises:
        DataError: a text is no string; the message names it.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
        >>> preprocessor = TextPreprocessor(tokenizer, sequence_length=8)
        >>> (rows,) = text_rows(preprocessor, ["a", "b", "a a a"])
        >>> rows["token_ids"].tolist()
        [[2, 5, 5, 5, 3, 2, 5, 3], [2, 6, 3, 0, 0, 0, 0, 0]]
        >>> rows["sequence_ids"].tolist()
        [[1, 1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 0, 0, 0, 0, 0]]
    """
    encode = _in_graph(preprocessor.encode)
    width, pad_id = preprocessor.sequence_length, preprocessor.tokenizer.pad_id
    for chunk, _ in _chunks(_strings(enumerate(texts), "Text {}")):
        encoded = encode(tf.constant(chunk))["token_ids"]
        lengths, starts = encoded.row_lengths().numpy(), encoded.row_starts().numpy()
        order = np.argsort(-lengths, kind="stable")
        lengths, starts = lengths[order], starts[order]
        rows, columns, numbers = _best_fit(lengths, width)
        places = _ranges(rows * width + columns, lengths)
        token_ids = np.full((rows.max() + 1, width), pad_id, np.int32)
        token_ids.flat[places] = encoded.flat_values.numpy()[_ranges(starts, lengths)]
        sequence_ids = np.zeros_like(token_ids)
        sequence_ids.flat[places] = np.repeat(numbers, lengths)
        yield {**_features(token_ids, sequence_ids > 0), "sequence_ids": sequence_ids}


def document_rows(
    tokenizer: Tokenizer, documents: Iterable[str], sequence_length: int
) -> Iterator[Rows]:
    """Whole documents in turn, for a language model, cut into rows that are full.

    Before each document stands the end token, and behind its last token that is to be predicted, as
    in `tfzoo.tokenizers.LanguageModelPreprocessor`; so no label is of another document. What does
    not fit into a row is the first sequence of the next one.

    Args:
        tokenizer: turns documents into ids; has an `end_id`.
        documents: strings; one without tokens is left out.
        sequence_length: S, tokens of a row.

    Yields:
        Some rows each time: `token_ids`, `labels`, `padding_mask` and `sequence_ids`, (R, S) int32.
        The last says the how-manieth document of its row a token is of, 0 for padding.

    Raises:
        ConfigError: a row has no room for a token, or the tokenizer has no end token.
        DataError: a document is no string; the message names it.

    Example:
        >>> from tfzoo.tokenizers import GPT2Tokenizer
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
        >>> for rows in document_rows(tokenizer, ['!"#', "$%&'"], sequence_length=6):
        ...     print(*(rows[name][0] for name in ("token_ids", "labels", "sequence_ids")))
        [0 1 2 3 0 4] [1 2 3 0 4 5] [1 1 1 1 2 2]
        [5 6 7 0 0 0] [6 7 0 0 0 0] [1 1 1 0 0 0]
    """
    if sequence_length < 1:
        raise ConfigError(f"sequence_length must be at least 1, not {sequence_length}.")
    if tokenizer.end_id is None:
        raise ConfigError(
            f"A {type(tokenizer).__name__} has no token that ends documents; language models learn "
            "from rows with the vocabulary of a GPT2Tokenizer."
        )
    tokenize = _in_graph(tokenizer)
    ids = np.zeros(0, np.int32)  # what is in no row yet
    for chunk, _ in _chunks(_strings(enumerate(documents), "Document {}"), _DOCUMENTS):
        encoded = tokenize(tf.constant(chunk))
        encoded = tf.ragged.boolean_mask(encoded, encoded.row_lengths() > 0)
        ends = tf.fill([encoded.nrows(), 1], tokenizer.end_id)
        ids = np.concatenate([ids, tf.concat([ends, encoded], axis=1).flat_values.numpy()])
        full = len(ids) // sequence_length
        if full:
            rows = _next_token_rows(ids, tokenizer.end_id, sequence_length)
            yield {name: column[:full] for name, column in rows.items()}
        ids = ids[full * sequence_length :]
    if len(ids):
        yield _next_token_rows(ids, tokenizer.end_id, sequence_length)


def empty_rows(rows: Rows, count: int, pad_id: int) -> Rows:
    """`count` rows of nothing but padding, with the features that other rows have."""
    empty = {name: np.zeros((count, *column.shape[1:]), np.int32) for name, column in rows.items()}
    return {**empty, "token_ids": np.full_like(empty["token_ids"], pad_id)}


def fill_share(rows: Iterable[Any]) -> float:
    """The share of tokens that are no padding, in rows or batches with a `padding_mask`.

    Example:
        >>> fill_share([{"padding_mask": np.array([[1, 1, 1, 0]])}])
        0.75
    """
    masks = [np.asarray(each["padding_mask"]) for each in rows]
    return float(sum(mask.sum() for mask in masks) / sum(mask.size for mask in masks))


def _in_graph(function: Callable) -> Callable:
    signature = [tf.TensorSpec([None], tf.string)]
    return tf.function(function, autograph=False, input_signature=signature)


def _sentences(documents: Iterable[Sequence[str]]) -> Iterator[tuple[bytes, int]]:
    """Sentences, each with the number of its document."""
    for number, document in enumerate(documents):
        if isinstance(document, str | bytes) or not isinstance(document, Iterable):
            raise DataError(
                f"Document {number} is {document!r:.40}; give the list of its sentences."
            )
        numbered = ((number, sentence) for sentence in document)
        yield from _strings(numbered, "A sentence of document {}")


def _strings(numbered: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[bytes, int]]:
    for number, text in numbered:
        if not isinstance(text, str | bytes):
            raise DataError(
                f"{name.format(number)} is not a string but {type(text).__name__} ({text!r:.40})."
            )
        # A lone surrogate has no UTF-8.
        yield text.encode("utf-8", "ignore") if isinstance(text, str) else text, number


def _chunks(
    texts: Iterator[tuple[bytes, int]], size: int = _TEXTS
) -> Iterator[tuple[tuple, tuple]]:
    while chunk := list(islice(texts, size)):
        yield tuple(zip(*chunk, strict=True))


def _parts(lengths: np.ndarray, owners: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts sentences that are longer than `room`, and leaves out empty ones.

    >>> _parts(np.array([3, 0, 8]), np.array([0, 0, 1]), room=4)
    (array([3, 4, 4]), array([0, 1, 1]))
    """
    counts = -(-lengths // room)
    sizes = np.full(counts.sum(), room)
    kept = counts > 0
    sizes[np.cumsum(counts)[kept] - 1] = (lengths - (counts - 1) * room)[kept]
    return sizes, np.repeat(owners, counts)


def _filled_rows(
    tokenizer: Tokenizer, ids: np.ndarray, lengths: np.ndarray, owners: np.ndarray, width: int
) -> tuple[Rows, int]:
    """Rows of N sentences, and how many of these are in all rows but the last.

    Args:
        tokenizer: has the special tokens.
        ids: of all sentences, without a gap.
        lengths: (N,) tokens of each.
        owners: (N,) their documents.
        width: S.
    """
    is_new = np.diff(owners, prepend=owners[:1]) != 0
    ids = np.insert(ids, (np.cumsum(lengths) - lengths)[is_new], tokenizer.sep_id)
    ends = np.cumsum(lengths + is_new)  # among the ids with a separator between documents
    begins = ends - lengths
    firsts, limits = [], [0]
    while limits[-1] < len(lengths):
        firsts.append(limits[-1])
        limits.append(int(np.searchsorted(ends, begins[firsts[-1]] + width - 2, side="right")))
    begins, ends = begins[firsts], ends[np.array(limits[1:], int) - 1]
    sizes = ends - begins

    columns = np.arange(width)
    token_ids = np.full((len(firsts), width), tokenizer.pad_id, np.int32)
    token_ids[:, 0] = tokenizer.cls_id
    token_ids[columns == sizes[:, None] + 1] = tokenizer.sep_id
    inside = (columns > 0) & (columns <= sizes[:, None])
    token_ids[inside] = ids[_ranges(begins, sizes)]
    return _features(token_ids, columns < sizes[:, None] + 2), firsts[-1] if firsts else 0


def _best_fit(lengths: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where to put texts of falling lengths: row, column, and number within the row, from 1.

    >>> _best_fit(np.array([5, 4, 3]), width=8)
    (array([0, 1, 0]), array([0, 0, 5]), array([1, 1, 2]))
    """
    rooms: list[tuple[int, int, int]] = []  # what rows have left, sorted: room, row, texts so far
    places, count = [], 0
    for length in lengths.tolist():
        index = bisect_left(rooms, (length, 0, 0))
        if index < len(rooms):
            room, row, texts = rooms.pop(index)
        else:
            room, row, texts = width, count, 0
            count += 1
        places.append((row, width - room, texts + 1))
        insort(rooms, (room - length, row, texts + 1))
    return tuple(np.array(places).T)


def _next_token_rows(ids: np.ndarray, end_id: int, width: int) -> Rows:
    """Rows of N tokens, in which the end token begins documents, and padding."""
    shape = -(-len(ids) // width), width
    filled = np.full(shape[0] * width + 1, end_id, np.int32)
    filled[: len(ids)] = ids
    token_ids, labels = filled[:-1].reshape(shape), filled[1:].reshape(shape)
    padding_mask = (np.arange(token_ids.size) < len(ids)).reshape(shape).astype(np.int32)
    begins = token_ids == end_id
    begins[:, 0] = True
    return {
        "token_ids": token_ids,
        "labels": labels,
        "padding_mask": padding_mask,
        "sequence_ids": np.cumsum(begins, axis=1, dtype=np.int32) * padding_mask,
    }


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The integers of all ranges, one behind the other.

    >>> _ranges(np.array([7, 0]), np.array([2, 3]))
    array([7, 8, 0, 1, 2])
    """
    past = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - past, lengths)


def _features(token_ids: np.ndarray, is_real: np.ndarray) -> Rows:
    return {
        "token_ids": token_ids,
        "padding_mask": is_real.astype(np.int32),
        "segment_ids": np.zeros_like(token_ids),
    }
