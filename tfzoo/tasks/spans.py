"""From logits of starts and ends to spans, and from spans to answers."""

from typing import Any

from keras import ops

_BEST = 20  # starts, ends and spans that are kept of each row, as in google-research/bert


def best_spans(
    start_logits: Any, end_logits: Any, start_mask: Any, answer_mask: Any, max_length: int
) -> dict[str, Any]:
    """The 20 best spans of each row, out of its 20 best starts and 20 best ends.

    `run_squad.py` of google-research/bert does the same, but for columns where no answer can be:
    there they may take places among the 20 before they are thrown out, here they take none.

    Args:
        start_logits, end_logits: (B, S) float.
        start_mask: (B, S), 1 where a span may start.
        answer_mask: (B, S), 1 where it may end; and in column 0, which means no answer.
        max_length: columns of the longest span.

    Returns:
        `scores` (B, 20) float, the sum of both logits, falling, -inf for what is no span; `starts`
        and `ends` (B, 20) int32, columns, both inclusive; `null_scores` (B,) of no answer.

    Example:

    >>> start, end = ops.array([[0.0, 3, 1]]), ops.array([[0.0, 1, 2]])
    >>> spans = best_spans(start, end, ops.array([[0, 1, 1]]), ops.array([[1, 1, 1]]), 2)
    >>> print(*(ops.convert_to_numpy(spans[name])[0, :3] for name in ("scores", "starts", "ends")))
    [5. 4. 3.] [1 1 2] [2 1 2]
    """
    may_end = ops.pad(answer_mask[:, 1:], ((0, 0), (1, 0)))
    starts, start_columns = _top(start_logits, start_mask)
    ends, end_columns = _top(end_logits, may_end)
    lengths = end_columns[:, None, :] - start_columns[:, :, None] + 1
    scores = starts[:, :, None] + ends[:, None, :]  # (B, 20, 20)
    scores = ops.where((lengths >= 1) & (lengths <= max_length), scores, -float("inf"))
    scores, best = ops.top_k(ops.reshape(scores, (-1, _BEST * _BEST)), _BEST)
    return {
        "scores": scores,
        "starts": ops.take_along_axis(start_columns, best // _BEST, axis=1),
        "ends": ops.take_along_axis(end_columns, best % _BEST, axis=1),
        "null_scores": start_logits[:, 0] + end_logits[:, 0],
    }


def distinct_answers(
    context: str,
    starts: list[int],
    ends: list[int],
    scores: list[float],
    null_score: float,
    null_threshold: float | None,
) -> list[dict[str, Any]]:
    """The answers to one question, the best first, each text once.

    Args:
        context: what it is about.
        starts, ends, scores: of spans, the best first.
        null_score: of no answer.
        null_threshold: what it must exceed the best span by; None always answers.

    Example:

    >>> (answer,) = distinct_answers("Ada wrote it.", [0], [3], [2.5], 1.0, None)
    >>> answer["text"], answer["null_difference"]
    ('Ada', -1.5)
    """
    difference = null_score - scores[0] if scores else float("inf")
    found = {}
    if not scores or (null_threshold is not None and difference > null_threshold):
        found[""] = (0, 0, null_score)
    for start, end, score in zip(starts, ends, scores, strict=True):
        found.setdefault(context[start:end], (start, end, score))
    return [
        {"text": text, "start": start, "end": end, "score": score, "null_difference": difference}
        for text, (start, end, score) in found.items()
    ]


def _top(logits: Any, mask: Any) -> tuple[Any, Any]:
    """The highest logits (B, 20) where a mask (B, S) allows them, and their columns."""
    allowed = ops.where(ops.cast(mask, "bool"), logits, -float("inf"))
    allowed = ops.pad(allowed, ((0, 0), (0, _BEST)), constant_values=-float("inf"))
    return ops.top_k(allowed, _BEST)
