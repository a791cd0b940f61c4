"""RoBERTa's byte-level BPE in the graph, against Hugging Face's `tokenizers`."""

import json
import re
import time
from pydoc_data.topics import topics

import keras
import numpy as np
import pytest
import tensorflow as tf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tfzoo import RobertaTokenizer
from tfzoo.errors import HandleError, WeightsError
from tfzoo.tokenizers import byte_pair_model
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.tokenizers.offsets import tokenize_with_offsets

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LINES = [line for text in topics.values() for line in text.split("\n") if line.strip()]
CHARACTERS = (
    "abs'tT1\u00b2\u00e9\u0301\u4e2d\U0001f600\u00ff\u0120 \t\n\r\u00a0\u3000\u2028\x85.,-!'\x00"
)


def train(lines, size):
    """Tokens and merges learnt from lines."""
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=list(ALPHABET), show_progress=False
    )
    learnt.train_from_iterator(lines, trainer)
    merges = [" ".join(pair) for pair in json.loads(learnt.to_str())["model"]["merges"]]
    return [*SPECIAL, *ALPHABET, *(merge.replace(" ", "") for merge in merges)], merges


def theirs(tokens, merges, add_prefix_space=False):
    """What Hugging Face makes of the same files, without its search for special tokens."""
    ids = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(ids, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def ids_of(tokenizer, texts):
    return [row.ids for row in tokenizer.encode_batch(texts)]


@pytest.fixture(scope="module")
def learnt():
    return train(LINES[:4000], 1500)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "prefix"])
def pair(learnt, request):
    return RobertaTokenizer(*learnt, request.param), theirs(*learnt, request.param)


def random_texts(count):
    draw = np.random.default_rng(0)
    return ["".join(draw.choice([*CHARACTERS], draw.integers(1, 24))) for _ in range(count)]


def test_ids_of_nasty_texts(pair, nasty_texts):
    ours, expected = pair
    assert len(nasty_texts) == 22
    for text, row, wanted in zip(
        nasty_texts, ours(nasty_texts).to_list(), ids_of(expected, nasty_texts), strict=True
    ):
        assert row == wanted, text[:50]


def test_ids_of_random_texts(pair):
    ours, expected = pair
    texts = random_texts(2000)
    assert ours(texts).to_list() == ids_of(expected, texts)


def test_ids_of_real_lines(pair):
    ours, expected = pair
    lines = LINES[3600:4400]  # half of them have been learnt from
    rows = ids_of(expected, lines)
    assert len({i for row in rows for i in row}) > 900
    assert ours(lines).to_list() == rows


def test_ids_of_all_sorts_of_characters(pair):
    ours, expected = pair
    codes = [*range(0x3100), *range(0x3100, 0xD800, 7), *range(0xE000, 0x110000, 41)]
    texts = [f"a{c}1 {c}{c}  {c}'s{c}" for c in map(chr, codes)]
    assert ours(texts).to_list() == ids_of(expected, texts)


@pytest.mark.parametrize("seed", range(8))
def test_ids_of_other_merges(seed):
    draw = np.random.default_rng(seed)
    words = ["".join(draw.choice([*"abc"], draw.integers(1, 12))) for _ in range(300)]
    tokens, merges = train(words, 256 + 60)
    assert len(merges) > 50
    texts = ["".join(draw.choice([*"abc"], draw.integers(1, 40))) for _ in range(300)]
    assert RobertaTokenizer(tokens, merges)(texts).to_list() == ids_of(
        theirs(tokens, merges), texts
    )


def test_bytes_that_are_not_utf8_are_dropped(pair):
    ours, expected = pair
    texts = [
        b"\xe4\xb8a",
        b"\xf0\x9f\x98",
        b"a\xc3",
        b"\xff\xfea\xed\xa0\x80b",
        b"\xc0\x80x \xff y",
    ]
    decoded = [text.decode("utf-8", "ignore") for text in texts]
    assert ours(texts).to_list() == ids_of(expected, decoded)
    assert decoded[-1] == "x  y"


def test_traced_equals_eager_also_after_tensorflow_forgot_its_operations(learnt, nasty_texts):
    tokenizer = RobertaTokenizer(*learnt)
    expected = tokenizer(nasty_texts).to_list()
    tf.random.set_seed(0)
    assert tokenizer(nasty_texts).to_list() == expected
    traced = tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)])
    assert traced(tf.constant(nasty_texts)).to_list() == expected
    dataset = tf.data.Dataset.from_tensor_slices(nasty_texts).batch(5).map(tokenizer)
    assert [row for batch in dataset for row in batch.to_list()] == expected
    assert tokenizer([]).to_list() == []


def test_offsets(pair, nasty_texts):
    ours, expected = pair
    texts = [*nasty_texts, *random_texts(200), *LINES[:50]]
    ids, starts, ends = tokenize_with_offsets(ours, texts)
    rows = expected.encode_batch(texts)
    assert ids.to_list() == [row.ids for row in rows]
    for text, row, first, behind in zip(texts, rows, starts.to_list(), ends.to_list(), strict=True):
        spans = list(zip(first, behind, strict=True))
        assert [text[a:b].strip() for a, b in spans] == [text[a:b].strip() for a, b in row.offsets]
        assert all(text[a] != " " or not text[a:b].strip() for a, b in spans)
        assert first == sorted(first)
        assert behind == sorted(behind)


def test_detokenizing(pair, nasty_texts):
    ours, expected = pair
    texts = [*nasty_texts, *LINES[:50]]
    ids = ours(texts)
    wanted = expected.decode_batch(ids.to_list(), skip_special_tokens=False)
    assert [text.decode() for text in ours.detokenize(ids).numpy()] == wanted
    parts = [[i] for i in range(5, 400)]  # half a character is none
    wanted = expected.decode_batch(parts, skip_special_tokens=False)
    assert [text.decode() for text in ours.detokenize(parts).numpy()] == wanted
    padded = [[ours.cls_id, ours.token_to_id("a"), ours.sep_id, ours.pad_id]]
    assert ours.detokenize(padded).numpy().tolist() == [b"<s>a</s>"]


def test_long_words_take_no_long_time(learnt):
    tokenizer = RobertaTokenizer(*learnt)
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice([*"abcdefghij"], 100_000)), "a" * 100_000]
    start = time.perf_counter()
    ids = tokenizer(words).to_list()
    assert time.perf_counter() - start < 5
    assert ids == ids_of(theirs(*learnt), words)


def test_files(learnt, tmp_path):
    tokenizer = RobertaTokenizer(*learnt, add_prefix_space=True)
    tokenizer.save(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == set(RobertaTokenizer.assets.values())
    again = RobertaTokenizer(tmp_path / "vocab.json", str(tmp_path / "merges.txt"), True)
    assert again.get_config() == tokenizer.get_config()
    merges = (tmp_path / "merges.txt").read_bytes()
    assert merges.startswith(b"#version: 0.2\n")
    (tmp_path / "merges.txt").write_bytes(merges.replace(b"\n", b"\r\n"))
    again = RobertaTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt", True)
    assert again.get_config() == tokenizer.get_config()


def test_the_config_holds_everything(learnt):
    tokenizer = RobertaTokenizer(*learnt, add_prefix_space=True)
    config = keras.saving.serialize_keras_object(tokenizer)
    assert config["registered_name"] == "tfzoo>RobertaTokenizer"
    rebuilt = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert rebuilt.get_config() == tokenizer.get_config()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocab.json", b"\xff", "is not UTF-8"),
        ("vocab.json", b"{", "is not JSON"),
        ("vocab.json", b"[" * 100_000, "is not JSON"),
        ("vocab.json", b"[1]", "not those from 0 on"),
        ("vocab.json", b'{"a": 1}', "not those from 0 on"),
        ("vocab.json", b'{"a": "0"}', "not those from 0 on"),
        ("vocab.json", b'{"a": 0}', "no <pad>, which RobertaTokenizer needs"),
        ("merges.txt", b"a b\xff", "is not UTF-8"),
        ("merges.txt", b"\x00", r"Merge 0, '\\x00'"),
    ],
)
def test_damaged_files(learnt, tmp_path, file, content, message):
    RobertaTokenizer(*learnt).save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        RobertaTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    (tmp_path / file).unlink()
    with pytest.raises(HandleError, match=file):
        RobertaTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")


@pytest.mark.parametrize(
    ("merges", "wrong"),
    [
        (["a b", "b c", "a b"], 2),  # one token in two ways
        (["a b", "b c", "ab c", "a bc"], 3),
        (["ab c"], 0),  # before its half is made
        (["a <s>"], 0),
        (["ab"], 0),
        (["a  b"], 0),
        (["b c", "a b", "ab c"], 2),  # no text has ab before c: it has a and bc
        (["a a", "a aa"], 1),
        (["b c", "a bc", "bc d", "a bcd"], 3),  # nor a before bcd: it has abc and d
        (["a d"], 0),  # not in the vocabulary
    ],
)
def test_merges_that_no_training_gives(merges, wrong):
    made = [merge.replace(" ", "") for merge in merges if merge != "a d"]
    tokens = dict.fromkeys([*SPECIAL, *ALPHABET, *made])
    with pytest.raises(WeightsError, match=re.escape(f"Merge {wrong}, {merges[wrong]!r}")):
        RobertaTokenizer(list(tokens), merges)


def test_merges_that_overlap_are_taken_where_training_gives_them():
    merges = ["a a", "aa a", "aa b"]
    tokens = [*SPECIAL, *ALPHABET, "aa", "aaa", "aab"]
    texts = [n * "a" + m * "b" for n in range(9) for m in range(3)]
    assert RobertaTokenizer(tokens, merges)(texts).to_list() == ids_of(
        theirs(tokens, merges), texts
    )


def test_a_vocabulary_that_cannot_spell():
    tokens = [*SPECIAL, *ALPHABET]
    tokens.remove("Ġ")
    with pytest.raises(WeightsError, match="lacks the byte 0x20"):
        RobertaTokenizer(tokens, [])
    with pytest.raises(WeightsError, match="'a' more than once"):
        RobertaTokenizer([*tokens, "a"], [])


def test_merges_nested_without_end_are_refused(monkeypatch):
    alphabet = list(ALPHABET)
    chain, merges, made = "a", [], []
    for half in alphabet[:60]:
        merges.append(f"{chain} {half}")
        chain += half
        made.append(chain)
    tokens = list(dict.fromkeys([*SPECIAL, *alphabet, *made]))
    assert RobertaTokenizer(tokens, merges).vocabulary_size == len(tokens)
    monkeypatch.setattr(byte_pair_model, "_MAX_WORK", 100)
    with pytest.raises(WeightsError, match="nested deeper"):
        RobertaTokenizer(tokens, merges)
