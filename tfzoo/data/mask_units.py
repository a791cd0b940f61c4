"""What masking chooses as a whole: words, or spans of them, found in the graph."""

import math

import tensorflow as tf

from tfzoo.tokenizers import BertTokenizer
from tfzoo.tokenizers.tokenizer import Tokenizer

UNITS = ("token", "whole_word", "span")

_ENDS = 0.2  # how likely a span ends with a word
_LONGEST = 10  # words of a span


def units_of(
    ids: tf.Tensor, maskable: tf.Tensor, tokenizer: Tokenizer, lengths: tf.Tensor | None = None
) -> tf.Tensor:
    """The number within its row of the word, or the span, that a token is of.

    Args:
        ids: (B, S) int32.
        maskable: (B, S) bool; other tokens are units of their own.
        tokenizer: its vocabulary says which tokens go on with a word.
        lengths: None for words; for spans (B, S) random numbers from 0 to 1.

    Returns:
        (B, S) int32, from 0, rising along a row.
    """
    alone = ~(maskable & _shifted(maskable))  # what stands behind does not belong to it
    begins = alone | ~tf.gather(tf.constant(_continuing(tokenizer)), ids)
    words = _numbered(begins)
    if lengths is None:
        return words
    # Lengths of the geometric distribution, as long as they are not above the longest.
    tail = (1 - _ENDS) ** _LONGEST
    counts = 1 + tf.floor(tf.math.log1p(-lengths * (1 - tail)) / math.log1p(-_ENDS))
    ends = tf.cumsum(tf.cast(counts, tf.int32), axis=1)
    spans = tf.searchsorted(ends, words, side="right")
    return _numbered(alone | (spans != _shifted(spans)))


def fitting_first(
    choice: tf.Tensor, words: tf.Tensor, maskable: tf.Tensor, counts: tf.Tensor
) -> tf.Tensor:
    """Scores by which whole words are chosen, so that `counts` tokens are not exceeded.

    Words come in the order of their random numbers until the next one does not fit, and behind them
    those of a single token, which fill up what is left.

    Args:
        choice: (B, S) from 0 to 1, one number per word.
        words: (B, S) of `units_of`.
        maskable: (B, S) bool.
        counts: (B,) tokens that are wanted.

    Returns:
        (B, S); the highest come first, negative ones never.
    """
    order = tf.argsort(tf.where(maskable, -choice, 1.0), axis=1, stable=True)
    places = tf.argsort(order, axis=1)  # (B, S) of tokens, if words came one by one
    shape = tf.shape(words)
    flat = tf.reshape(words + tf.range(shape[0])[:, None] * shape[1], [-1])
    last = tf.math.unsorted_segment_max(tf.reshape(places, [-1]), flat, shape[0] * shape[1])
    fits = tf.reshape(tf.gather(last, flat), shape) < tf.cast(counts, tf.int32)[:, None]
    begins = words != _shifted(words)
    single = begins & tf.concat([begins[:, 1:], tf.ones_like(begins[:, :1])], axis=1)
    return tf.where(fits, 1 + choice, tf.where(single, choice, -1.0))


def _continuing(tokenizer: Tokenizer) -> list[bool]:
    """For each token whether it goes on with a word: WordPiece marks these, others the first."""
    special = set(tokenizer.special_tokens.values())
    if isinstance(tokenizer, BertTokenizer):
        return [token.startswith("##") for token in tokenizer.vocabulary]
    return [not t.startswith(("▁", "Ġ")) and t not in special for t in tokenizer.vocabulary]


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """Values (B, S) one column to the right; what comes in is False, or minus one."""
    empty = False if values.dtype == tf.bool else -1
    return tf.concat(
        [tf.fill([tf.shape(values)[0], 1], tf.constant(empty, values.dtype)), values[:, :-1]],
        axis=1,
    )


def _numbered(begins: tf.Tensor) -> tf.Tensor:
    return tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
