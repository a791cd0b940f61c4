"""Offsets: whose characters a token's are, in texts that normalisation changes in every way."""

import random
import unicodedata
from pathlib import Path

import pytest
import tensorflow as tf

from tfzoo.tokenizers import BertTokenizer
from tfzoo.tokenizers.offsets import tokenize_with_offsets

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Accents, sigmas, characters that vanish or become several, spaces, scripts, punctuation, emoji.
NASTY = (
    "aAbBzZIiİ\u0131éÉßẞΣ\u03c3ς\u017fǅﬁŉΐ\u0301\u0308\u0345\u200d\u200b\u00ad\u2060\ufeff\x00"
    "\x0b\x7f\x85 \t\n\r\u00a0\u1680\u2003\u2028\u202f\u3000中𠀀\uf900はガ한ก้हि𝔘Ａ１ª"
    ".,-'#$+=`~«“…؟\u037e\ufffd👩🏽\ufe0f\u302e\U0001d165"
)
LINES = sorted(Path(__file__).parents[2].glob("*.md"))


def letters_as_pieces(text):
    """A vocabulary whose pieces are single characters, so that they spell the normalised text."""
    decomposed = unicodedata.normalize("NFD", text + text.lower())
    characters = sorted({c for c in text + decomposed if not c.isspace()} - {"\0"})
    return [*SPECIAL, *characters, *(f"##{c}" for c in characters)]


def pieces_and_substrings(tokenizer, text):
    """The pieces of a text, and what stands where they come from."""
    ids, starts, ends = (each.to_list()[0] for each in tokenize_with_offsets(tokenizer, [text]))
    pieces = [tokenizer.id_to_token(i).removeprefix("##") for i in ids]
    return pieces, [text[a:b] for a, b in zip(starts, ends, strict=True)]


def spelled(text, lowercase):
    """What a substring becomes, if it has nothing but one token's characters."""
    if lowercase:
        text = unicodedata.normalize("NFD", "".join(c.lower() for c in text))
        text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    dropped = ("Cc", "Cf")
    return "".join(c for c in text if unicodedata.category(c) not in dropped).replace("ς", "\u03c3")


@pytest.mark.parametrize("lowercase", [True, False])
def test_nasty_texts(lowercase):
    chance = random.Random(0)
    texts = ["", " ", NASTY, *("".join(chance.choices(NASTY, k=12)) for _ in range(2000))]
    tokenizer = BertTokenizer(letters_as_pieces(NASTY), lowercase)
    offsets = tokenize_with_offsets(tokenizer, texts)
    assert offsets[0].to_list() == tokenizer(texts).to_list()
    checked = 0
    for text, ids, starts, ends in zip(texts, *(each.to_list() for each in offsets), strict=True):
        assert starts == sorted(starts)
        assert ends == sorted(ends)
        for token_id, start, end in zip(ids, starts, ends, strict=True):
            assert 0 <= start < end <= len(text)
            piece = tokenizer.id_to_token(token_id).removeprefix("##").replace("ς", "\u03c3")
            found = spelled(text[start:end], lowercase)
            if unicodedata.category(piece[0]) == "Mc":  # marks may change places
                continue
            assert piece in found if len(found) > 1 else piece == found
            checked += 1
    assert checked > 10_000


def test_every_kind_of_change():
    words = ["cafe", "##s", "naive", "strasse", "two", "中", "a", "b", "!", ".", "e", "##e", "fin"]
    tokenizer = BertTokenizer([*SPECIAL, *words])
    cases = {
        "Cafés!": ["Café", "s", "!"],
        "Cafe\u0301s\u0301!": [
            "Cafe\u0301",
            "s\u0301",
            "!",
        ],  # the accents of a token's last letter
        "  two\u3000 \t a": ["two", "a"],
        "t\u200bw\x00o\u00ad b": ["t\u200bw\x00o", "b"],
        "a中b": ["a", "中", "b"],
        "ab\U0001f469\u200d\U0001f680 a": ["ab\U0001f469\u200d\U0001f680", "a"],  # an unknown word
        "\u0301a": ["a"],
        "\ufffda.": ["a", "."],
        "é" * 3: ["é"] * 3,
        "x" * 300 + " a": ["x" * 300, "a"],
        "": [],
        "\u0301": [],
    }
    for text, substrings in cases.items():
        assert pieces_and_substrings(tokenizer, text)[1] == substrings
    first, last = pieces_and_substrings(tokenizer, "\u01c6 fin\u0327")
    assert (first, last) == (["[UNK]", "fin"], ["\u01c6", "fin\u0327"])


def test_letters_whose_shape_depends_on_their_neighbours():
    """A capital sigma becomes another small one at the end of a word."""
    sigma, final = "\u03c3", "ς"
    tokenizer = BertTokenizer([*SPECIAL, sigma, final, f"##{sigma}", f"##{final}"])
    pieces, substrings = pieces_and_substrings(tokenizer, "ΣΣ Σ")
    assert pieces == [sigma, final, sigma]
    assert substrings == ["Σ", "Σ", "Σ"]


def test_rows_do_not_touch_each_other():
    """A mark at the start of a text is no accent on the end of the one before."""
    tokenizer = BertTokenizer([*SPECIAL, "a", "b"])
    _, starts, ends = tokenize_with_offsets(tokenizer, ["a b", "", "\u0301b", "\u0301"])
    assert starts.to_list() == [[0, 2], [], [1], []]
    assert ends.to_list() == [[1, 3], [], [2], []]


def test_bytes_that_are_not_utf8_count_nothing():
    tokenizer = BertTokenizer([*SPECIAL, "a", "b"])
    _, starts, _ = tokenize_with_offsets(tokenizer, [b"\xffa\xc3 \xed\xa0\x80b"])
    assert starts.to_list() == [[0, 2]]


@pytest.mark.parametrize("lowercase", [True, False])
def test_real_lines(reference, lowercase):
    tokenizer = BertTokenizer(reference("01_bert_tf1_checkpoint") / "vocab.txt", lowercase)
    texts = [line for path in LINES for line in path.read_text("utf-8").splitlines()]
    assert len(texts) > 200
    ids, starts, ends = tokenize_with_offsets(tokenizer, texts)
    assert ids.to_list() == tokenizer(texts).to_list()
    for text, *columns in zip(texts, ids.to_list(), starts.to_list(), ends.to_list(), strict=True):
        for token_id, start, end in zip(*columns, strict=True):
            piece = tokenizer.id_to_token(token_id)
            found = spelled(text[start:end], lowercase)
            assert piece in ("[UNK]", found, f"##{found}")


def test_traced():
    tokenizer = BertTokenizer([*SPECIAL, "a", "##b"])
    spec = tf.TensorSpec([None], tf.string)
    traced = tf.function(
        lambda texts: tokenize_with_offsets(tokenizer, texts), input_signature=[spec]
    )
    for texts in (["ab  ab"], [], ["", "\u0301"]):
        eager = tokenize_with_offsets(tokenizer, texts)
        for ours, theirs in zip(traced(tf.constant(texts, tf.string)), eager, strict=True):
            assert ours.dtype == tf.int32
            assert ours.to_list() == theirs.to_list()
