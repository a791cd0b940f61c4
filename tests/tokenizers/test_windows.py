"""Windows of contexts, against the loops of google-research/bert's run_squad.py."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.tokenizers import BertTokenizer, TextPreprocessor
from tfzoo.tokenizers.windows import ContextWindows, Windows

LETTERS = "abcdefghij"
TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, "?"])
LENGTHS = [1, 2, 5, 6, 7, 12, 13, 14, 15, 30, 61, 345]  # of contexts, in tokens
QUESTIONS = [1, 3, 2, 1, 2, 4, 9, 1, 2, 3, 1, 1]  # of their questions
CONTEXTS = [" ".join(LETTERS[i * i % 10] for i in range(length)) for length in LENGTHS]


def original_spans(length, room, stride):
    """The starts and lengths of windows."""
    spans, start = [], 0
    while start < length:
        size = min(length - start, room)
        spans.append((start, size))
        if start + size == length:
            break
        start += min(size, stride)
    return spans


def original_home(spans, position):
    """Which window has the most context for a token."""
    best = None
    for index, (start, size) in enumerate(spans):
        end = start + size - 1
        if start <= position <= end:
            score = min(position - start, end - position) + 0.01 * size
            if best is None or score > best[0]:
                best = score, index
    return best[1]


@pytest.mark.parametrize(("length", "stride"), [(16, 4), (16, 5), (16, 100), (12, 1), (300, 200)])
def test_rows_of_the_original(length, stride):
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, length), stride, max_question_length=4)
    windows = cutter.encode(["? " * size for size in QUESTIONS], CONTEXTS)
    expected = {"token_ids": [], "segment_ids": [], "start_mask": []}
    places = []
    for example, (size, context) in enumerate(zip(QUESTIONS, CONTEXTS, strict=True)):
        question = ["?"] * min(size, 4)
        words = context.split()
        spans = original_spans(len(words), length - len(question) - 3, stride)
        for index, (start, count) in enumerate(spans):
            pieces = ["[CLS]", *question, "[SEP]", *words[start : start + count], "[SEP]"]
            column = len(question) + 2
            home = [original_home(spans, start + i) == index for i in range(count)]
            expected["token_ids"].append([TOKENIZER.token_to_id(piece) for piece in pieces])
            expected["segment_ids"].append([0] * column + [1] * (count + 1))
            expected["start_mask"].append([0] * column + [int(each) for each in home] + [0])
            places.append((example, start, column))
    assert len(places) > len(CONTEXTS)
    for name, rows in expected.items():
        assert windows.rows[name].dtype == tf.int32
        assert windows.rows[name].to_list() == rows, name
    assert list(zip(*(each.numpy() for each in windows[1:4]), strict=True)) == places
    assert max(map(len, expected["token_ids"])) == length


def test_every_token_may_start_an_answer_once():
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, 16), 3)
    windows = cutter.encode(["?"] * len(CONTEXTS), CONTEXTS)
    starts = tf.reduce_sum(windows.rows["start_mask"], axis=1)
    assert tf.math.segment_sum(starts, windows.example).numpy().tolist() == LENGTHS


def test_padding_and_masks():
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, 16), 4)
    rows = cutter.encode(["?", "? ?"], ["a b", "a"]).rows
    features = {name: each.numpy().tolist() for name, each in cutter.pad(rows, 8).items()}
    assert features["padding_mask"] == [[1, 1, 1, 1, 1, 1, 0, 0]] * 2
    assert features["answer_mask"] == [[1, 0, 0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0]]
    assert features["start_mask"] == [[0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0]]
    del rows["start_mask"]
    short = cutter.pad(rows)
    assert set(features) - set(short) == {"start_mask"}
    assert short["answer_mask"].numpy().tolist() == [[1, 0, 0, 1, 1, 0], [1, 0, 0, 0, 1, 0]]


def test_question_leaves_room_for_a_token():
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, 8), 4)
    windows = cutter.encode(["? " * 50], ["a b c"])
    pieces = [
        [TOKENIZER.id_to_token(i) for i in row] for row in windows.rows["token_ids"].to_list()
    ]
    assert pieces == [["[CLS]", *"????", "[SEP]", letter, "[SEP]"] for letter in "abc"]


def test_empty_contexts_and_none():
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, 8), 4)
    assert cutter.encode(["?"], [" \u200b"]).rows["start_mask"].to_list() == [[0, 0, 0, 0]]
    assert cutter.encode([], []).example.shape == (0,)


def test_ranked_spans_are_characters_of_their_contexts():
    context = "a  b\u0301 c a b c"  # characters 0, 3-4, 6, 8, 10, 12
    cutter = ContextWindows(TextPreprocessor(TOKENIZER, 7), 2)
    windows = cutter.encode(["?", "?"], ["j", context])
    assert isinstance(windows, Windows)
    assert windows.piece.numpy().tolist() == [0, 0, 2, 4]
    low = -np.inf
    spans = {
        "scores": np.float32([[5, low], [1, 0.5], [3, low], [1, 0]]),
        "starts": np.int32([[3, 0], [4, 3], [3, 0], [4, 3]]),
        "ends": np.int32([[3, 0], [5, 4], [4, 0], [4, 4]]),
        "null_scores": np.float32([9, 2, -1, 4]),
    }
    ranked = windows.ranked(spans)
    assert ranked["null_score"].numpy().tolist() == [9, -1]
    assert ranked["score"].to_list() == [[5], [3, 1, 1, 0.5, 0]]  # equal ones as they come
    assert ranked["start"].to_list() == [[0], [6, 3, 12, 0, 10]]
    assert ranked["end"].to_list() == [[1], [9, 7, 13, 5, 13]]
