"""Rows of two segments, for telling how they follow each other: BERT's task and ALBERT's."""

import random
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tfzoo.data.rows import Rows
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.tokenizer import Tokenizer

_SENTENCES = 8192  # tokenized at once


@dataclass(frozen=True)
class Encoded:
    """Documents as tokens.

    Attributes:
        ids: (N,) int32, those of all sentences, without a gap.
        sentences: where each begins among the ids, and where the last one ends.
        documents: where each begins among the sentences, and where the last one ends.
    """

    ids: np.ndarray
    sentences: list[int]
    documents: list[int]


def encode_documents(tokenizer: Tokenizer, documents: Iterable[Sequence[str]]) -> Encoded:
    """Tokenizes the sentences of documents; those without tokens are left out."""
    texts, owners = [], []
    for number, document in enumerate(documents):
        texts += document
        owners += [number] * len(document)
    remaining, ids, lengths = iter(texts), [], []
    while chunk := list(islice(remaining, _SENTENCES)):
        encoded = tokenizer(chunk)
        ids.append(encoded.flat_values.numpy())
        lengths.append(encoded.row_lengths().numpy())
    sizes = np.concatenate([np.zeros(0, int), *lengths])
    owned = np.array(owners, int)[sizes > 0]
    sentences = np.cumsum([0, *sizes[sizes > 0]])
    documents = np.flatnonzero(np.diff(owned, prepend=-1, append=-1))
    return Encoded(
        np.concatenate([np.zeros(0, np.int32), *ids]), sentences.tolist(), documents.tolist()
    )


def pair_rows(
    tokenizer: Tokenizer,
    encoded: Encoded,
    sequence_length: int,
    *,
    swapped: bool,
    short_share: float,
    rng: random.Random,
) -> Rows:
    """Rows `[CLS] a [SEP] b [SEP]`, as create_pretraining_data.py of google-research/bert.

    A document's sentences are taken until they fill a row, and cut in two segments at random. In
    half of the rows the second one is then not what follows: for BERT's next-sentence prediction
    (https://arxiv.org/abs/1810.04805, section 3.1) it comes from another document, and what it
    replaces begins the next row; for ALBERT's sentence order (https://arxiv.org/abs/1909.11942,
    section 3.1) both are swapped. A row that is too long loses tokens of the longer segment, from
    either end. Some rows are meant to be shorter; here this is decided row by row, by the original
    for a whole document.

    Args:
        tokenizer: has the special tokens.
        encoded: the documents. Where segments are swapped, a row has two sentences at least, and
            one that is left alone at the end of its document is left out; else the second segment
            of a sentence alone always comes from elsewhere.
        sequence_length: S.
        swapped: whether the second kind of rows has the segments swapped.
        short_share: of the rows, whose length is random.
        rng: decides all that is random.

    Returns:
        `token_ids`, `padding_mask` and `segment_ids`, (R, S), and `next_sentence` (R,), int32, the
        last of which is 0 where the second segment follows the first.

    Raises:
        ConfigError: a row has no room for a token of each, or the tokenizer's family no segments.
    """
    room = sequence_length - 3
    if room < 2:
        raise ConfigError(f"sequence_length must be at least 5, not {sequence_length}.")
    if not tokenizer.has_segments:
        raise ConfigError(
            f"A {type(tokenizer).__name__} is of a family without segments; choose the format "
            "full_sentences."
        )
    rows = _Rows(tokenizer, encoded.ids, sequence_length, rng)
    for document in range(len(encoded.documents) - 1):
        begin, behind = encoded.documents[document : document + 2]
        while begin < behind:
            target = rng.randint(2, room) if rng.random() < short_share else room
            end = _reaching(encoded, begin, behind, target)
            end = min(max(end, begin + 2), behind) if swapped else end
            cut = begin + 1 if end - begin < 2 else rng.randint(begin + 1, end - 1)
            first, second = _tokens(encoded, begin, cut), _tokens(encoded, cut, end)
            if swapped:
                if cut < end:
                    is_swapped = rng.random() < 0.5
                    rows.add(*((second, first) if is_swapped else (first, second)), is_swapped)
            elif cut == end or rng.random() < 0.5:
                other = _other_document(encoded, document, rng)
                begin = rng.randrange(*other)
                wanted = target - (first[1] - first[0])
                last = _reaching(encoded, begin, other[1], wanted)
                rows.add(first, _tokens(encoded, begin, last), True)
                end = cut  # the rest begins the next row
            else:
                rows.add(first, second, False)
            begin = end
    return rows.columns()


class _Rows:
    """Rows of two segments, each given by where it begins and ends among the ids."""

    def __init__(
        self, tokenizer: Tokenizer, ids: np.ndarray, width: int, rng: random.Random
    ) -> None:
        self._tokenizer, self._ids, self._width, self._rng = tokenizer, ids, width, rng
        self._pairs: list[tuple] = []

    def add(self, first: tuple[int, int], second: tuple[int, int], label: bool) -> None:
        lengths = first[1] - first[0], second[1] - second[0]
        room = self._width - 3
        kept = (
            min(lengths[0], max(room - lengths[1], (room + 1) // 2)),
            min(lengths[1], max(room - lengths[0], room // 2)),
        )
        self._pairs.append((self._cut(first, kept[0]), self._cut(second, kept[1]), label))

    def _cut(self, segment: tuple[int, int], size: int) -> tuple[int, int]:
        """What is left of a segment that loses each token from one end or the other."""
        surplus = segment[1] - segment[0] - size
        begin = segment[0] + (self._rng.getrandbits(surplus).bit_count() if surplus else 0)
        return begin, begin + size

    def columns(self) -> Rows:
        shape = len(self._pairs), self._width
        token_ids = np.full(shape, self._tokenizer.pad_id, np.int32)
        padding_mask, segment_ids = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for row, ((a, a_end), (b, b_end), _) in enumerate(self._pairs):
            middle = 2 + a_end - a
            end = middle + 1 + b_end - b
            token_ids[row, 0] = self._tokenizer.cls_id
            token_ids[row, 1 : middle - 1] = self._ids[a:a_end]
            token_ids[row, middle : end - 1] = self._ids[b:b_end]
            token_ids[row, [middle - 1, end - 1]] = self._tokenizer.sep_id
            padding_mask[row, :end] = 1
            segment_ids[row, middle:end] = 1
        labels = np.array([label for *_, label in self._pairs], np.int32)
        return {
            "token_ids": token_ids,
            "padding_mask": padding_mask,
            "segment_ids": segment_ids,
            "next_sentence": labels,
        }


def _reaching(encoded: Encoded, begin: int, behind: int, tokens: int) -> int:
    """The sentence up to which there are so many tokens, at least one sentence."""
    wanted = encoded.sentences[begin] + tokens
    return bisect_left(encoded.sentences, wanted, begin + 1, behind)


def _tokens(encoded: Encoded, begin: int, end: int) -> tuple[int, int]:
    return encoded.sentences[begin], encoded.sentences[end]


def _other_document(encoded: Encoded, document: int, rng: random.Random) -> tuple[int, int]:
    """The sentences of another document; of the same one where there is no other."""
    count = len(encoded.documents) - 1
    other = rng.randrange(count - 1) if count > 1 else document
    other += count > 1 and other >= document
    return encoded.documents[other], encoded.documents[other + 1]
