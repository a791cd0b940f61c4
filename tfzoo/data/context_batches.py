"""Questions and contexts to batches of windows of similar length."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfzoo.data.answers import answer_spans, encodable, question_pairs
from tfzoo.data.bucketing import Batcher, checked_rows
from tfzoo.errors import DataError
from tfzoo.tokenizers.windows import ContextWindows, Windows

_PAIRS_PER_CHUNK = 1024  # encoded at once: bounds the memory


def training_batches(
    cutter: ContextWindows,
    x: Any,
    answers: Any,
    sample_weight: Any = None,
    *,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of windows for `fit`.

    The windows are cut once, and dealt out as `tfzoo.data.pipeline.training_batches` does examples.

    Args:
        cutter: cuts contexts into windows.
        x: a tuple of N questions and N contexts.
        answers: N answers, see `answer_spans`.
        sample_weight: N floats, each for all windows of an example.
        batch_size: windows per batch, 32 by default.
        shuffle: False keeps the order of the examples.
        seed: of the order.

    Returns:
        A dataset of `(features, y[, sample_weight])`; `y` has the columns of the answer's first
        and last token, `start_logits` and `end_logits` (B,) int32: column 0 where the answer is
        not, or not as a whole, in the window.

    Raises:
        DataError: questions, contexts or answers cannot be used.
    """
    columns = _columns(cutter, x, answers, sample_weight)
    count = int(columns[0]["token_ids"].nrows())
    batcher = Batcher(_Encoded(cutter), batch_size)
    return batcher.of_columns(columns, count, shuffle, seed)


def evaluation_batches(
    cutter: ContextWindows,
    x: Any,
    answers: Any,
    sample_weight: Any = None,
    *,
    batch_size: int | None,
) -> tf.data.Dataset:
    """Batches of windows for `evaluate`, sorted by length; see `training_batches`."""
    columns = _columns(cutter, x, answers, sample_weight)
    return Batcher(_Encoded(cutter), batch_size).longest_first(*columns)[0]


def prediction_batches(
    cutter: ContextWindows, windows: Windows, batch_size: int | None
) -> tuple[tf.data.Dataset, np.ndarray]:
    """Batches of windows for `predict`, the longest first.

    Args:
        cutter: cut the windows.
        windows: W windows.
        batch_size: windows of the full length per batch, 32 by default; of shorter ones, as many
            more as have as many tokens.

    Returns:
        The dataset of features, and where in it each window is: (W,) int.
    """
    tokens = checked_rows(batch_size) * cutter.sequence_length
    batcher = Batcher(_Encoded(cutter), batch_size, tokens_per_batch=tokens)
    dataset, order = batcher.longest_first(windows.rows)
    return dataset, np.argsort(order)


def cut(cutter: ContextWindows, questions: list[str], contexts: list[str]) -> Windows:
    """Cuts N contexts into windows, each of which has at least one token of its context.

    Raises:
        DataError: a context has no token, or a question leaves no room for one.
    """
    questions, contexts = encodable(questions), encodable(contexts)
    if cutter.max_question_length > cutter.question_room:
        _check_lengths(cutter, questions)
    chunks = []
    for start in range(0, len(questions), _PAIRS_PER_CHUNK):
        part = slice(start, start + _PAIRS_PER_CHUNK)
        windows = cutter.encode(questions[part], contexts[part])
        chunks.append(windows._replace(example=windows.example + start))
    windows = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *chunks)
    lengths = windows.starts.row_lengths().numpy()
    if not lengths.all():
        raise DataError(
            f"Context {int(lengths.argmin())} has no token but spaces and characters that are "
            "dropped; leave out its question."
        )
    return windows


def _check_lengths(cutter: ContextWindows, questions: list[str]) -> None:
    lengths = cutter.questions(questions).row_lengths().numpy()
    if lengths.max() > cutter.question_room:
        raise DataError(
            f"Question {int(lengths.argmax())} has {lengths.max()} tokens, and rows of "
            f"{cutter.sequence_length} have no room for its context; raise sequence_length or "
            "lower max_question_length."
        )


def _columns(cutter: ContextWindows, x: Any, answers: Any, sample_weight: Any) -> tuple:
    """Rows, targets and, where given, weights of all windows."""
    questions, contexts = question_pairs(x)
    spans = answer_spans(contexts, answers)
    windows = cut(cutter, questions, contexts)
    rows = {name: each for name, each in windows.rows.items() if name != "start_mask"}
    if sample_weight is None:
        return rows, _targets(windows, spans)
    weights = np.asarray(sample_weight, np.float32)
    if weights.shape != (len(questions),):
        raise DataError(
            f"There are {len(questions)} questions, but the sample weights have the shape "
            f"{weights.shape}."
        )
    return rows, _targets(windows, spans), tf.gather(weights, windows.example)


def _targets(windows: Windows, spans: np.ndarray) -> dict[str, tf.Tensor]:
    """The columns where answers start and end, (W,) int32 each."""
    begin, end = tf.unstack(tf.constant(spans), axis=1)  # (N,) characters
    first = tf.reduce_sum(tf.cast(windows.ends <= begin[:, None], tf.int32), axis=1)
    last = tf.reduce_sum(tf.cast(windows.starts < end[:, None], tf.int32), axis=1) - 1
    answered = end >= 0
    lost = tf.where(answered & (first > last))
    if len(lost):
        index = int(lost[0, 0])
        raise DataError(f"Answer {index} has no token but spaces and characters that are dropped.")
    first, last, answered = (tf.gather(each, windows.example) for each in (first, last, answered))
    size = tf.cast(windows.rows["token_ids"].row_lengths(), tf.int32) - windows.column - 1
    inside = answered & (windows.piece <= first) & (last < windows.piece + size)
    shift = windows.column - windows.piece
    return {
        "start_logits": tf.where(inside, first + shift, 0),
        "end_logits": tf.where(inside, last + shift, 0),
    }


class _Encoded:
    """What a `Batcher` asks of a preprocessor, for rows that are encoded already."""

    def __init__(self, cutter: ContextWindows):
        self.sequence_length = cutter.sequence_length
        self.pad = cutter.pad

    def encode(self, rows: dict[str, tf.RaggedTensor]) -> dict[str, tf.RaggedTensor]:
        return rows
