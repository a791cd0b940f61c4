"""Masking for masked language models, in the graph."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfzoo.data.bucketing import PARALLEL_CALLS, PREFETCHED, untuned
from tfzoo.data.mask_units import UNITS, fitting_first, units_of
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class Masking:
    """Which tokens are to be predicted, and what is put in their place.

    By default as in BERT, https://arxiv.org/abs/1810.04805, section 3.1. Whatever the unit, as many
    tokens are to be predicted.

    Args:
        share: of a row's tokens, special ones excepted, that are to be predicted.
        masked: of those, the share that becomes [MASK].
        random: of those, the share that becomes a random token; the rest stay.
        unit: what is chosen as a whole: a "token"; a "whole_word", all tokens of it, where a word
            that would be too much is passed over; or a "span" of 1 to 10 words in a row, after
            SpanBERT (https://arxiv.org/abs/1907.10529, section 3.1), of which the last is cut where
            it would be too much, and all tokens of one are masked, replaced, or kept.

    Raises:
        ConfigError: there is no such unit, or a share is none.
    """

    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    unit: str = "token"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ConfigError(f"The unit of masking is one of {', '.join(UNITS)}, not {self.unit}.")
        if not 0 < self.share < 1:
            raise ConfigError(f"The share of masked tokens is between 0 and 1, not {self.share}.")
        if not (min(self.masked, self.random) >= 0 and self.masked + self.random <= 1):
            raise ConfigError(
                f"Shares of {self.masked} masked and {self.random} random tokens are none of 1."
            )

    def width(self, length: int) -> int:
        """How many tokens of a row of this length are predicted at most."""
        return max(1, round(self.share * length))


_BERT = Masking()
ELECTRA = Masking(masked=0.85, random=0.0)  # as its authors' code


def masked_batches(
    batches: tf.data.Dataset,
    tokenizer: Tokenizer,
    seed: int,
    anew: bool = True,
    masking: Masking = _BERT,
) -> tf.data.Dataset:
    """Batches whose features are masked anew each time, with the hidden tokens as labels.

    Args:
        batches: of features, or of `(features, next_sentence_labels)` for both of BERT's
            pre-training tasks, with or without sample weights (B,).
        tokenizer: says which ids are special.
        seed: the same seed gives the same masks.
        anew: whether each epoch has others, as training wants and validation does not.
        masking: how many tokens are masked, and how.

    Returns:
        A dataset of `(features, labels, weights)`: features with `masked_positions` (B, P), labels
        the ids (B, P) that stood there, weights (B, P) 0 where a row has fewer to predict. With
        next-sentence labels, labels and weights are dicts of `masked_lm` and `next_sentence`.
    """
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=anew).batch(2)

    @tf.autograph.experimental.do_not_convert
    def mask(batch: Any, seed: tf.Tensor) -> tuple:
        return _with_labels(batch, tokenizer, seed, masking)

    masked = tf.data.Dataset.zip(batches, seeds).map(mask, PARALLEL_CALLS)
    return untuned(masked.prefetch(PREFETCHED))


def _with_labels(batch: Any, tokenizer: Tokenizer, seed: tf.Tensor, masking: Masking) -> tuple:
    features, *labels = batch if isinstance(batch, tuple) else (batch,)
    return with_labels(*mask_tokens(features, tokenizer, seed, masking), *labels)


def with_labels(
    features: dict[str, tf.Tensor],
    ids: tf.Tensor,
    weights: tf.Tensor,
    next_sentence: tf.Tensor | None = None,
    row_weights: tf.Tensor | None = None,
) -> tuple:
    """A batch as the tasks take it: features, labels and weights.

    Args:
        features: with `masked_positions` (B, P).
        ids: (B, P), which stood there.
        weights: (B, P), 0 where a row has fewer to predict.
        next_sentence: labels (B,) of both of BERT's pre-training tasks.
        row_weights: (B,), only with such labels; None for ones.
    """
    if next_sentence is None:
        return features, ids, weights
    if row_weights is None:
        row_weights = tf.ones(tf.shape(next_sentence)[0])
    rows = tf.cast(row_weights, tf.float32)
    return (
        features,
        {"masked_lm": ids, "next_sentence": next_sentence},
        {"masked_lm": weights * rows[:, None], "next_sentence": rows},
    )


def mask_tokens(
    features: dict[str, tf.Tensor],
    tokenizer: Tokenizer,
    seed: tf.Tensor,
    masking: Masking = _BERT,
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
    """Masks one batch.

    Args:
        features: `token_ids` and `padding_mask`, (B, S) int32, and others that stay as they are.
        tokenizer: says which ids are special.
        seed: (2,) integers.
        masking: how many tokens are masked, and how.

    Returns:
        The features with masked `token_ids` and `masked_positions` (B, P) in rising order; the ids
        (B, P) that stood there; weights (B, P), 1 for a token to predict, 0 for a filler.
    """
    ids = features["token_ids"]  # (B, S)
    special = [tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id]
    maskable = tf.reduce_all(ids[..., None] != tf.constant(special, ids.dtype), axis=-1)
    maskable &= features["padding_mask"] != 0
    choice, kind, token = (
        tf.random.stateless_uniform(tf.shape(ids), tf.stack([seed[0], seed[1] + i]))
        for i in range(3)
    )
    candidates = tf.reduce_sum(tf.cast(maskable, tf.float32), axis=1)  # (B,)
    counts = tf.where(candidates > 0, tf.maximum(1.0, tf.round(masking.share * candidates)), 0.0)
    if ids.shape[1] is None:
        width = tf.maximum(1, tf.cast(tf.reduce_max(counts), tf.int32))  # P
    else:
        width = masking.width(ids.shape[1])  # one shape for all batches
    if masking.unit != "token":
        length = tf.random.stateless_uniform(tf.shape(ids), tf.stack([seed[0], seed[1] + 3]))
        units = units_of(ids, maskable, tokenizer, length if masking.unit == "span" else None)
        choice = tf.gather(choice, units, batch_dims=1)
        if masking.unit == "span":
            kind = tf.gather(kind, units, batch_dims=1)
        else:
            choice = fitting_first(choice, units, maskable, counts)
    scores, chosen = tf.math.top_k(tf.where(maskable, choice, -1.0), width)  # (B, P)
    weights = tf.sequence_mask(counts, width, tf.float32) * tf.cast(scores >= 0, tf.float32)
    # Fillers point at column 0 and, like the rest, come out in rising order.
    order = tf.argsort(tf.where(weights > 0, chosen, tf.shape(ids)[1]), axis=1)
    positions = tf.gather(chosen * tf.cast(weights, chosen.dtype), order, batch_dims=1)
    weights = tf.gather(weights, order, batch_dims=1)
    hit = tf.reduce_any(
        (tf.range(tf.shape(ids)[1]) == positions[..., None]) & (weights[..., None] > 0), axis=1
    )  # (B, S)
    random = tf.cast(token * tokenizer.vocabulary_size, ids.dtype)
    changed = masking.masked + masking.random
    replaced = tf.where(
        kind < masking.masked, tokenizer.mask_id, tf.where(kind < changed, random, ids)
    )
    masked = {
        **features,
        "token_ids": tf.where(hit, replaced, ids),
        "masked_positions": positions,
    }
    return masked, tf.gather(ids, positions, batch_dims=1), weights
