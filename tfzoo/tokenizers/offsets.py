"""Where in a text each of its tokens stands, in the graph."""

from typing import TYPE_CHECKING, Any

from tfzoo.tokenizers.strings import text_tensors

if TYPE_CHECKING:
    import tensorflow as tf


def tokenize_with_offsets(
    tokenizer: Any, texts: Any
) -> "tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]":
    """Tokenizes B texts, and says which characters of each text became which token.

    The ids are the tokenizer's own. Normalising a text drops, replaces and decomposes characters,
    each for itself: only the shape of a letter (a final sigma) and the order of marks depend on
    their neighbours. So the n-th byte that the tokens spell, white space not counted, comes from a
    character of the text that is found by counting what each of them becomes.

    Args:
        tokenizer: has `normalize`, and `extents`, the bytes of each token in what that gives.
        texts: list, array or tensor of B strings.

    Returns:
        Ids, starts and ends, ragged int32 tensors of one shape (B, None). A token is what became of
        the characters from its start up to, and without, its end, the accents on the last one
        included. Bytes that are not UTF-8 count nothing.

    Example:
        >>> from tfzoo.tokenizers import BertTokenizer
        >>> tokenizer = BertTokenizer(
        ...     ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cafe", "##s", "!"]
        ... )
        >>> text = "Two  Caf\u00e9s!"
        >>> ids, starts, ends = tokenize_with_offsets(tokenizer, [text])
        >>> ids.to_list()
        [[1, 5, 6, 7]]
        >>> [text[a:b] for a, b in zip(starts.to_list()[0], ends.to_list()[0])]
        ['Two', 'Café', 's', '!']
    """
    import tensorflow as tf

    texts = text_tensors(texts)
    ids, first, behind = tokenizer.extents(texts)
    starts, ends = _origins(tokenizer, texts)
    return (
        ids,
        ids.with_flat_values(tf.gather(starts, first)),
        ids.with_flat_values(tf.gather(ends, behind - 1)),
    )


def _origins(tokenizer: Any, texts: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
    """For each byte of all normalised texts but white space, where in its text it comes from.

    Returns:
        Starts and ends, int32 tensors of one dimension.
    """
    import tensorflow as tf

    codes = tf.strings.unicode_decode(texts, "UTF-8", errors="ignore")
    different, which = tf.unique(codes.flat_values)
    characters = tf.strings.unicode_encode(different[:, None], "UTF-8")
    written = tf.strings.regex_replace(tokenizer.normalize(characters), r"\s", "")
    counts = tf.strings.length(written)
    is_mark = (counts == 0) & tf.strings.regex_full_match(characters, r"\p{Mn}")

    positions = tf.ragged.range(tf.cast(codes.row_lengths(), tf.int32)).flat_values
    is_base = (positions == 0) | ~tf.gather(is_mark, which)
    base = tf.cumsum(tf.cast(is_base, tf.int32)) - 1  # the same for a letter and its accents
    ends = tf.gather(tf.math.segment_max(positions, base), base) + 1
    repeats = tf.gather(counts, which)
    return tf.repeat(positions, repeats), tf.repeat(ends, repeats)
