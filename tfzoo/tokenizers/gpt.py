"""The tokenizer of the first GPT, inside the TensorFlow graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

from tfzoo.tokenizers.byte_pair import BytePairTokenizer
from tfzoo.tokenizers.byte_pair_model import (
    END_OF_WORD,
    end_of_word_alphabet,
    end_of_word_model,
)
from tfzoo.tokenizers.english_words import english_words, replaced, split_at_spaces
from tfzoo.tokenizers.sentencepiece_model import native_tokenizer
from tfzoo.tokenizers.strings import SPACES

if TYPE_CHECKING:
    import tensorflow as tf

_LINE_BREAK = "\x01"  # until the end, when white space has become spaces
# Changes of texts, in RE2's syntax: what the original has ftfy do, before Unicode's composition.
_FIXES = (
    (r"[\x{2018}-\x{201b}]", "'"),
    (r"[\x{201c}-\x{201f}]", '"'),
    (r"[\r\x{85}\x{2028}\x{2029}]", "\n"),
    (
        r"[\x{0}-\x{8}\x{b}\x{e}-\x{1f}\x{7f}\x{206a}-\x{206f}\x{feff}\x{fff9}-\x{fffc}"
        r"\x{1d173}-\x{1d17a}\x{e0000}-\x{e007f}]",
        "",
    ),
)
# `text_standardize` in the original's text_utils.py.
_STANDARD = (
    (r"[\x{2013}-\x{2015}]", "-"),
    (r"\x{2026}", "..."),
    (r"\x{b4}", "'"),
    (r'-+|~+|!+|"+|;+|\?+|\++|,+|\)+|\(+|/+|\*+|\[+|\]+|\}+|\{+|\|+|_+', r" \0 "),
    (rf"\A[{SPACES}]+|[{SPACES}]+\z", ""),
    (rf"[{SPACES}]*\n[{SPACES}]*", _LINE_BREAK),
    (rf"[{SPACES}]", " "),
    (_LINE_BREAK, " \n "),
)


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTTokenizer(BytePairTokenizer):
    """The first GPT's tokenizer: strings to ids of byte-pair encoding with ends of words.

    https://github.com/openai/finetune-transformer-lm, `text_utils.py`: ftfy repairs a text, spaCy
    cuts it into words, these are lower-cased, and byte-pair encoding splits them; a character that
    the vocabulary lacks is <unk>, and a line break is a word. Here all of that is done in the
    graph, by rules after those libraries. What they do and these rules do not: ftfy decodes HTML
    entities and mojibake and takes ligatures and full-width letters apart; spaCy keeps URLs and
    some emoticons whole where a rule would cut them. Hugging Face's `OpenAIGPTTokenizer` cuts words
    as BERT does ("do n't" is "don ' t"), which the published weights have not been trained on.

    The vocabulary does not hold the tokens that mark a task's texts, _start_, _delimiter_ and
    _classify_: their ids, `start_id`, `delimiter_id` and `classify_id`, come behind its own.
    Padding is <unk>, id 0, as in the original; `detokenize` leaves all of these out.

    Args:
        vocabulary: path of a `vocab.json` (OpenAI's `encoder_bpe_40000.json`), token -> id, or the
            list of tokens in the order of their ids. It must hold <unk>.
        merges: path of a `merges.txt` (OpenAI's `vocab_40000.bpe`), one pair of tokens per line, or
            the list of the pairs.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged, <unk> is missing, or the merges are none that training
            gives.

    Example:
        >>> merges = ["p l", "a y</w>", "pl ay</w>"]
        >>> letters = [letter + end for letter in "aelnoptwy'" for end in ("", "</w>")]
        >>> tokenizer = GPTTokenizer(
        ...     ["<unk>", *letters, "pl", "ay</w>", "play</w>", "\\n</w>"], merges
        ... )
        >>> ids = tokenizer(["We won't play"])
        >>> [tokenizer.id_to_token(i) for i in ids.to_list()[0]]
        ['w', 'e</w>', 'w', 'o</w>', 'n', "'", 't</w>', 'play</w>']
        >>> tokenizer.detokenize(ids).numpy().tolist()
        [b"we wo n't play"]
    """

    special_tokens: ClassVar[dict[str, str]] = {"unk_id": "<unk>", "pad_id": "<unk>"}

    def __init__(self, vocabulary: str | Path | Sequence[str], merges: str | Path | Sequence[str]):
        super().__init__(vocabulary, merges)
        size = self.vocabulary_size
        self.start_id, self.delimiter_id, self.classify_id = range(size, size + 3)
        self._model = end_of_word_model(self.vocabulary, self.merges)
        known = "".join(rf"\x{{{ord(c):x}}}" for c in end_of_word_alphabet(self.vocabulary))
        self._unknown = rf"[^\t{known}]"
        spellings = [_spelling(token).encode("utf-8", "replace") for token in self.vocabulary]
        self._spellings = [*spellings, b"", b"", b""]

    @property
    def frame_ids(self) -> tuple[list[int], list[int], list[int]]:
        """Those of section 3.3 of https://openai.com/index/language-unsupervised."""
        return [self.start_id], [self.delimiter_id], [self.classify_id]

    def detokenize(self, ids: Any) -> "tf.Tensor":
        """Joins the tokens of each row into a string, words separated by spaces.

        Args:
            ids: ints of shape (B, S): a tensor, array, ragged tensor or list of lists.

        Returns:
            A string tensor of shape (B,), without <unk> and the tokens that mark texts.
        """
        import tensorflow as tf

        return tf.strings.strip(super().detokenize(ids))

    def _words(self, texts: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf
        import tensorflow_text

        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = tensorflow_text.normalize_utf8(replaced(texts, _FIXES), "NFC")
        return split_at_spaces(replaced(texts, _STANDARD))

    def _pieces(self, words: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        words = english_words(words)
        # lower() would obey a Turkish locale in what becomes of I.
        lower = replaced(words.flat_values, [("I", "i")])
        known = replaced(tf.strings.lower(lower, encoding="utf-8"), [(self._unknown, "\t")])
        ids = native_tokenizer(self._model, "int32").tokenize(tf.strings.join([known, " "]))
        is_token = ids.flat_values < self.vocabulary_size
        ids = ids.with_flat_values(tf.where(is_token, ids.flat_values, self.unk_id))
        return words.with_flat_values(ids).merge_dims(1, 2)


def _spelling(token: str) -> str:
    """What a token adds to a text."""
    stem = token.removesuffix(END_OF_WORD)
    return token if stem == token else f"{stem} "
