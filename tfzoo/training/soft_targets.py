"""The losses between a teacher and its student, each a `GlobalMean` of a step."""

from collections.abc import Callable, Iterable
from typing import Any

from keras import losses, ops

from tfzoo.errors import ConfigError
from tfzoo.training.global_mean import GlobalMean, by_output, weight_of

_HIDDEN, _ATTENTION = "hidden states", "attention"


def soft_target_loss(
    hard: Any,
    taught: Any,
    outputs: Any,
    sample_weight: Any,
    temperature: float,
    name: str | None = None,
) -> Any:
    """How far a student's outputs are from its teacher's (https://arxiv.org/abs/1503.02531).

    Args:
        hard: the loss of labels, or a dict of one per output. It decides what outputs are: logits
            of classes, of single decisions, or numbers.
        taught, outputs: the teacher's and the student's (..., C), or dicts of such.
        sample_weight: (...) or None, or a dict of such.
        temperature: divides logits; the loss is multiplied by its square.
        name: of the output; None for the only one, and for dicts.

    Returns:
        A scalar; of a dict the mean.

    Raises:
        ConfigError: there is no soft counterpart of the loss.

    Example:

    >>> hard = losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> logits = ops.array([[2.0, 0.0]])
    >>> same = soft_target_loss(hard, logits, logits, None, 1.0)
    >>> other = soft_target_loss(hard, logits, -logits, None, 1.0)
    >>> bool(same < other)
    True
    """
    if isinstance(outputs, dict):
        parts = [
            soft_target_loss(
                hard[each],
                taught[each],
                outputs[each],
                _of_output(sample_weight, each),
                temperature,
                each,
            )
            for each in outputs
        ]
        return sum(parts) / len(parts)
    if isinstance(hard, losses.MeanSquaredError):
        loss = GlobalMean(losses.MeanSquaredError(hard.reduction), _soft(name))
        return loss(taught, outputs, sample_weight)
    soften, soft = _counterpart(hard)
    loss = GlobalMean(soft(from_logits=True, reduction=hard.reduction), _soft(name))
    return temperature**2 * loss(soften(taught / temperature), outputs / temperature, sample_weight)


def distillation_totals(hard: Any, mask: Any, sample_weight: Any, num_heads: int) -> dict[str, Any]:
    """What the losses of this file divide by on a batch; see `tfzoo.training.global_mean`.

    Args:
        hard, sample_weight: as of `soft_target_loss`.
        mask: (B, S), 1 for real tokens.
        num_heads: N of the attention probabilities.
    """
    tokens = ops.sum(ops.cast(mask, "float32"))
    soft = {
        _soft(name): weight_of(each, mask, _of_output(sample_weight, name))
        for name, each in by_output(hard).items()
    }
    return {**soft, _HIDDEN: tokens, _ATTENTION: num_heads * tokens}


def distillation_names(hard: Any) -> list[str]:
    """The names among `distillation_totals`."""
    return [*map(_soft, by_output(hard)), _HIDDEN, _ATTENTION]


def _soft(name: str | None) -> str:
    return f"soft targets of {name}"


def _of_output(sample_weight: Any, name: str | None) -> Any:
    return sample_weight.get(name) if isinstance(sample_weight, dict) else sample_weight


def _counterpart(hard: Any) -> tuple[Callable, type]:
    """What makes probabilities of logits, and the loss that compares with them."""
    if isinstance(hard, losses.SparseCategoricalCrossentropy):
        return ops.softmax, losses.CategoricalCrossentropy
    if isinstance(hard, losses.BinaryCrossentropy):
        return ops.sigmoid, losses.BinaryCrossentropy
    raise ConfigError(
        f"There are no soft targets for a task whose loss is {hard}; give it a default_loss of "
        "cross-entropy or squared error."
    )


def hidden_loss(
    pairs: Iterable[tuple[Any, Any]], mask: Any, projection: Callable | None = None
) -> Any:
    """Mean squared difference between hidden states (https://arxiv.org/abs/1909.10351).

    Args:
        pairs: of the teacher's and the student's hidden states, (B, S, H) and (B, S, H').
        mask: (B, S), 1 for real tokens.
        projection: takes H' to H where they differ.

    Returns:
        A scalar, the mean over real tokens, H and pairs.
    """
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    loss = GlobalMean(loss, _HIDDEN)
    parts = []
    for taught, learned in pairs:
        learned = ops.cast(learned, "float32")
        learned = learned if projection is None else projection(learned)
        parts.append(loss(ops.cast(taught, "float32"), learned, mask))
    return sum(parts) / len(parts)


def attention_loss(pairs: Iterable[tuple[Any, Any]], mask: Any) -> Any:
    """Kullback-Leibler divergence between attentions (https://arxiv.org/abs/2004.02984).

    Args:
        pairs: of the teacher's and the student's attention probabilities, (B, N, Q, K).
        mask: (B, Q), 1 for real tokens.

    Returns:
        A scalar, the mean over heads, real queries and pairs.
    """
    loss = GlobalMean(losses.KLDivergence(reduction="mean_with_sample_weight"), _ATTENTION)
    parts = []
    for taught, learned in pairs:
        taught, learned = (ops.cast(each, "float32") for each in (taught, learned))
        weights = ops.broadcast_to(ops.cast(mask, "float32")[:, None], ops.shape(taught)[:-1])
        parts.append(loss(taught, learned, weights))
    return sum(parts) / len(parts)
