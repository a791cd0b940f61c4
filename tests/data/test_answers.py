"""What a question answerer is given, checked."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.data.answers import answer_spans, encodable, question_pairs
from tfzoo.errors import DataError


@pytest.mark.parametrize(
    "columns",
    [
        (["Who?"], ["Ada."]),
        (np.array(["Who?"]), np.array(["Ada."], object)),
        ([b"Who?"], tf.constant(["Ada."])),
    ],
)
def test_columns_of_every_kind(columns):
    assert question_pairs(columns) == (["Who?"], ["Ada."])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (["Who?"], "a tuple of two lists"),
        (("Who?", ["Ada."]), "Questions must be a list of strings, not one str"),
        ((["Who?"], []), "1 questions and 0 contexts"),
        (([], []), "no questions"),
        ((["Who?", None], ["Ada.", "Bob."]), "Question 1 is not a string but NoneType"),
        ((["Who?", "Who?"], ["Ada.", " \n"]), "Context 1 is empty"),
    ],
)
def test_wrong_columns(x, message):
    with pytest.raises(DataError, match=message):
        question_pairs(x)


def test_spans_are_characters():
    answers = [{"text": "👩🏽", "answer_start": 2}, None, {"text": ""}]
    assert answer_spans(["é 👩🏽!", "a", "b"], answers).tolist() == [[2, 4], [-1, -1], [-1, -1]]
    assert answer_spans([], []).shape == (0, 2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Bob", "Answer 1 is 'Bob'; it needs a dict"),
        ({"answer_start": 0}, "Answer 1 is .* it needs a dict"),
        ({"text": "Bob"}, "Answer 1 starts at None"),
        ({"text": "Bob", "answer_start": -4}, "Answer 1 starts at -4"),
        ({"text": "Bob", "answer_start": 12}, "Answer 1 starts at 12"),
        ({"text": "Bob", "answer_start": 9}, "its context has 'ob.' at 9"),
        ({"text": "Bob. ", "answer_start": 8}, "its context has 'Bob.' at 8"),
    ],
)
def test_wrong_answers(answer, message):
    with pytest.raises(DataError, match=message):
        answer_spans(["It was Bob."[:4], "It was  Bob."], [None, answer])


def test_as_many_answers_as_questions():
    with pytest.raises(DataError, match="1 questions and 2 answers"):
        answer_spans(["a"], [None, None])


def test_lone_surrogates_keep_the_length():
    assert encodable(["a\ud800b", "é👩"]) == ["a\ufffdb", "é👩"]
