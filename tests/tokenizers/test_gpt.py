"""The first GPT's tokenizer, against OpenAI's code and Hugging Face's `tokenizers`."""

import json
from itertools import chain
from pydoc_data.topics import topics

import keras
import pytest
import tensorflow as tf
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tfzoo import GPTTokenizer
from tfzoo.errors import WeightsError
from tfzoo.tokenizers.english_words import english_words, split_at_spaces

LINES = [line for name in ("strings", "class") for line in topics[name].split("\n")]
FILES = ("encoder_bpe_40000.json", "vocab_40000.bpe")
LETTERS = [letter + end for letter in "abcnot'-" for end in ("", "</w>")]


def train(words, size):
    """Tokens and merges learnt from words, as the original's files hold them."""
    learner = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(words, trainer)
    model = json.loads(learner.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return [*tokens, "\n</w>"], [" ".join(pair) for pair in model["merges"]]


def theirs(tokens, merges):
    """What Hugging Face makes of the same files, where spaces are between words."""
    ids = {token: index for index, token in enumerate(tokens)}
    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = Tokenizer(models.BPE(ids, pairs, unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def traced(tokenizer):
    return tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)])


@pytest.fixture(scope="module")
def learnt():
    return train([line.lower() for line in LINES], 600)


@pytest.fixture(scope="module")
def tokenizer(learnt):
    return GPTTokenizer(*learnt)


@pytest.fixture
def cases(reference):
    path = reference("13_gpt1_npy") / "tokenizer_cases.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_ids_of_the_original_code(reference, cases):
    tokenizer = GPTTokenizer(*(reference("13_gpt1_npy") / "model" / name for name in FILES))
    texts, ids = ([each[key] for each in cases["tiny_files"]] for key in ("text", "ids"))
    assert len(texts) == 5
    assert tokenizer(texts).to_list() == ids
    assert traced(tokenizer)(tf.constant(texts)).to_list() == ids


def test_words_are_those_of_the_published_files(cases):
    """In which each word of these texts is one token, but for the two of newline."""
    texts, ids = ([each[key] for each in cases["real_published_files"]] for key in ("text", "ids"))
    texts = [text.replace("newline", "new line") for text in texts]
    words = "the man went out and looked at old house . they were here , n't ? double spaces"
    words += " new line caf\u00e9 - na\u00efve ... 1984 state of art !"
    ours = GPTTokenizer(*train(3 * [words], 400))
    rows = ours(texts).to_list()
    assert [len(row) for row in rows] == [len(row) for row in ids]
    pairs = set(zip(chain(*rows), chain(*ids), strict=True))
    assert len(pairs) == len(set(words.split())) + 1  # a line break
    assert len(pairs) == len(dict(pairs)) == len({published for _, published in pairs})
    assert (ours.token_to_id("\n</w>"), 40477) in pairs


def test_pieces_of_words(learnt, tokenizer):
    lines = [
        *LINES,
        "\u00e9t\u00e9 \u4e2d\u6587x 123 a\u0301b \u0101 \u01015 \u2581 <unk> a</w>b </w>",
    ]
    chunks = split_at_spaces(tf.constant(lines)).flat_values
    words = [word.decode() for word in english_words(chunks).flat_values.numpy() if word.strip()]
    words = [" ".join(words[i : i + 9]).lower() for i in range(0, len(words), 9)]
    expected = [row.ids for row in theirs(*learnt).encode_batch(words)]
    assert len({i for row in expected for i in row}) > 350
    unsplit = tokenizer._pieces(tf.constant([word for text in words for word in text.split()]))
    assert unsplit.flat_values.numpy().tolist() == [i for row in expected for i in row]


def test_other_characters_are_unknown_one_by_one(tokenizer):
    row = tokenizer(["a\u4e2d\u6587 \u4e2d x"]).to_list()[0]
    assert [tokenizer.id_to_token(i) for i in row] == ["a", "<unk>", "<unk>", "<unk>", "x</w>"]


def test_a_letter_may_lack_one_of_its_tokens():
    tokenizer = GPTTokenizer(["<unk>", "a</w>", "b", "ba</w>"], ["b a</w>"])
    rows = tokenizer(["a ab aab ba bb"]).to_list()
    assert rows == [[1, 0, 0, 0, 0, 0, 3, 2, 0]]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("\u2018a\u2019 \u201cb\u201d \u201e", "'a' \"b\" \u201e"),
        ("a\u2014b \u2013 \u2015", "a-b - -"),
        ("a\u2026 \u00b4", "a... '"),
        (" \t\n a \u00a0\u3000 b\u2003\n", "a b"),
        ("a \r\n\r\n b\u2028\x85c\rd", "a\nb\nc\nd"),
        ("\x00a\x0b\x1f\x7fb \ufeffc", "ab c"),
        ("cafe\u0301 na\u0308", "caf\u00e9 n\u00e4"),
        ("ABC \u0130", "abc i\u0307"),
        ("a--b((c)) d/e", "a -- b (( c )) d / e"),
        (b"a\xff \xe4\xb8b", "a b"),
    ],
)
def test_texts_that_are_the_same(text, same):
    letters = "abcdefin'\"-.()/\u201e\u00e9\u00e4\u0307"
    tokenizer = GPTTokenizer(
        ["<unk>", *letters, *(f"{letter}</w>" for letter in letters), "\n</w>"], []
    )
    first, second = tokenizer([text, same]).to_list()
    assert first == second
    assert first
    assert tokenizer.unk_id not in first


def test_nasty_texts_traced_and_in_a_pipeline(tokenizer, nasty_texts):
    expected = tokenizer(nasty_texts).to_list()
    assert expected[:4] == [[], [], [], []]
    assert max(i for row in expected for i in row) < tokenizer.vocabulary_size
    assert traced(tokenizer)(tf.constant(nasty_texts)).to_list() == expected
    dataset = tf.data.Dataset.from_tensor_slices(nasty_texts).batch(5).map(tokenizer)
    assert [row for batch in dataset for row in batch.to_list()] == expected
    assert tokenizer([]).to_list() == []


def test_a_saved_model_needs_no_python(tokenizer, tmp_path):
    module = tf.Module()
    module.tokenize = traced(tokenizer)
    tf.saved_model.save(module, tmp_path)
    texts = ["They didn't,\ndid they?", ""]
    again = tf.saved_model.load(tmp_path).tokenize(tf.constant(texts))
    assert again.to_list() == tokenizer(texts).to_list()


def test_detokenizing(tokenizer):
    ids = tokenizer(["We DIDN'T\nsee it, Bob's\u4e2d"]).to_list()[0]
    marks = [tokenizer.start_id, tokenizer.delimiter_id, tokenizer.classify_id]
    size = tokenizer.vocabulary_size
    assert marks == [size, size + 1, size + 2]
    text = tokenizer.detokenize([[marks[0], *ids, marks[1], 0], [*marks, 0]]).numpy().tolist()
    assert text == [b"we didn't \n see it , bob's", b""]


def test_files_and_config(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = GPTTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    config = keras.saving.serialize_keras_object(tokenizer)
    assert config["registered_name"] == "tfzoo>GPTTokenizer"
    rebuilt = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert again.get_config() == rebuilt.get_config() == tokenizer.get_config()


@pytest.mark.parametrize(
    ("tokens", "merges", "message"),
    [
        (LETTERS, [], "no <unk>, which GPTTokenizer needs"),
        (["<unk>", *LETTERS, "a"], [], "'a' more than once"),
        (["<unk>", *LETTERS, "ab"], ["a b", "a b"], "Merge 1, 'a b'"),
        (["<unk>", *LETTERS, "ab"], ["a </w>"], "Merge 0, 'a </w>'"),
        (["<unk>", *LETTERS, "ab"], ["a c"], "Merge 0, 'a c'"),
        (["<unk>", *LETTERS], ["a d"], "Merge 0, 'a d'"),
        (
            ["<unk>", *"a</w>", "</", "</w", "</w>", "a</w>"],
            ["< /", "</ w", "</w >", "a </w>"],
            "Merge 3, 'a </w>'",
        ),
    ],
)
def test_vocabularies_that_cannot_be(tokens, merges, message):
    with pytest.raises(WeightsError, match=message):
        GPTTokenizer(tokens, merges)


@pytest.mark.parametrize("token", ["\t", "\t</w>", " ", "\x00", "\ud800", "\u2028", "</w>"])
def test_tokens_that_no_text_becomes(token):
    tokenizer = GPTTokenizer(["<unk>", "a", "a</w>", token], [])
    assert tokenizer(["a \t aa"]).to_list() == [[2, 1, 2]]
    assert tokenizer(["b"]).to_list() == [[0]]
