"""From tags of words to the spans that they mark."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

_TAG = re.compile(r"([BIES])-(.+)", re.DOTALL)
OUTSIDE = "O"


class Span(NamedTuple):
    """Words from `start` up to, and without, `end`, that bear a `label`."""

    label: str
    start: int
    end: int


def marks_entities(names: Sequence[str]) -> bool:
    """Whether tags are those of a BIO scheme: "O", and others like "B-PER".

    Example:
        >>> marks_entities(["O", "B-PER", "I-PER"]), marks_entities(["NOUN", "VERB"])
        (True, False)
    """
    return len(names) > 1 and all(name == OUTSIDE or _TAG.fullmatch(name) for name in names)


def entity_spans(tags: Sequence[str]) -> list[Span]:
    """The entities that the tags of a text mark, read as `conlleval` and seqeval do.

    An entity begins at B, S, after another entity's end, or where the label changes; so no tag
    outside of "O" is lost, whichever of BIO, IO, IOE and BIOES it was meant for.

    Args:
        tags: "O", or a prefix B, I, E or S, a hyphen and a label, for each word.

    Example:
        >>> entity_spans(["B-PER", "I-PER", "O", "I-LOC"])
        [Span(label='PER', start=0, end=2), Span(label='LOC', start=3, end=4)]
    """
    spans, previous = [], ("", None)  # prefix and label of the word before
    for word, tag in enumerate(tags):
        prefix, label = _TAG.fullmatch(tag).groups() if tag != OUTSIDE else ("", None)
        if label is not None:
            goes_on = previous[0] in ("B", "I") and prefix in ("I", "E") and previous[1] == label
            start = spans.pop().start if goes_on else word
            spans.append(Span(label, start, word + 1))
        previous = (prefix, label)
    return spans


def word_spans(tags: Sequence[str | int]) -> list[Span]:
    """Each word as a span of its own, for tags that say something of the word alone.

    Example:
        >>> word_spans(["NOUN", "VERB"])
        [Span(label='NOUN', start=0, end=1), Span(label='VERB', start=1, end=2)]
    """
    return [Span(tag, word, word + 1) for word, tag in enumerate(tags)]


def spans_to_read(
    text: Any, words: Sequence[str], spans: Sequence[Span], probabilities: np.ndarray
) -> list[dict[str, Any]]:
    """What there is to say of the spans of a text.

    Args:
        text: a string, or what has no characters to count.
        words: its W words.
        spans: of words.
        probabilities: (W,), of each word's label.

    Returns:
        A dict for each span; see `tfzoo.tasks.token_classifier.TokenClassifier.tag`.

    Example:
        >>> spans = entity_spans(["B-PER", "O"])
        >>> spans_to_read("Ada wrote", ["Ada", "wrote"], spans, np.array([0.5, 1]))[0]["text"]
        'Ada'
    """
    is_string = isinstance(text, str)
    places = [found.span() for found in re.finditer(r"\S+", text)] if is_string else None
    answers = []
    for label, start, end in spans:
        answer = {"label": label, "start_word": start, "end_word": end}
        if places is None:
            answer["text"] = " ".join(words[start:end])
        else:
            first, last = places[start][0], places[end - 1][1]
            answer |= {"text": text[first:last], "start": first, "end": last}
        answers.append({**answer, "score": float(probabilities[start:end].mean())})
    return answers
