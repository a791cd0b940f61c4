"""SQuAD's scores: exact match and F1."""

import re
import string
from collections import Counter
from collections.abc import Sequence

from tfzoo.errors import DataError

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_scores(
    predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Exact match and F1 of answers, by the formulas of SQuAD 2.0's evaluation script.

    Both compare answers in lower case, without ASCII punctuation and the articles a, an, the. F1 is
    that of the words which a prediction and a reference share; of several references the best one
    counts. References that are nothing but articles and punctuation are left out, and where none is
    left the right answer is "". SQuAD 1.1's script gives the same scores, but an F1 of 0 where no
    reference has a word.

    https://rajpurkar.github.io/SQuAD-explorer/

    Args:
        predictions: N answers, "" for none.
        references: N lists of acceptable answers, empty where there is none.

    Returns:
        `exact` and `f1`, percent, and `total`, N. If some questions have answers and some have
        none, the three of each sort too: `has_answer_exact`, `no_answer_exact` and so on.

    Raises:
        DataError: there are no predictions, or not as many as references.

    Example:
        >>> squad_scores(["the cat", "a big dog!"], [["Cat", "lion"], ["dog"]])
        {'exact': 50.0, 'f1': 83.33333333333333, 'total': 2}
    """
    if len(predictions) != len(references) or not references:
        raise DataError(
            f"There are {len(predictions)} predictions and {len(references)} lists of references; "
            "give one of each per question, and at least one."
        )
    pairs = zip(predictions, references, strict=True)
    rows = [(bool(wanted), *_best(predicted, wanted)) for predicted, wanted in pairs]
    answerable, unanswerable = ([row for row in rows if row[0] is kind] for kind in (True, False))
    scores = _means(rows)
    if answerable and unanswerable:
        scores |= {f"has_answer_{name}": value for name, value in _means(answerable).items()}
        scores |= {f"no_answer_{name}": value for name, value in _means(unanswerable).items()}
    return scores


def _means(rows: list[tuple[bool, float, float]]) -> dict[str, float]:
    count = len(rows)
    return {
        "exact": 100 * sum(exact for _, exact, _ in rows) / count,
        "f1": 100 * sum(f1 for _, _, f1 in rows) / count,
        "total": count,
    }


def _best(prediction: str, references: Sequence[str]) -> tuple[float, float]:
    """The best exact match and the best F1 over all references."""
    predicted = _words(prediction)
    wanted = [words for words in map(_words, references) if words] or [[]]
    return (
        max(float(predicted == words) for words in wanted),
        max(_f1(predicted, words) for words in wanted),
    )


def _f1(predicted: list[str], wanted: list[str]) -> float:
    if not predicted or not wanted:
        return float(predicted == wanted)
    shared = (Counter(predicted) & Counter(wanted)).total()
    return 2 * shared / (len(predicted) + len(wanted))


def _words(answer: str) -> list[str]:
    """The words of an answer that are compared."""
    bare = answer.lower().translate(_PUNCTUATION)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()
