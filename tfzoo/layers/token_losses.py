"""The loss of a language model over a large vocabulary, without all logits at once."""

from collections.abc import Callable
from typing import Any

from keras import ops

from tfzoo.layers.backend import scan_in_turn

_WIDTH = 2048  # of the vocabulary, whose logits are in memory at once, at most


def token_losses(hidden: Any, table: Any, labels: Any) -> Any:
    """Cross-entropy of each label under the softmax of `hidden` times the transposed `table`.

    Logits are computed for a part of the vocabulary at a time, in the forward and again in the
    backward pass, and never stored; their softmax is float32.

    Args:
        hidden: (..., H) float.
        table: (V, H) float, of the same dtype.
        labels: (...) integers below V.

    Returns:
        (...) float32.

    Example:

    >>> losses = token_losses(ops.zeros((2, 3, 4)), ops.ones((10, 4)), ops.zeros((2, 3), "int32"))
    >>> losses.shape, round(float(ops.exp(losses[0, 0])), 3)
    (TensorShape([2, 3]), 10.0)
    """
    leading = ops.shape(labels)
    flat = ops.reshape(hidden, (-1, hidden.shape[-1]))  # (T, H)
    return ops.reshape(_flat_losses(ops.reshape(labels, (-1,)))(flat, table), leading)


def _flat_losses(labels: Any) -> Callable:
    @ops.custom_gradient
    def losses(hidden: Any, table: Any) -> Any:
        def logits(start: Any, size: int) -> tuple[Any, Any]:
            part = ops.slice(table, (start, 0), (size, table.shape[1]))  # (v, H)
            return part, ops.cast(ops.matmul(hidden, ops.transpose(part)), "float32")

        def sums(carry: Any, start: Any, size: int) -> tuple[Any, Any]:
            return carry, ops.logsumexp(logits(start, size)[1], axis=-1)[None]  # (1, T)

        _, found = _over_parts(sums, (), table.shape[0], "float32")
        total = ops.logsumexp(found, axis=0)  # (T,)
        chosen = ops.cast(hidden, "float32") * ops.cast(ops.take(table, labels, axis=0), "float32")

        def grad(upstream: Any) -> tuple[Any, Any]:
            def gradients(along_hidden: Any, start: Any, size: int) -> tuple[Any, Any]:
                part, scores = logits(start, size)
                errors = ops.exp(scores - total[:, None]) - ops.one_hot(labels - start, size)
                errors = ops.cast(errors * upstream[:, None], hidden.dtype)  # (T, v)
                along_hidden += ops.cast(ops.matmul(errors, part), "float32")
                return along_hidden, ops.matmul(ops.transpose(errors), hidden)

            start = ops.zeros_like(hidden, dtype="float32")
            along_hidden, along_table = _over_parts(gradients, start, table.shape[0], table.dtype)
            return ops.cast(along_hidden, hidden.dtype), along_table

        return total - ops.sum(chosen, axis=-1), grad

    return losses


def _over_parts(function: Callable, carry: Any, rows: int, dtype: Any) -> tuple[Any, Any]:
    """Calls `function(carry, start, size)` for parts of a table, and joins the second results."""
    width = _width(rows)
    count, rest = divmod(rows, width)
    carry, stacked = scan_in_turn(
        lambda carry, i: function(carry, i * width, width), carry, count, dtype
    )
    joined = ops.reshape(stacked, (-1, ops.shape(stacked)[-1]))
    if rest:
        carry, last = function(carry, count * width, rest)
        joined = ops.concatenate([joined, last], axis=0)
    return carry, joined


def _width(rows: int) -> int:
    """The size of parts: one that leaves no rest, which would cost a copy, unless it is small.

    >>> _width(50257), 50257 % _width(50257), _width(1000), _width(4099)
    (1733, 0, 1000, 2048)
    """
    most = min(rows, _WIDTH)
    return next((size for size in range(most, most // 2, -1) if rows % size == 0), most)
