"""The decode loop: a prompt in one pass, then token after token in one compiled step."""

from typing import Any, Protocol

import keras
from keras import ops

State = dict[str, Any]
# Of a state, what outlives its cache.
RESULTS = ("tokens", "lengths", "finished", "broken", "scores")
NO_END = -1  # the `end` of a state, for a model that has no end token


class LanguageModel(Protocol):
    """What generation asks of a model.

    Attributes:
        draft: another one, that a sampler asks first; None for most.
    """

    draft: "LanguageModel | None"

    def empty_cache(self, rows: Any, columns: Any) -> Any:
        """Room for the keys and values of tokens."""

    def decode(self, token_ids: Any, state: State, index: Any) -> tuple[Any, Any]:
        """Hidden states (B, Q, H), and the new cache.

        Args:
            token_ids: (B, Q), which go into the columns from `index` on.
            state: the `cache` of K columns; `padding_mask` and `position_ids` (B, K).
            index: a column.
        """

    def logits(self, hidden: Any) -> Any:
        """Logits (..., V) of hidden states (..., H)."""


def prompt_state(lengths: Any, prompt_columns: int, new_columns: int, positions: int) -> State:
    """Which columns of a cache are real, and which positions they have.

    Prompts stand in the first columns, however short they are; what is generated stands behind
    them all, in the same column for each row, at the position that follows its own prompt.

    Args:
        lengths: (B,) tokens of each prompt.
        prompt_columns: P, at least as many as the longest prompt has tokens.
        new_columns: N, for generated tokens.
        positions: how many the model has; columns behind the last have the last.

    Returns:
        `padding_mask` and `position_ids`, (B, P + N) int32.

    >>> state = prompt_state(ops.array([1, 2]), prompt_columns=2, new_columns=2, positions=8)
    >>> print(ops.convert_to_numpy(state["position_ids"]))
    [[0 1 1 2]
     [0 1 2 3]]
    >>> print(ops.convert_to_numpy(state["padding_mask"]))
    [[1 0 1 1]
     [1 1 1 1]]
    """
    columns = ops.arange(prompt_columns + new_columns, dtype="int32")[None]  # (1, K)
    lengths = ops.cast(lengths, "int32")[:, None]
    is_new = columns >= prompt_columns
    places = ops.where(is_new, columns - prompt_columns + lengths, columns)
    return {
        "padding_mask": ops.cast(is_new | (columns < lengths), "int32"),
        "position_ids": ops.minimum(places, positions - 1),
    }


def prefill(model: LanguageModel, token_ids: Any, state: State) -> tuple[Any, Any]:
    """Runs prompts through a model, at their own width.

    Args:
        model: the model.
        token_ids: (B, P), prompts and padding behind them.
        state: of `prompt_state`.

    Returns:
        Hidden states (B, P, H), and a cache of P + N columns.
    """
    rows, width = ops.shape(token_ids)
    prompt = {name: column[:, :width] for name, column in state.items()}
    prompt["cache"] = model.empty_cache(rows, width)
    hidden, cache = model.decode(token_ids, prompt, 0)
    room = ops.shape(state["padding_mask"])[1] - width
    padding = ((0, 0), (0, 0), (0, room), (0, 0))
    return hidden, keras.tree.map_structure(lambda each: ops.pad(each, padding), cache)
