"""SentencePiece in the graph, against what google-research/albert does in Python."""

import base64
import io
import json
import random
import unicodedata
from pathlib import Path

import keras
import pytest
import sentencepiece
import tensorflow as tf
import tensorflow_text

from tfzoo import AlbertTokenizer, TextPreprocessor
from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.tokenizers.offsets import tokenize_with_offsets

CASE = "05_albert_v2_tf1_checkpoint"
LINES = sorted(Path(__file__).parents[2].glob("*.md"))
# Accents, sigmas, characters that vanish or become several, spaces, digits, scripts, emoji.
NASTY = (
    "aAbBzZIiİ\u0131éÉßẞΣ\u03c3ς\u017fǅﬁŉΐ\u0301\u0308\u0345\u200d\u200b\u00ad\u2060\ufeff\x00"
    "\x0b\x7f\x85 \t\n\r\u00a0\u1680\u2003\u2028\u202f\u3000中𠀀\uf900はガ한ก้हि𝔘Ａ１ª"
    ".,-'#$+=`~«“…؟\u037e\ufffd👩🏽\ufe0f\u302e\U0001d165012,,,③❸٣፩\u00b4ﷺ″▁"
)
NUMBERS = ["1,", "23,", "1,2,3", "x1,", "0,0,", "-1,", "1984,", "''", "[CLS]", "<pad>", "hello,"]


def train(**options):
    """A model whose pieces are, among others, numbers with commas."""
    words = ["in 1984, we saw 10, 20, 30, or x1,y2, films", "(good-bad) films, 1,000,000, words"]
    written = io.BytesIO()
    defaults = {
        "vocab_size": 80,
        "pad_id": 0,
        "unk_id": 1,
        "bos_id": -1,
        "eos_id": -1,
        "control_symbols": "[CLS],[SEP],[MASK]",
        "user_defined_symbols": "(,),-",
        "hard_vocab_limit": False,
        "minloglevel": 2,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(20 * words), model_writer=written, **{**defaults, **options}
    )
    return written.getvalue()


@pytest.fixture(scope="module")
def model():
    return train()


def preprocess_text(text, lowercase):
    """The function of this name in google-research/albert."""
    text = " ".join(text.strip().split())
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    return text.lower() if lowercase else text


def encode_ids(processor, native, text):
    """The function of this name there; pieces are those of tensorflow-text."""

    def encode(text):
        return [piece.decode() for piece in native.tokenize([text]).flat_values.numpy()]

    pieces = []
    for piece in encode(text):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            parts = encode(piece[:-1].replace("▁", ""))
            if piece[0] != "▁" and parts[0][0] == "▁":
                parts = parts[1:] if len(parts[0]) == 1 else [parts[0][1:], *parts[1:]]
            pieces += [*parts, ","]
        else:
            pieces.append(piece)
    return [processor.piece_to_id(piece) for piece in pieces]


def nasty_texts():
    chance = random.Random(0)
    texts = ["", " ", NASTY, *("".join(chance.choices(NASTY, k=15)) for _ in range(1000))]
    texts += [" ".join(chance.choices(NUMBERS, k=6)) for _ in range(300)]
    texts += ["".join(chance.choices(NUMBERS, k=6)) for _ in range(300)]
    return texts + [line for path in LINES for line in path.read_text("utf-8").splitlines()]


def test_reference_cases(reference):
    folder = reference(CASE)
    cases = json.loads((folder / "tokenizer_cases.json").read_text())
    assert len(cases) == 14
    for lowercase in (True, False):
        tokenizer = AlbertTokenizer(folder / "30k-clean.model", lowercase)
        chosen = [case for case in cases if case["do_lower_case"] is lowercase]
        texts = [case["text"] for case in chosen]
        normalized = [text.decode() for text in tokenizer.normalize(texts).numpy()]
        assert normalized == [case["preprocessed"] for case in chosen]
        assert tokenizer(texts).to_list() == [case["ids"] for case in chosen]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("source", ["made here", CASE])
def test_nasty_texts_and_real_lines(model, reference, source, lowercase):
    if source == CASE:
        model = (reference(CASE) / "30k-clean.model").read_bytes()
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    native = tensorflow_text.SentencepieceTokenizer(model, out_type=tf.string)
    tokenizer = AlbertTokenizer(model, lowercase)
    texts = nasty_texts()
    for text, ids in zip(texts, tokenizer(texts).to_list(), strict=True):
        text = preprocess_text(text.replace("\0", ""), lowercase)
        assert ids == encode_ids(processor, native, text), text


def test_numbers_are_split_from_their_commas(model):
    tokenizer = AlbertTokenizer(model)
    assert {"▁1984,", "0,"} & set(tokenizer.vocabulary), "else nothing is tested"
    ids = tokenizer(["In 1984, (10, 20,) x1,y2, 1,000,"]).to_list()[0]
    pieces = [tokenizer.id_to_token(i) for i in ids]
    assert not any(piece[:-1] and piece[-1] == "," and piece[-2].isdigit() for piece in pieces)
    assert "".join(pieces) == "▁in▁1984,▁(10,▁20,)▁x1,y2,▁1,000,"


def test_bytes_that_are_not_utf8_are_dropped(model):
    tokenizer = AlbertTokenizer(model)
    broken = [b"we\xff saw\xc3 \xed\xa0\x80films", b"\xff"]
    assert tokenizer(broken).to_list() == tokenizer(["we saw films", ""]).to_list()


def test_offsets_of_plain_text(model):
    tokenizer = AlbertTokenizer(model)
    text = "  We saw\t1984, films (Good-bad), café x1,y2,"
    ids, starts, ends = (each.to_list()[0] for each in tokenize_with_offsets(tokenizer, [text]))
    assert ids == tokenizer([text]).to_list()[0]
    found = [text[a:b] for a, b in zip(starts, ends, strict=True)]
    pieces = [tokenizer.id_to_token(i).removeprefix("▁") for i in ids]
    for piece, substring in zip(pieces, found, strict=True):
        if piece and piece != "<unk>":
            assert preprocess_text(substring, lowercase=True) == piece
    assert starts == sorted(starts)
    assert ("1984", ",") in [("".join(found[i:j]), found[j]) for j in range(14) for i in range(j)]


@pytest.mark.parametrize("lowercase", [True, False])
def test_offsets_of_nasty_texts(model, lowercase):
    tokenizer = AlbertTokenizer(model, lowercase)
    texts = nasty_texts()
    offsets = tokenize_with_offsets(tokenizer, texts)
    assert offsets[0].to_list() == tokenizer(texts).to_list()
    checked = 0
    for text, *rows in zip(texts, *(each.to_list() for each in offsets), strict=True):
        for token_id, start, end in zip(*rows, strict=True):
            assert 0 <= start < end <= len(text)
            piece = tokenizer.id_to_token(token_id).removeprefix("▁")
            if text.isascii() and "\x7f" not in text and token_id != tokenizer.unk_id and piece:
                assert preprocess_text(text[start:end], lowercase) == piece
                checked += 1
    assert checked > 5000


def test_a_space_alone_stands_where_its_word_begins(model):
    tokenizer = AlbertTokenizer(model)
    ids, starts, ends = tokenize_with_offsets(tokenizer, ["we  québec"])
    lone = ids.to_list()[0].index(tokenizer.token_to_id("▁"))
    assert (starts.to_list()[0][lone], ends.to_list()[0][lone]) == (4, 5)


def test_traced(model):
    tokenizer = AlbertTokenizer(model)
    spec = tf.TensorSpec([None], tf.string)
    traced = tf.function(lambda texts: tokenize_with_offsets(tokenizer, texts), [spec])
    for texts in (["We saw 1984, films"], [], ["", "é 10,"]):
        texts = tf.constant(texts, tf.string)
        eager = tokenize_with_offsets(tokenizer, texts)
        for ours, theirs in zip(traced(texts), eager, strict=True):
            assert ours.dtype == tf.int32
            assert ours.to_list() == theirs.to_list()


def test_made_inside_a_graph(model):
    """Its resource outlives the graph in which it is first needed."""
    batches = tf.data.Dataset.from_tensor_slices(["we saw", "films"]).batch(2)
    batches = batches.map(lambda texts: AlbertTokenizer(model)(texts))
    assert [row for batch in batches for row in batch.to_list()] == AlbertTokenizer(model)(
        ["we saw", "films"]
    ).to_list()


def test_tensorflow_may_forget_its_operations(model):
    """Seeds clear the cache of operations that are not in a graph, with what they hold."""
    tokenizer = AlbertTokenizer(model)
    batches = tf.data.Dataset.from_tensor_slices(["we saw"]).batch(1).map(tokenizer)
    expected = tokenizer(["we saw"]).to_list()
    for forget in (lambda: tf.random.set_seed(1), keras.utils.clear_session):
        forget()
        assert tokenizer(["we saw"]).to_list() == expected
        assert next(iter(batches)).to_list() == expected


def test_features(model):
    tokenizer = AlbertTokenizer(model)
    features = TextPreprocessor(tokenizer, 12)((["we saw"], ["films"]))
    first, second = tokenizer(["we saw", "films"]).to_list()
    cls, sep = tokenizer.cls_id, tokenizer.sep_id
    assert features["token_ids"].numpy().tolist() == [[cls, *first, sep, *second, sep]]
    assert (tokenizer.pad_id, tokenizer.unk_id, cls, sep, tokenizer.mask_id) == (0, 1, 2, 3, 4)


def test_detokenize(model):
    tokenizer = AlbertTokenizer(model)
    ids = tokenizer(["We saw (good) films, 10,", ""])
    texts = tokenizer.detokenize(ids.to_tensor(tokenizer.pad_id)).numpy().tolist()
    assert texts == [b"we saw (good) films, 10,", b""]
    assert tokenizer.detokenize(ids).numpy().tolist() == texts


def test_files_and_configurations(model, tmp_path):
    tokenizer = AlbertTokenizer(model, lowercase=False)
    tokenizer.save(tmp_path)
    assert (tmp_path / "30k-clean.model").read_bytes() == model
    again = AlbertTokenizer(str(tmp_path / "30k-clean.model"), lowercase=False)
    config = keras.saving.serialize_keras_object(tokenizer)
    json.dumps(config)
    for other in (again, keras.saving.deserialize_keras_object(config)):
        assert other.get_config() == tokenizer.get_config()
        assert other(["We saw"]).to_list() == tokenizer(["We saw"]).to_list()
    damaged = {"vocabulary": base64.b64encode(model).decode()[:-5], "lowercase": True}
    with pytest.raises(WeightsError, match="configuration is damaged"):
        AlbertTokenizer.from_config(damaged)


def test_what_is_no_model_for_albert(tmp_path):
    with pytest.raises(HandleError, match="no SentencePiece model at"):
        AlbertTokenizer(tmp_path / "30k-clean.model")
    with pytest.raises(WeightsError, match=r"has no \[CLS\], which AlbertTokenizer needs"):
        AlbertTokenizer(train(control_symbols="[SEP],[MASK]"))
    tokenizer = AlbertTokenizer(train())
    with pytest.raises(ConfigError, match="'nothing' is not a piece"):
        tokenizer.token_to_id("nothing")
