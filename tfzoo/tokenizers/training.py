"""Vocabularies learnt from texts, by well-kept libraries."""

import importlib
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from types import ModuleType

from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers.byte_level import ByteLevelTokenizer
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.tokenizers.gpt2 import GPT2Tokenizer
from tfzoo.tokenizers.roberta import RobertaTokenizer
from tfzoo.tokenizers.sentencepiece import AlbertTokenizer
from tfzoo.tokenizers.strings import text_tensors
from tfzoo.tokenizers.wordpiece import BertTokenizer

_TEXTS = 8192  # normalised at once
_CHARACTERS = 1000  # that have pieces of their own, the most frequent ones
_REPEATED = 1000  # times that a word stands in one string
_MAX_SENTENCE = 2**16  # bytes; SentencePiece leaves longer ones out
_SPECIAL = {  # the first ids, which but for that of <mask> are RoBERTa's published ones
    RobertaTokenizer: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    GPT2Tokenizer: ["<|endoftext|>"],
}
_PUNCTUATION = [*'()"-.–£€']  # noqa: RUF001, pieces of their own in the published ALBERT


def train_wordpiece(
    texts: Iterable[str], vocabulary_size: int, lowercase: bool = True
) -> BertTokenizer:
    """Learns WordPiece for BERT and its kin, with Hugging Face's `tokenizers`.

    BERT's own trainer was never published. This one merges the most frequent pair of pieces, as
    byte-pair encoding does (https://arxiv.org/abs/1508.07909).

    Args:
        texts: strings, which are gone through once; their different words are kept in memory.
        vocabulary_size: pieces, special ones included; little text gives fewer.
        lowercase: whether to lower-case and strip accents.

    Raises:
        DataError: there are no words.
        ConfigError: the size has no room for the characters, or the library is missing.

    Example:
        >>> tokenizer = train_wordpiece(3 * ["we play", "we played"], 40)
        >>> [tokenizer.id_to_token(i) for i in tokenizer(["We played"]).to_list()[0]]
        ['we', 'played']
    """
    rust = _rust()
    special = list(BertTokenizer.special_tokens.values())
    words = _frequent_words(texts, BertTokenizer(special, lowercase))
    # In an order of their own; the library's is that of a hash table.
    alphabet = sorted(set().union(*words))
    inner = sorted({character for word in words for character in word[1:]})
    first = [*special, *alphabet, *(f"##{character}" for character in inner)]
    _check_size(vocabulary_size, len(first))
    learner = rust.Tokenizer(rust.models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = rust.pre_tokenizers.WhitespaceSplit()
    trainer = rust.trainers.WordPieceTrainer(
        vocab_size=vocabulary_size, special_tokens=first, show_progress=False
    )
    learner.train_from_iterator(_repeated(words), trainer)
    ids = learner.get_vocab()
    return BertTokenizer(sorted(ids, key=ids.get), lowercase)


def train_byte_pair(
    texts: Iterable[str],
    vocabulary_size: int,
    tokenizer_class: type[ByteLevelTokenizer] = RobertaTokenizer,
) -> ByteLevelTokenizer:
    """Learns byte-level byte-pair encoding, with Hugging Face's `tokenizers`.

    Args:
        texts: strings, which are gone through once.
        vocabulary_size: tokens, special ones and the 256 bytes included; little text gives fewer.
        tokenizer_class: whose special tokens there are: `RobertaTokenizer` or `GPT2Tokenizer`.

    Raises:
        DataError: there is no text.
        ConfigError: the size has no room for the bytes, or the library is missing.

    Example:
        >>> tokenizer = train_byte_pair(3 * ["we play", "we played"], 280)
        >>> [tokenizer.id_to_token(i) for i in tokenizer(["we play"]).to_list()[0]]
        ['we', 'Ġplay']
    """
    rust = _rust()
    special = _SPECIAL[tokenizer_class]
    _check_size(vocabulary_size, len(special) + len(ALPHABET))
    learner = rust.Tokenizer(rust.models.BPE())
    learner.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = rust.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=special,
        initial_alphabet=list(ALPHABET),
        show_progress=False,
    )
    learner.train_from_iterator(_some(texts), trainer)
    learnt = json.loads(learner.to_str())["model"]
    vocabulary = sorted(learnt["vocab"], key=learnt["vocab"].get)
    return tokenizer_class(vocabulary, [" ".join(pair) for pair in learnt["merges"]])


def train_sentencepiece(
    texts: Iterable[str], vocabulary_size: int, lowercase: bool = True
) -> AlbertTokenizer:
    """Learns SentencePiece's unigram model for ALBERT, with its authors' settings.

    https://github.com/google-research/albert#sentencepiece, and Kudo 2018,
    https://arxiv.org/abs/1804.10959.

    Args:
        texts: strings, which are gone through once and kept in memory.
        vocabulary_size: pieces, special ones included; little text gives fewer.
        lowercase: whether to lower-case.

    Raises:
        DataError: there is no text.
        ConfigError: the size has no room for the characters.

    Example:
        >>> tokenizer = train_sentencepiece(5 * ["we play", "we played chess"], 30)
        >>> [tokenizer.id_to_token(i) for i in tokenizer(["We play"]).to_list()[0]][-1]
        '▁play'
    """
    import sentencepiece

    cleaned = filter(None, (_albert_text(text, lowercase) for text in texts))
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_some(cleaned),
            model_writer=written,
            vocab_size=vocabulary_size,
            hard_vocab_limit=False,
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols="[CLS],[SEP],[MASK]",
            user_defined_symbols=_PUNCTUATION,
            character_coverage=0.99995,
            max_sentence_length=_MAX_SENTENCE,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).rpartition("] ")[2] or str(error)
        raise ConfigError(
            f"SentencePiece learns no vocabulary of {vocabulary_size} pieces ({reason:.200}); "
            "choose another size, or give more text."
        ) from None
    return AlbertTokenizer(written.getvalue(), lowercase)


def _frequent_words(texts: Iterable[str], tokenizer: BertTokenizer) -> Counter[str]:
    """How often each word occurs, but for words with a rare character, which would be unknown."""
    import tensorflow as tf

    counts: Counter[bytes] = Counter()
    remaining = iter(texts)
    while some := list(islice(remaining, _TEXTS)):
        words = tf.strings.split(tokenizer.normalize(text_tensors(some)))
        counts.update(words.flat_values.numpy().tolist())
    words = Counter({word.decode(): count for word, count in counts.items()})
    if not words:
        raise DataError("There are no words to learn a vocabulary from.")
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    order = sorted(characters, key=lambda character: (-characters[character], character))
    known = set(order[:_CHARACTERS])
    return Counter({word: count for word, count in words.items() if known.issuperset(word)})


def _repeated(words: Counter[str]) -> Iterator[str]:
    """Strings in which each word stands as often as it has been counted."""
    for word, count in words.items():
        for start in range(0, count, _REPEATED):
            yield " ".join([word] * min(_REPEATED, count - start))


def _albert_text(text: str, lowercase: bool) -> str:
    """What `AlbertTokenizer.normalize` makes of a text, before there is a tokenizer."""
    text = unicodedata.normalize("NFKD", " ".join(text.replace("\0", "").split()))
    text = "".join(character for character in text if not unicodedata.combining(character))
    return text.lower() if lowercase else text


def _some(texts: Iterable[str]) -> Iterator[str]:
    """The texts, of which there must be one."""
    empty = True
    for text in texts:
        empty = empty and not text.strip()
        yield text
    if empty:
        raise DataError("There is no text to learn a vocabulary from.")


def _check_size(size: int, least: int) -> None:
    if size < least:
        raise ConfigError(
            f"A vocabulary of {size} pieces has no room for the special ones and those of single "
            f"characters, which are {least}; choose a larger one."
        )


def _rust() -> ModuleType:
    """Hugging Face's library."""
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        raise ConfigError(
            "Learning this vocabulary needs the package tokenizers; run `pip install "
            "tfzoo[vocabulary]`."
        ) from None
