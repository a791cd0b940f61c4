"""How likely texts are to a language model."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.tasks.token_lists import end_id, token_lists


class Scoring:
    """Mixed into a task that gives losses for `labels`."""

    def score(
        self, texts: Any, stride: int | None = None, batch_size: int | None = None
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Log-probabilities of the tokens of texts, and their perplexities.

        A token's probability is that after all tokens before it; the first token's is that after
        the end token, <|endoftext|>, which stands between documents. A model that has no end token,
        or no preprocessor to name it, does not score the first token. The end of a text is scored
        only where ids end with the end token, while `evaluate` on texts always counts it.

        A text with more tokens than the model has positions P is cut into windows. The first is the
        first P tokens, the end token included. Each further one begins and ends `stride` tokens
        behind the one before, or ends with the text, and only the tokens behind the one before are
        scored in it; so all of them see P - stride tokens or more before them.

        Args:
            texts: a string or N strings; or lists of ids.
            stride: from 1, the best and slowest, to P, where windows share nothing; half of P by
                default.
            batch_size: windows per batch; by default, as many as have 8,192 tokens.

        Returns:
            For each text a dict: `token_ids` (n,) int32; `log_probabilities` (n,) float32, natural
            logarithms; and `perplexity`, e to the power of minus their mean, NaN where n is 0. The
            perplexity of several texts is that of all their tokens together: see the example.

        Raises:
            ConfigError: `stride` or `batch_size` is out of range.
            DataError: there are no texts, or one is neither a string nor ids.
            WeightsError: the model's logits are no numbers.

        Example:

        >>> from tfzoo import GPT2Backbone, GPT2CausalLM
        >>> backbone = GPT2Backbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
        ... )
        >>> scores = GPT2CausalLM(backbone).score([[3, 14, 15], [9, 26]])
        >>> scores[0]["token_ids"], scores[0]["log_probabilities"].shape
        (array([14, 15], dtype=int32), (2,))
        >>> together = np.concatenate([each["log_probabilities"] for each in scores])
        >>> round(float(np.exp(-together.mean())), -1)
        50.0
        """
        positions = self.backbone.embeddings.max_sequence_length
        stride = max(1, positions // 2) if stride is None else stride
        if type(stride) is not int or not 1 <= stride <= positions:
            raise ConfigError(
                f"stride is {stride!r:.60}; give a whole number from 1 to the model's {positions} "
                "positions."
            )
        lists, is_one = token_lists(self, texts)
        end = end_id(self)
        before = np.array([] if end is None else [end], "int32")
        rows = [np.concatenate([before, ids]) for ids in lists]
        windows = [list(_windows(len(row) - 1, positions, stride)) for row in rows]
        sequences = [
            row[window] for row, mine in zip(rows, windows, strict=True) for window, _ in mine
        ]
        found = iter(log_probabilities(self, sequences, batch_size))
        scores = [
            _score(row[1:], [next(found)[-scored:] for _, scored in mine])
            for row, mine in zip(rows, windows, strict=True)
        ]
        return scores[0] if is_one else scores


def log_probabilities(
    model: Any, sequences: Sequence[np.ndarray], batch_size: int | None = None
) -> list[np.ndarray]:
    """Log-probabilities of all tokens of sequences but the first, after those before them.

    Args:
        model: a `tfzoo.tasks.CausalLM`.
        sequences: N int32 arrays of two ids or more, and of at most one more than the model has
            positions.
        batch_size: sequences per batch; None for as many as have 8,192 tokens.

    Returns:
        N float32 arrays, each one shorter than its sequence.

    Raises:
        ConfigError: `batch_size` is less than one.
        WeightsError: the model's logits are no numbers.
    """
    from tfzoo.data.next_tokens import next_token_batches

    if not sequences:
        return []
    positions = model.backbone.embeddings.max_sequence_length
    batches, order = next_token_batches(sequences, positions, batch_size)
    rows = []
    for features in batches.as_numpy_iterator():
        losses = ops.convert_to_numpy(model.predict_on_batch(features))
        lengths = features["padding_mask"].sum(axis=1)
        rows += [-row[:length] for row, length in zip(losses, lengths, strict=True)]
    if any(np.isnan(row).any() for row in rows):
        raise WeightsError(
            "The model's logits are no numbers (NaN); look for NaN in its weights, or use another "
            "dtype."
        )
    return [rows[index] for index in np.argsort(order)]


def _windows(tokens: int, positions: int, stride: int) -> Iterator[tuple[slice, int]]:
    """The windows of a row of one token and `tokens` to be scored, and how many each scores."""
    start = stop = 0
    while stop < tokens:
        before, stop = stop, min(start + positions, tokens)
        yield slice(start, stop + 1), stop - before
        start += stride


def _score(ids: np.ndarray, pieces: Sequence[np.ndarray]) -> dict[str, Any]:
    found = np.concatenate(pieces) if pieces else np.zeros(0, "float32")
    mean = found.mean(dtype="float64") if pieces else np.nan
    return {"token_ids": ids, "log_probabilities": found, "perplexity": float(np.exp(-mean))}
