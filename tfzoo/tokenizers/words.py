"""Words and the pieces they are made of: features for values that stand on words."""

from typing import TYPE_CHECKING

from tfzoo.tokenizers.frame import Frame
from tfzoo.tokenizers.preprocessor import TextPreprocessor
from tfzoo.tokenizers.strings import SPACES

if TYPE_CHECKING:
    import tensorflow as tf

_SHARED = 3  # a window shares one token in so many with the one before it


def split_words(texts: "tf.Tensor") -> "tf.RaggedTensor":
    """Splits texts into words, in the graph, wherever `str.split` does.

    Args:
        texts: a tensor of B strings; bytes that are not UTF-8 are dropped.

    Returns:
        A ragged string tensor (B, None).

    Example:
        >>> import tensorflow as tf
        >>> split_words(tf.constant([" Ada\\u3000Lovelace, 1843 ", ""])).to_list()
        [[b'Ada', b'Lovelace,', b'1843'], []]
    """
    import tensorflow as tf

    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
    return tf.strings.split(tf.strings.regex_replace(texts, f"[{SPACES}]", " "))


class WordPreprocessor:
    """Turns words, and values that belong to them, into features and values of tokens.

    Each word is tokenized on its own. Its values stand on its first piece; they are zero on its
    other pieces, on special tokens and on padding. A word that no piece is left of, of control
    characters alone, say, is [UNK], so that every word has a place.

    Args:
        preprocessor: says the tokenizer, and where a row ends.
        windows: what becomes of a text that is too long for a row. True makes it several rows, each
            of which shares a third of its tokens with the next one; a word has its values in the
            one where it stands further from the edge, and nowhere else. False cuts it off.

    Example:
        >>> import tensorflow as tf
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing", "we"]
        >>> preprocessor = TextPreprocessor(BertTokenizer(pieces), sequence_length=8)
        >>> words = tf.ragged.constant([["we", "playing", "we"]])
        >>> numbers = tf.ragged.constant([[1, 2, 3]])
        >>> words = WordPreprocessor(preprocessor)({"words": words, "numbers": numbers})
        >>> words["token_ids"].numpy().tolist(), words["numbers"].numpy().tolist()
        ([[2, 7, 5, 6, 7, 3]], [[0, 1, 2, 0, 3, 0]])
    """

    def __init__(self, preprocessor: TextPreprocessor, windows: bool = True):
        self.sequence_length = preprocessor.sequence_length
        self._preprocessor = preprocessor
        self._frame = Frame(preprocessor.tokenizer, texts=1)
        self._windows = windows

    def __call__(self, columns: dict[str, "tf.RaggedTensor"]) -> dict[str, "tf.Tensor"]:
        """Turns words into features: `pad(encode(columns))`."""
        return self.pad(self.encode(columns))

    def encode(self, columns: dict[str, "tf.RaggedTensor"]) -> dict[str, "tf.RaggedTensor"]:
        """Tokenizes the words of B texts, cuts rows and adds the special tokens.

        Args:
            columns: `words`, a ragged string tensor (B, None); and any number of others of its
                shape, that hold a value per word.

        Returns:
            `token_ids`, `segment_ids` and the other columns, ragged tensors (R, None); R is B or,
            with windows, more.
        """
        import tensorflow as tf

        tokenizer = self._preprocessor.tokenizer
        values = dict(columns)
        words = values.pop("words")
        pieces = tokenizer(tf.strings.join([tokenizer.before_word, words.flat_values]))
        pieces = _never_empty(pieces, tokenizer.unk_id)  # (words, None)
        tokens = pieces.flat_values
        rows, owned = self._rows(tf.gather(pieces.row_splits, words.row_splits))
        encoded = self._frame.rows(tf.gather(tokens, rows))
        first, count = pieces.row_starts()[:, None], tf.shape(tokens, tf.int64)
        for name, column in values.items():
            on_first = tf.scatter_nd(first, column.flat_values, count)  # of tokens, zero elsewhere
            value = tf.gather(on_first, rows.flat_values) * tf.cast(owned, column.dtype)
            encoded[name] = self._frame.around(rows.with_flat_values(value))
        return encoded

    def pad(
        self, encoded: dict[str, "tf.RaggedTensor"], length: "int | tf.Tensor | None" = None
    ) -> dict[str, "tf.Tensor"]:
        """`TextPreprocessor.pad`, which pads the other columns with zeros."""
        import tensorflow as tf

        features = self._preprocessor.pad(encoded, length)
        shape = tf.shape(features["token_ids"])
        others = encoded.keys() - features.keys()
        return {**features, **{name: encoded[name].to_tensor(shape=shape) for name in others}}

    def _rows(self, splits: "tf.Tensor") -> "tuple[tf.RaggedTensor, tf.Tensor]":
        """Which tokens each row holds, and which of them it has the values of.

        Args:
            splits: (B + 1,) where the tokens of each text begin among those of all, and end.

        Returns:
            Places of tokens among those of all, (R, None); and whether the row has its values, for
            each.
        """
        import tensorflow as tf

        room = self.sequence_length - self._frame.size
        step = room - room // _SHARED
        lengths = splits[1:] - splits[:-1]  # (B,)
        surplus = tf.maximum(lengths - room, 0)
        more = (surplus + step - 1) // step if self._windows else tf.zeros_like(surplus)
        windows = tf.ragged.range(1 + more)  # (B, None): their numbers
        text, number = windows.value_rowids(), windows.flat_values  # (R,)
        # The last window ends where its text does.
        start = tf.minimum(number * step, tf.gather(surplus, text))
        end = tf.minimum(start + room, tf.gather(lengths, text))
        middle = (start + (number - 1) * step + room) // 2  # of what it shares with the one before
        owned_from = tf.where(number == 0, tf.zeros_like(middle), middle)
        is_last = number == tf.gather(more, text)
        owned_to = tf.where(is_last, end, tf.roll(owned_from, -1, axis=0))

        columns = tf.ragged.range(start, end)  # of tokens in their text
        row, at = columns.value_rowids(), columns.flat_values
        place = at + tf.gather(splits, tf.gather(text, row))
        owned = (at >= tf.gather(owned_from, row)) & (at < tf.gather(owned_to, row))
        return columns.with_flat_values(place), owned


def _never_empty(pieces: "tf.RaggedTensor", unknown: int) -> "tf.RaggedTensor":
    """The pieces of words, where those without any have the unknown one."""
    import tensorflow as tf

    lengths, starts = pieces.row_lengths(), pieces.row_starts()
    places = tf.ragged.range(starts, starts + tf.maximum(lengths, 1))
    is_missing = tf.gather(lengths, places.value_rowids()) == 0
    place = tf.where(is_missing, pieces.row_splits[-1], places.flat_values)
    return places.with_flat_values(tf.gather(tf.concat([pieces.flat_values, [unknown]], 0), place))
