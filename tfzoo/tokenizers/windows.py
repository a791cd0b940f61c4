"""Questions and contexts to the overlapping windows that an encoder reads, and back to the text."""

from typing import TYPE_CHECKING, Any, NamedTuple

from tfzoo.tokenizers.frame import Frame
from tfzoo.tokenizers.offsets import tokenize_with_offsets
from tfzoo.tokenizers.preprocessor import TextPreprocessor

if TYPE_CHECKING:
    import tensorflow as tf


class Windows(NamedTuple):
    """W windows of N contexts, in the order of the contexts.

    Attributes:
        rows: `token_ids`, `segment_ids`, `window_mask` and `start_mask`, ragged int32 tensors (W,
            None); the last two are 1 for tokens of the context, and where an answer may start.
        example: (W,) int32, to which context a window belongs.
        piece: (W,) int32, which token of its context a window begins with.
        column: (W,) int32, where in the row that token stands.
        starts: ragged (N, None) int32, the first character of each token of a context.
        ends: ragged (N, None) int32, the character behind it.
    """

    rows: "dict[str, tf.RaggedTensor]"
    example: "tf.Tensor"
    piece: "tf.Tensor"
    column: "tf.Tensor"
    starts: "tf.RaggedTensor"
    ends: "tf.RaggedTensor"

    def ranked(self, spans: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
        """The best spans of each context, from those of each of its windows.

        Args:
            spans: K of each window (W, K): `scores`, -inf for one that does not count, `starts` and
                `ends`, columns; and `null_scores` (W,).

        Returns:
            A dict of ragged (N, None) tensors, from the best span of a context to the worst:
            `score` float32, `start` and `end` int32, characters; and `null_score` (N,) float32, the
            lowest of a context's windows.
        """
        import tensorflow as tf

        width = tf.shape(spans["scores"])[1]
        scores = tf.reshape(spans["scores"], [-1])
        order = tf.argsort(scores, direction="DESCENDING", stable=True)
        order = tf.boolean_mask(order, tf.math.is_finite(tf.gather(scores, order)))
        example = tf.gather(self.example, order // width)
        by_example = tf.argsort(example, stable=True)
        order, example = tf.gather(order, by_example), tf.gather(example, by_example)

        first = tf.gather(tf.cast(self.starts.row_starts(), tf.int32), self.example)
        first = tf.gather(first + self.piece - self.column, order // width)
        values = {"score": tf.gather(scores, order)}
        for name, offsets in (("start", self.starts), ("end", self.ends)):
            columns = tf.gather(tf.reshape(spans[f"{name}s"], [-1]), order)
            values[name] = tf.gather(offsets.flat_values, first + columns)
        example = tf.cast(example, tf.int64)
        ranked = {
            name: tf.RaggedTensor.from_value_rowids(value, example, self.starts.nrows())
            for name, value in values.items()
        }
        return {**ranked, "null_score": tf.math.segment_min(spans["null_scores"], self.example)}


class ContextWindows:
    """Cuts contexts into rows, pairs of question and window, as BERT's code for SQuAD does.

    The windows of a context begin every `stride` tokens, and the last one ends with the context.
    A token that several windows hold may start an answer in one of them: where the lesser of its
    left and right contexts is the largest.

    Args:
        preprocessor: has the tokenizer, and the `sequence_length` of a row.
        stride: tokens from the start of a window to that of the next; a whole window if that is
            less.
        max_question_length: tokens that a question is truncated to.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef?"]
        >>> cutter = ContextWindows(
        ...     TextPreprocessor(BertTokenizer(letters), sequence_length=7), stride=2
        ... )
        >>> windows = cutter.encode(["?"], ["a b c d e"])
        >>> windows.rows["token_ids"].to_list()
        [[2, 11, 3, 5, 6, 7, 3], [2, 11, 3, 7, 8, 9, 3]]
        >>> windows.rows["start_mask"].to_list()
        [[0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1, 0]]
    """

    def __init__(
        self, preprocessor: TextPreprocessor, stride: int = 128, max_question_length: int = 64
    ):
        self.preprocessor = preprocessor
        self.sequence_length = preprocessor.sequence_length
        self._frame = Frame(preprocessor.tokenizer, texts=2)
        self._room = self.sequence_length - self._frame.size
        self.question_room = self._room - 1  # for one token of the context
        self.stride = stride
        self.max_question_length = max_question_length

    def questions(self, texts: Any) -> "tf.RaggedTensor":
        """Ids of N questions, truncated: a ragged int32 tensor (N, None)."""
        return self.preprocessor.tokenizer(texts)[:, : self.max_question_length]

    def encode(self, questions: Any, contexts: Any) -> Windows:
        """Cuts N contexts into windows, at least one of each.

        Args:
            questions: N strings; one that leaves no room for a token of its context is truncated
                further.
            contexts: N strings.
        """
        import tensorflow as tf

        question = self.questions(questions)[:, : self.question_room]
        context, starts, ends = tokenize_with_offsets(self.preprocessor.tokenizer, contexts)
        total, room = _lengths(context), self._room - _lengths(question)  # (N,)
        step = tf.minimum(room, self.stride)
        number = 1 + (tf.maximum(total - room, 0) + step - 1) // step
        example = tf.repeat(tf.range(tf.size(number)), number)  # (W,)
        piece = tf.ragged.range(number).flat_values * tf.gather(step, example)
        size = tf.minimum(tf.gather(room, example), tf.gather(total, example) - piece)
        first = tf.gather(tf.cast(context.row_starts(), tf.int32), example) + piece
        index = tf.ragged.range(first, first + size)  # (W, None), into the tokens of all contexts
        question = tf.gather(question, example)
        rows = self._frame.rows(question, tf.gather(context.flat_values, index))
        before = tf.zeros_like(question)
        rows["window_mask"] = self._frame.around(before, tf.ones_like(index))
        rows["start_mask"] = self._frame.around(before, _is_at_home(index))
        column = _lengths(question) + self._frame.size - 1
        return Windows(rows, example, piece, column, starts, ends)

    def pad(
        self, rows: "dict[str, tf.RaggedTensor]", length: "int | tf.Tensor | None" = None
    ) -> "dict[str, tf.Tensor]":
        """Makes rectangles of the rows of windows.

        Args:
            rows: those of `Windows`, with or without `start_mask`.
            length: tokens per row, by default as many as the longest has.

        Returns:
            What `TextPreprocessor.pad` returns; `answer_mask`, 1 in column 0 and in the window; and
            `start_mask` where it is given. All (W, length) int32.
        """
        import tensorflow as tf

        features = self.preprocessor.pad(rows, length)
        shape = tf.shape(features["token_ids"], out_type=tf.int64)
        window = rows["window_mask"].to_tensor(shape=shape)
        null = tf.ones_like(window[:, :1])  # in [CLS]
        features["answer_mask"] = tf.concat([null, window[:, 1:]], axis=1)
        if "start_mask" in rows:
            features["start_mask"] = rows["start_mask"].to_tensor(shape=shape)
        return features


def _lengths(rows: "tf.RaggedTensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.cast(rows.row_lengths(), tf.int32)


def _is_at_home(index: "tf.RaggedTensor") -> "tf.RaggedTensor":
    """1 for a token in the window where it has the most context, 0 in others.

    Args:
        index: (W, None), numbers of tokens; equal numbers in several rows are the same token.
    """
    import tensorflow as tf

    sizes = _lengths(index)[:, None]
    left = tf.ragged.range(sizes[:, 0])
    nearest = tf.minimum(left, sizes - 1 - left)
    context = (tf.cast(nearest, tf.float64) + 0.01 * tf.cast(sizes, tf.float64)).flat_values
    window, token = tf.cast(index.value_rowids(), tf.int32), index.flat_values
    tokens = tf.reduce_max(tf.concat([token, [-1]], axis=0)) + 1
    most = tf.gather(tf.math.unsorted_segment_max(context, token, tokens), token)
    window = tf.where(context == most, window, tf.int32.max)
    home = tf.gather(tf.math.unsorted_segment_min(window, token, tokens), token)
    return index.with_flat_values(tf.cast(window == home, tf.int32))
