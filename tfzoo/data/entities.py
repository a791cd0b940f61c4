"""From tags of words to the spans that they mark."""

import re
from collections.abc import Sequence
from typing import NamedTuple

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
