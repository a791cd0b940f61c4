"""GPT-2's tokenizer, against OpenAI's code and Hugging Face's `tokenizers`."""

import json
from pydoc_data.topics import topics

import keras
import numpy as np
import pytest
import tensorflow as tf
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tfzoo import GPT2Tokenizer
from tfzoo.errors import HandleError, WeightsError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

END = "<|endoftext|>"
LINES = topics["strings"].split("\n")


@pytest.fixture(scope="module")
def learnt():
    """Tokens in an order of no meaning, <|endoftext|> among them, and merges."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=list(ALPHABET), show_progress=False
    )
    learner.train_from_iterator(LINES, trainer)
    merges = [" ".join(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*ALPHABET, END, *(merge.replace(" ", "") for merge in merges)]
    return np.random.default_rng(0).permutation(tokens).tolist(), merges


@pytest.fixture(scope="module")
def tokenizer(learnt):
    return GPT2Tokenizer(*learnt)


def theirs(tokens, merges, add_prefix_space=False):
    """What Hugging Face makes of the same files, without its search for special tokens."""
    ids = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(ids, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    return tokenizer


def traced(tokenizer):
    return tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)])


def test_ids_of_the_original_code(reference):
    case = reference("12_gpt2_tf1_checkpoint")
    files = case / "models" / "tiny"
    tokenizer = GPT2Tokenizer(files / "encoder.json", files / "vocab.bpe")
    cases = json.loads((case / "tokenizer_cases.json").read_text())
    texts, ids = ([each[key] for each in cases] for key in ("text", "ids"))
    assert END in texts
    assert len(texts) == 7
    assert tokenizer(texts).to_list() == ids
    assert traced(tokenizer)(tf.constant(texts)).to_list() == ids
    assert [text.decode() for text in tokenizer.detokenize(ids).numpy()] == texts
    assert tokenizer.vocabulary[tokenizer.end_id] == END


@pytest.mark.parametrize("prefix", [False, True])
def test_ids_of_nasty_texts(learnt, nasty_texts, prefix):
    texts = [*nasty_texts, END, f"a{END} {END}b", *LINES[:200]]
    expected = [row.ids for row in theirs(*learnt, prefix).encode_batch(texts)]
    tokenizer = GPT2Tokenizer(*learnt, add_prefix_space=prefix)
    assert tokenizer(texts).to_list() == expected
    assert traced(tokenizer)(tf.constant(texts)).to_list() == expected
    assert not any(tokenizer.end_id in row for row in expected)


def test_there_and_back_is_the_same_bytes(tokenizer, nasty_texts):
    characters = map(
        chr, [*range(0x3100), *range(0x3100, 0xD800, 41), *range(0xE000, 0x110000, 99)]
    )
    texts = [*nasty_texts, END, "".join(characters)]
    expected = [text.encode() for text in texts]
    assert tokenizer.detokenize(tokenizer(texts)).numpy().tolist() == expected


def test_the_end_of_a_text_is_padding_and_not_in_texts(tokenizer):
    assert tokenizer.pad_id == tokenizer.end_id == tokenizer.token_to_id(END)
    row = [*tokenizer(["one"]).to_list()[0], tokenizer.end_id, tokenizer.token_to_id("a")]
    assert tokenizer.detokenize([row, [tokenizer.end_id]]).numpy().tolist() == [b"onea", b""]


def test_half_a_character_is_none(tokenizer):
    ids = tokenizer(["\u4e2d"]).to_list()[0]
    assert len(ids) > 1
    assert tokenizer.detokenize([ids[:1]]).numpy()[0].decode() == "\ufffd"


def test_files_and_config(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    config = keras.saving.serialize_keras_object(tokenizer)
    assert config["registered_name"] == "tfzoo>GPT2Tokenizer"
    rebuilt = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert again.get_config() == rebuilt.get_config() == tokenizer.get_config()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocab.json", b"\xff", "is not UTF-8"),
        ("vocab.json", b'{"a": 1}', "not those from 0 on"),
        ("vocab.json", b'{"a": 0}', r"no <\|endoftext\|>, which GPT2Tokenizer needs"),
        ("vocab.json", b'{"a": 0, "<|endoftext|>": 1}', "lacks the byte 0x21"),
        ("merges.txt", b"#version: 0.2\na b c\n", "Merge 0, 'a b c'"),
    ],
)
def test_damaged_files(tokenizer, tmp_path, file, content, message):
    tokenizer.save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    (tmp_path / file).unlink()
    with pytest.raises(HandleError, match=file):
        GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
