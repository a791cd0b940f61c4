"""One vector for all tokens of a text."""

from typing import Any

from keras import ops

from tfzoo.layers.heads import gather_positions

POOLINGS = ("mean", "cls", "max")


def text_columns(inputs: dict[str, Any]) -> Any:
    """Which columns hold the tokens of each text: (B, K, S) bool.

    Args:
        inputs: an encoder's features; K is 1, or with `cls_positions` (B, K) the number of texts
            packed into a row.

    >>> ids, mask = ops.array([[2, 7, 3, 0]]), ops.array([[1, 1, 1, 0]])
    >>> columns = text_columns({"token_ids": ids, "padding_mask": mask})
    >>> ops.convert_to_numpy(columns).tolist()
    [[[True, True, True, False]]]
    """
    if "cls_positions" not in inputs:
        mask = inputs.get("padding_mask")
        mask = ops.ones_like(inputs["token_ids"]) if mask is None else mask
        return ops.cast(mask, "bool")[:, None]
    numbers = ops.arange(1, inputs["cls_positions"].shape[1] + 1, dtype="int32")
    return ops.cast(inputs["sequence_ids"], "int32")[:, None] == numbers[:, None]


def pool(x: Any, columns: Any, pooling: str) -> Any:
    """Sums up the hidden states of texts; padding never counts.

    Args:
        x: (B, S, H) float, the hidden states.
        columns: (B, K, S) bool, which columns of a row are tokens of its k-th text.
        pooling: "mean" or "max" of a text's tokens, or "cls", the first one of them.

    Returns:
        (B, K, H); by "mean" and "max" zeros where there is no text.

    >>> x = ops.reshape(ops.arange(6.0), (1, 3, 2))
    >>> columns = ops.convert_to_tensor([[[True, True, False]]])
    >>> [ops.convert_to_numpy(pool(x, columns, each)).tolist() for each in POOLINGS]
    [[[[1.0, 2.0]]], [[[0.0, 1.0]]], [[[2.0, 3.0]]]]
    """
    if pooling == "cls":
        return gather_positions(x, ops.argmax(columns, axis=-1))
    if pooling == "max":
        highest = ops.max(ops.where(columns[..., None], x[:, None], -float("inf")), axis=2)
        return ops.where(ops.any(columns, axis=-1, keepdims=True), highest, 0.0)
    weights = ops.cast(columns, x.dtype)
    return ops.matmul(weights, x) / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1)
