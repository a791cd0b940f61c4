"""Scores of tagged entities."""

from collections.abc import Sequence


def entity_scores(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict:
    """Precision, recall and F1 of entities, as of the CoNLL shared tasks, by seqeval.

    An entity counts as found if its label, its first and its last word are all right.

    Args:
        true: the tags of the words of N texts, such as "O" and "B-PER", in any BIO scheme.
        predicted: the same, as predicted.

    Returns:
        `precision`, `recall` and `f1`, of all entities at once; and `f1_of`, the F1 of each label.
        What there is none of scores 0.

    Example:

    >>> true = [["B-PER", "I-PER", "O", "B-LOC"]]
    >>> scores = entity_scores(true, [["B-PER", "I-PER", "B-LOC", "I-LOC"]])
    >>> scores["precision"], scores["recall"], scores["f1_of"]
    (0.5, 0.5, {'LOC': 0.0, 'PER': 1.0})
    """
    from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support

    both = [[list(tags) for tags in texts] for texts in (true, predicted)]
    labels = sorted({label for texts in both for label, *_ in get_entities(texts)})
    precision, recall, f1, _ = precision_recall_fscore_support(
        *both, average="micro", zero_division=0
    )
    f1_of = precision_recall_fscore_support(*both, zero_division=0)[2]
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "f1_of": dict(zip(labels, map(float, f1_of), strict=True)),
    }
