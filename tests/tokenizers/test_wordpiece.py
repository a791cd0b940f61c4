"""BertTokenizer against the ids of the original code, and an independent rewriting of it."""

import json
import os
import random
import subprocess
import sys
import unicodedata

import keras
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.tokenizers import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, "play", "##ing", "chess", "!", "ß", "a", "##b", "…", "."]

# Accents, case oddities, invisible and control characters, spaces, scripts, punctuation, emoji.
NASTY = (
    "aAbBzZIiİ\u0131éÉßẞΣ\u03c3ς\u017fǅﬁŉΐ\u0301\u0308\u0345\u200d\u200b\u00ad\u2060\ufeff\x00"
    "\x0b\x7f\x85 \t\n\r\u00a0\u1680\u2003\u2028\u202f\u3000中𠀀\uf900はカ한ก้हि𝔘Ａ１ª"
    ".,-'#$+=`~«“…؟\u037e\ufffd👩🏽\ufe0f"
)


def characters_as_pieces(text):
    """A vocabulary in which the ids of a text spell out how it was normalised and split."""
    characters = set(text + unicodedata.normalize("NFD", text.lower())) - {"\0"}
    characters = sorted(c for c in characters if not c.isspace())
    return [*SPECIAL, *characters, *(f"##{character}" for character in characters)]


IDEOGRAPHS = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF)]
IDEOGRAPHS += [(0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F)]


def original_ids(text, ids, lowercase):
    """What google-research/bert's FullTokenizer does, written anew; `ids` is piece -> id."""

    def is_punctuation(c):
        symbol = c.isascii() and c.isprintable() and not c.isalnum() and c != " "
        return symbol or unicodedata.category(c)[0] == "P"

    def is_ideograph(c):
        return any(first <= ord(c) <= last for first, last in IDEOGRAPHS)

    def clean(c):
        if c in "\t\n\r" or unicodedata.category(c) == "Zs":
            return " "
        if c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cf"):
            return ""
        return f" {c} " if is_ideograph(c) else c

    def split_word(word):
        if len(word) > 200:
            return [ids["[UNK]"]]
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in ids:
                    break
            else:
                return [ids["[UNK]"]]
            pieces.append(ids[piece])
            start = end
        return pieces

    found = []
    for word in "".join(map(clean, text)).split():
        if lowercase:
            word = unicodedata.normalize("NFD", word.lower())
            word = "".join(c for c in word if unicodedata.category(c) != "Mn")
        word = "".join(f" {c} " if is_punctuation(c) else c for c in word)
        found += [i for part in word.split() for i in split_word(part)]
    return found


@pytest.mark.parametrize("lowercase", [True, False])
def test_ids_of_the_original_tokenizer(reference, lowercase):
    folder = reference("01_bert_tf1_checkpoint")
    cases = json.loads((folder / "tokenizer_cases.json").read_text())
    cases = [case for case in cases if case["do_lower_case"] == lowercase]
    assert len(cases) >= 7
    tokenizer = BertTokenizer(folder / "vocab.txt", lowercase)
    ids = tokenizer([case["text"] for case in cases]).to_list()
    assert ids == [case["ids"] for case in cases]
    assert [[tokenizer.id_to_token(i) for i in row] for row in ids] == [
        case["tokens"] for case in cases
    ]


@pytest.mark.parametrize("lowercase", [True, False])
def test_every_character_is_treated_as_in_the_original(lowercase):
    known = unicodedata.ucd_3_2_0  # later characters depend on the age of Python and TensorFlow
    characters = [c for c in map(chr, range(0x3100)) if known.category(c) != "Cn"]
    assert len(characters) > 6000
    edges = {edge for block in IDEOGRAPHS for edge in block}
    characters += [chr(edge + step) for edge in sorted(edges) for step in (-1, 0, 1)]
    vocabulary = characters_as_pieces("".join(characters))
    texts = [f"a{c}b" for c in characters]
    ids = BertTokenizer(vocabulary, lowercase)(texts).to_list()
    pieces = {piece: i for i, piece in enumerate(vocabulary)}
    assert ids == [original_ids(text, pieces, lowercase) for text in texts]


@pytest.mark.parametrize("lowercase", [True, False])
def test_nasty_texts_eagerly_and_traced(lowercase):
    chance = random.Random(0)
    texts = ["", " ", NASTY, *("".join(chance.choices(NASTY, k=12)) for _ in range(2000))]
    vocabulary = characters_as_pieces(NASTY)
    pieces = {piece: i for i, piece in enumerate(vocabulary)}
    expected = [original_ids(text, pieces, lowercase) for text in texts]
    tokenizer = BertTokenizer(vocabulary, lowercase)
    assert tokenizer(texts).to_list() == expected
    traced = tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)])
    assert traced(tf.constant(texts)).to_list() == expected
    assert tokenizer(texts).dtype == tf.int32


def test_bytes_that_are_not_utf8_are_dropped():
    tokenizer = BertTokenizer(VOCABULARY)
    assert tokenizer([b"pl\xffay\xc3", b"\xed\xa0\x80chess"]).to_list() == [[5], [7]]


@pytest.mark.parametrize("letter", ["x", "é", "ก"])
def test_a_word_may_have_200_characters_however_many_bytes(letter):
    tokenizer = BertTokenizer(characters_as_pieces("xéก"), lowercase=False)
    short, long = tokenizer([200 * letter, 201 * letter]).to_list()
    assert len(short) == 200
    assert tokenizer.unk_id not in short
    assert long == [tokenizer.unk_id]


def test_no_texts_and_only_empty_texts():
    tokenizer = BertTokenizer(VOCABULARY)
    assert tokenizer([]).shape == (0, None)
    assert tokenizer(["", "\0"]).to_list() == [[], []]


def test_ids_are_read_from_the_vocabulary(reference):
    tokenizer = BertTokenizer(str(reference("01_bert_tf1_checkpoint") / "vocab.txt"))
    special = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert (*special, tokenizer.mask_id) == (0, 6, 7, 8, 9)
    assert tokenizer.vocabulary_size == 213
    assert tokenizer.token_to_id("[CLS]") == 7
    assert tokenizer.id_to_token(7) == "[CLS]"


def test_tokens_and_ids_that_do_not_exist():
    tokenizer = BertTokenizer(VOCABULARY)
    with pytest.raises(ConfigError, match="'cheese' is not a piece"):
        tokenizer.token_to_id("cheese")
    for token_id in (-1, len(VOCABULARY)):
        with pytest.raises(ConfigError, match=r"outside 0\.\.13"):
            tokenizer.id_to_token(token_id)


@pytest.mark.parametrize("kind", [list, tf.constant, tf.ragged.constant])
def test_detokenize_joins_pieces_and_drops_padding(kind):
    tokenizer = BertTokenizer(VOCABULARY)
    texts = tokenizer.detokenize(kind([[2, 5, 6, 7, 3], [2, 10, 11, 3, 0]]))
    assert texts.numpy().tolist() == [b"[CLS] playing chess [SEP]", b"[CLS] ab [SEP]"]


@pytest.mark.parametrize("missing", SPECIAL)
def test_a_missing_special_token_is_an_error(missing):
    with pytest.raises(WeightsError, match=rf"no \{missing[:-1]}\]"):
        BertTokenizer([piece for piece in VOCABULARY if piece != missing])


def test_vocabularies_that_cannot_be_used(tmp_path):
    with pytest.raises(WeightsError, match="'chess' more than once"):
        BertTokenizer([*VOCABULARY, "chess"])
    with pytest.raises(HandleError, match="no vocabulary file"):
        BertTokenizer(tmp_path / "vocab.txt")
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\n")
    with pytest.raises(WeightsError, match="is not UTF-8"):
        BertTokenizer(tmp_path / "vocab.txt")
    with pytest.raises(WeightsError, match="unusable piece"):
        BertTokenizer([*VOCABULARY, "\0"])(["text"])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_saved_vocabulary_is_the_same_to_the_bit(tmp_path, newline):
    pieces = [*VOCABULARY, "\u2028", "\x85", "é", "e\u0301"]  # no ends of lines, these
    original = tmp_path / "original.txt"
    original.write_bytes("".join(piece + newline for piece in pieces).encode())
    tokenizer = BertTokenizer(original)
    assert tokenizer.vocabulary == pieces
    (tmp_path / "saved").mkdir()
    tokenizer.save(tmp_path / "saved")
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["vocab.txt"]
    expected = "".join(piece + "\n" for piece in pieces).encode()
    assert (tmp_path / "saved" / "vocab.txt").read_bytes() == expected


def test_the_config_holds_everything():
    tokenizer = BertTokenizer(VOCABULARY, lowercase=False)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
    assert config["registered_name"] == "tfzoo>BertTokenizer"
    rebuilt = keras.saving.deserialize_keras_object(config)
    assert rebuilt.get_config() == {"vocabulary": VOCABULARY, "lowercase": False}


def test_an_export_needs_only_tensorflow_and_its_text_in_any_locale(tmp_path):
    module = tf.Module()
    module.tokenize = tf.function(
        BertTokenizer([*SPECIAL, "title", "##ing"]),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path))
    script = (
        "import sys, tensorflow as tf, tensorflow_text\n"
        "tokenize = tf.saved_model.load(sys.argv[1]).tokenize\n"
        "print(tokenize(tf.constant(['TITLE', 'Tİtlé\\0ing x', ''])).to_list())\n"
        "assert 'tfzoo' not in sys.modules\n"
    )
    environment = {**os.environ, "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["[[5], [5, 6, 1], []]"], done.stderr
