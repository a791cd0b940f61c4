"""Which key a query may see: the one rule for padding, packed rows and causal attention."""

from typing import Any

from keras import ops


def attention_bias(
    padding_mask: Any = None,
    sequence_ids: Any = None,
    causal: bool = False,
    key_length: int | None = None,
    query_length: int | None = None,
    query_start: Any = 0,
    positions: Any = None,
    window: int | None = None,
    dtype: str = "float32",
) -> Any:
    """What is added to attention scores: 0 where a query may see a key, else a large negative.

    A key must be real, share the query's sequence, and, if `causal`, stand no later than the
    query. A padding query sees every real key, as in the original models, whose hidden states at
    padding are compared.

    Args:
        padding_mask: (B, K), 1 for a real key, 0 for padding; None means all real.
        sequence_ids: (B, K) integers, k >= 1 for a token of the k-th sequence packed into the
            row; None means one sequence per row.
        causal: hide keys that stand after the query.
        key_length: K, needed for causal attention where neither mask nor ids are given.
        query_length: Q, the number of queries; None means as many as keys.
        query_start: column of the first query among the keys, when decoding with a cache.
        positions: (B, K), what the window counts in; None means columns.
        window: in causal attention, hide keys whose position is this much before the query's, or
            more; None means none.
        dtype: dtype of the result.

    Returns:
        A tensor that broadcasts to (B, heads, Q, K), or None where everything is visible.

    Example:

    >>> bias = attention_bias(ops.convert_to_tensor([[1, 1, 0]]))
    >>> print(ops.convert_to_numpy(bias[0, 0] == 0))
    [[ True  True False]]
    """
    visible = None
    if padding_mask is not None:
        real = ops.cast(padding_mask, "bool")
        visible = real[:, None, None, :]  # (B, 1, 1, K)
    if sequence_ids is not None:
        same = sequence_ids[:, None, :, None] == sequence_ids[:, None, None, :]  # (B, 1, Q, K)
        if visible is not None:
            same = (same | ~real[:, None, :, None]) & visible
        visible = same
    if causal:
        if key_length is None:
            key_length = ops.shape(padding_mask if padding_mask is not None else sequence_ids)[1]
        columns = ops.arange(key_length)
        rows = ops.arange(key_length if query_length is None else query_length) + query_start
        past = (columns[None, :] <= rows[:, None])[None, None]  # (1, 1, Q, K)
        if window is not None:
            places = columns[None] if positions is None else positions
            distance = ops.take(places, rows, axis=1)[:, :, None] - places[:, None, :]
            past = past & (distance < window)[:, None]  # (B, 1, Q, K)
        visible = past if visible is None else visible & past
    if visible is None:
        return None
    hidden = -1e4 if dtype == "float16" else -1e9
    return ops.where(visible, ops.cast(0.0, dtype), ops.cast(hidden, dtype))
