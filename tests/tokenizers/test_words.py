"""Words and values on their first pieces, in one row or in windows."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertTokenizer, TextPreprocessor
from tfzoo.tokenizers.words import WordPreprocessor, split_words

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "u", ".", "s", "-", "based", "中", "文"]
PIECES += ["play", "##ing", "##ed", "we"]
WORDS = [["we", "U.S.-based", "中文", "playing"], [], ["PLAYED", "go", "we"], ["play"]]
NAMES = ("token_ids", "numbers")


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(PIECES)


def words_in(tokenizer, length, windows=True):
    return WordPreprocessor(TextPreprocessor(tokenizer, length), windows)


def numbered(words):
    """Words, and their numbers from one on."""
    numbers = tf.ragged.range([len(row) for row in words]) + 1
    return {"words": tf.ragged.constant(words, tf.string, 1), "numbers": numbers}


def test_words_are_those_of_str_split():
    codes = [*range(0x3100), *range(0xFE00, 0x10000), 0x1F600, 0x10FFFF]
    codes += [code for code in range(0xE000, sys.maxunicode) if chr(code).isspace()]
    texts = ["a" + chr(code) + "b" for code in codes]
    texts += ["", " ", "\t one\n \u3000two ", " \x1f\x85three\u2028"]
    expected = [[word.encode() for word in text.split()] for text in texts]
    assert sum(len(words) == 2 for words in expected) == 30
    assert split_words(tf.constant(texts)).to_list() == expected
    assert split_words(tf.constant([b"o\xffk \xc3 on"])).to_list() == [[b"ok", b"on"]]


def test_ids_are_those_of_the_text(tokenizer):
    words = numbered(WORDS)
    texts = [" ".join(row) for row in WORDS]
    for length in (64, 7):
        ours = words_in(tokenizer, length, windows=False)(words)
        theirs = TextPreprocessor(tokenizer, length)(texts)
        for name, expected in theirs.items():
            np.testing.assert_array_equal(ours[name], expected, err_msg=name)


def test_values_stand_on_first_pieces(tokenizer):
    numbers = words_in(tokenizer, 64).encode(numbered(WORDS))["numbers"]
    assert numbers.to_list() == [
        [0, 1, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0],  # we | u . s . - based | 中 文 | play ##ing
        [0, 0],
        [0, 1, 0, 2, 3, 0],
        [0, 1, 0],
    ]
    cut = words_in(tokenizer, 7, windows=False).encode(numbered(WORDS))["numbers"]
    assert cut.to_list()[0] == [0, 1, 2, 0, 0, 0, 0]


def test_words_without_a_piece_shift_nothing(tokenizer):
    words = [["", "we", "\u200b\u00ad"], ["\0"], ["we play", "\t", "we"]]
    encoded = words_in(tokenizer, 64).encode(numbered(words))
    assert encoded["token_ids"].to_list() == [[2, 1, 15, 1, 3], [2, 1, 3], [2, 15, 12, 1, 15, 3]]
    assert encoded["numbers"].to_list() == [[0, 1, 2, 3, 0], [0, 1, 0], [0, 1, 0, 2, 3, 0]]


def windows_one_by_one(pieces, numbers, room):
    """The rows of one text: each value where its piece is further from a cut, at a tie later."""
    count, step = len(pieces), room - room // 3
    starts = [0]
    while starts[-1] + room < count:
        starts.append(min(starts[-1] + step, count - room))

    def distance(start, at):
        left = at - start if start else count
        right = start + room - 1 - at if start + room < count else count
        return min(left, right) if start <= at < start + room else -1

    owner = [max(starts, key=lambda start: (distance(start, at), start)) for at in range(count)]
    for start in starts:
        row = list(range(start, min(start + room, count)))
        owned = [numbers[at] if owner[at] == start else 0 for at in row]
        yield [2, *(pieces[at] for at in row), 3], [0, *owned, 0]


@pytest.mark.parametrize("length", [5, 6, 7, 16, 31])
def test_windows_are_those_of_a_loop(tokenizer, length):
    rng = np.random.default_rng(length)
    some = ["we", "playing", "U.S.-based", "中文"]
    texts = [rng.choice(some, size).tolist() for size in range(50)]
    encoded = words_in(tokenizer, length).encode(numbered(texts))
    whole = words_in(tokenizer, 1000).encode(numbered(texts))
    expected = [
        row
        for ids, numbers in zip(*(whole[name].to_list() for name in NAMES), strict=True)
        for row in windows_one_by_one(ids[1:-1], numbers[1:-1], length - 2)
    ]
    ours = [encoded[name].to_list() for name in NAMES]
    assert list(zip(*ours, strict=True)) == expected
    assert len(expected) > 2 * len(texts)
    every = [number for number in encoded["numbers"].flat_values.numpy() if number]
    assert every == [number for row in texts for number in range(1, len(row) + 1)]
    assert encoded["segment_ids"].row_lengths().numpy().tolist() == [
        len(ids) for ids, _ in expected
    ]


def test_rows_are_padded_to_a_length(tokenizer):
    rows = words_in(tokenizer, 16)
    features = rows.pad(rows.encode(numbered(WORDS)), 20)
    assert set(features) == {"token_ids", "segment_ids", "padding_mask", "numbers"}
    assert {tuple(column.shape) for column in features.values()} == {(4, 20)}
    assert features["numbers"].numpy().max(axis=1).tolist() == [4, 0, 3, 1]
