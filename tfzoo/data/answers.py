"""Questions, contexts and answers as people write them, checked, and where the answers stand."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfzoo.errors import DataError

_SURROGATES = re.compile("[\ud800-\udfff]")  # which have no UTF-8


def question_pairs(x: Any) -> tuple[list[str], list[str]]:
    """Reads N questions and N contexts.

    Args:
        x: a tuple `(questions, contexts)` of lists or arrays of strings; bytes are UTF-8.

    Raises:
        DataError: it is something else, the two differ in length, or a context is empty.

    Example:
        >>> question_pairs((["Who?"], [b"Ada."]))
        (['Who?'], ['Ada.'])
    """
    if not isinstance(x, tuple) or len(x) != 2:
        raise DataError("A question answerer takes a tuple of two lists: (questions, contexts).")
    questions, contexts = _strings(x[0], "Question"), _strings(x[1], "Context")
    if len(questions) != len(contexts):
        raise DataError(
            f"There are {len(questions)} questions and {len(contexts)} contexts; give one context "
            "per question."
        )
    if not questions:
        raise DataError("There are no questions.")
    for index, context in enumerate(contexts):
        if not context.strip():
            raise DataError(f"Context {index} is empty; leave out its question.")
    return questions, contexts


def answer_spans(
    contexts: Sequence[str], answers: Iterable[Mapping[str, Any] | None]
) -> np.ndarray:
    """Finds the answers in their contexts.

    Args:
        contexts: N texts.
        answers: N answers as in SQuAD, `{"text": ..., "answer_start": ...}`, of which the start is
            the number of a character of the context; None, or an empty text, where there is none.

    Returns:
        An int32 array (N, 2): the first character and the one behind the last; (-1, -1) for none.

    Raises:
        DataError: there are not N answers; or at the first that is not what stands at its start.

    Example:
        >>> answer_spans(["Ada wrote it."], [{"text": "Ada", "answer_start": 0}]).tolist()
        [[0, 3]]
        >>> answer_spans(["Ada wrote it."], [{"text": "Bob", "answer_start": 0}])
        Traceback (most recent call last):
            ...
        tfzoo.errors.DataError: Answer 0 is 'Bob', and its context has 'Ada' at 0; correct one.
    """
    answers = list(answers)
    if len(answers) != len(contexts):
        raise DataError(
            f"There are {len(contexts)} questions and {len(answers)} answers; give one answer per "
            "question, None where there is none."
        )
    pairs = zip(contexts, answers, strict=True)
    return np.array([_span(i, *pair) for i, pair in enumerate(pairs)], np.int32).reshape(-1, 2)


def encodable(texts: Iterable[str]) -> list[str]:
    """Texts of the same lengths without lone surrogates, which tokenizers would drop.

    Example:
        >>> encodable(["a\\ud800b"])
        ['a\ufffdb']
    """
    return [_SURROGATES.sub("\ufffd", text) for text in texts]


def _span(index: int, context: str, answer: Mapping[str, Any] | None) -> tuple[int, int]:
    if answer is None:
        return -1, -1
    if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
        raise DataError(
            f"Answer {index} is {answer!r:.60}; it needs a dict of text and answer_start, or None."
        )
    text, start = answer["text"], answer.get("answer_start")
    if not text:
        return -1, -1
    if not isinstance(start, int | np.integer) or not 0 <= start < len(context):
        raise DataError(
            f"Answer {index} starts at {start!r:.60}, which is no character of its context; the "
            f"context has {len(context)}."
        )
    found = context[start : start + len(text)]
    if found != text:
        raise DataError(
            f"Answer {index} is {text!r:.60}, and its context has {found!r:.60} at {start}; "
            "correct one."
        )
    return start, start + len(text)


def _strings(column: Any, name: str) -> list[str]:
    if isinstance(column, str | bytes) or not isinstance(column, Iterable):
        raise DataError(f"{name}s must be a list of strings, not one {type(column).__name__}.")
    texts = list(column.numpy() if hasattr(column, "numpy") else column)
    for index, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise DataError(
                f"{name} {index} is not a string but {type(text).__name__} ({text!r:.40})."
            )
    return [t.decode("utf-8", "ignore") if isinstance(t, bytes) else str(t) for t in texts]
