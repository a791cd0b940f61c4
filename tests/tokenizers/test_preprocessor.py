"""TextPreprocessor against TF-Hub's preprocessing model and a literal truncation loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import BertTokenizer, TextPreprocessor

TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
HUB_NAMES = {
    "token_ids": "input_word_ids",
    "padding_mask": "input_mask",
    "segment_ids": "input_type_ids",
}


def assert_equal_features(features, expected):
    assert set(features) == set(expected)
    for name, value in expected.items():
        assert features[name].dtype == tf.int32
        np.testing.assert_array_equal(features[name], value, err_msg=name)


@pytest.mark.parametrize("kind", ["single", "pair"])
@pytest.mark.parametrize("length", [12, 40])
def test_features_of_the_tfhub_preprocessor(reference, length, kind):
    folder = reference("04_bert_tfhub_preprocess")
    inputs, outputs = np.load(folder / "inputs.npz"), np.load(folder / "expected.npz")
    texts = (
        inputs["sentences"] if kind == "single" else (inputs["sentences"], inputs["sentences_b"])
    )
    tokenizer = BertTokenizer(folder / "model" / "assets" / "vocab.txt")
    features = TextPreprocessor(tokenizer, sequence_length=length)(texts, length=length)
    expected = {ours: outputs[f"pack_{kind}_{length}/{hub}"] for ours, hub in HUB_NAMES.items()}
    assert expected["segment_ids"].any() == (kind == "pair")
    assert_equal_features(features, expected)


def test_pairs_lose_tokens_of_the_longer_text_and_of_the_second_at_a_tie():
    lengths = [(a, b) for a in range(12) for b in range(12)]
    preprocessor = TextPreprocessor(TOKENIZER, sequence_length=10)
    encoded = preprocessor.encode((["a " * a for a, _ in lengths], ["b " * b for _, b in lengths]))
    for row, (a, b) in zip(encoded["token_ids"].to_list(), lengths, strict=True):
        while a + b > 7:
            a, b = (a - 1, b) if a > b else (a, b - 1)
        assert row == [2, *[5] * a, 3, *[6] * b, 3]


def test_rows_keep_their_own_length_until_they_are_padded():
    preprocessor = TextPreprocessor(TOKENIZER, sequence_length=6)
    encoded = preprocessor.encode(["a", "b " * 10000, ""])
    assert encoded["token_ids"].to_list() == [[2, 5, 3], [2, 6, 6, 6, 6, 3], [2, 3]]
    assert encoded["segment_ids"].to_list() == [[0] * 3, [0] * 6, [0] * 2]
    assert_equal_features(
        preprocessor.pad({name: rows[::2] for name, rows in encoded.items()}),
        {
            "token_ids": [[2, 5, 3], [2, 3, 0]],
            "padding_mask": [[1, 1, 1], [1, 1, 0]],
            "segment_ids": [[0, 0, 0], [0, 0, 0]],
        },
    )


def test_padding_uses_the_vocabularys_own_id():
    tokenizer = BertTokenizer(["a", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]"])
    features = TextPreprocessor(tokenizer)(["a", ""], length=4)
    assert features["token_ids"].numpy().tolist() == [[2, 0, 3, 5], [2, 3, 5, 5]]


@pytest.mark.parametrize("texts", [["a b", "b", ""], (["a b", "b", ""], ["b", "a a a a", ""])])
def test_traced_equals_eager(texts):
    preprocessor = TextPreprocessor(TOKENIZER, sequence_length=6)
    specs = tf.nest.map_structure(lambda _: tf.TensorSpec([None], tf.string), texts)
    spec = specs[0] if isinstance(texts, list) else tuple(column[0] for column in specs)
    tensors = tf.constant(texts) if isinstance(texts, list) else tuple(map(tf.constant, texts))
    traced = tf.function(preprocessor, input_signature=[spec])
    assert_equal_features(traced(tensors), preprocessor(texts))


def test_a_given_length_is_static_and_never_cuts():
    preprocessor = TextPreprocessor(TOKENIZER)
    traced = tf.function(lambda texts: preprocessor(texts, length=8), autograph=False)
    features = traced.get_concrete_function(tf.TensorSpec([None], tf.string)).structured_outputs
    assert {tuple(tensor.shape) for tensor in features.values()} == {(None, 8)}
    with pytest.raises(tf.errors.InvalidArgumentError):
        preprocessor(["a a a a a a a a"], length=8)


def test_no_texts_at_all():
    features = TextPreprocessor(TOKENIZER)([])
    assert {tuple(tensor.shape) for tensor in features.values()} == {(0, 0)}


def test_bad_arguments():
    with pytest.raises(ConfigError, match="at least 5"):
        TextPreprocessor(TOKENIZER, sequence_length=4)
    with pytest.raises(DataError, match="2 against 1"):
        TextPreprocessor(TOKENIZER)((["a", "b"], ["c"]))


def test_the_config_holds_everything():
    preprocessor = TextPreprocessor(TOKENIZER, sequence_length=77)
    config = keras.saving.serialize_keras_object(preprocessor)
    assert config["registered_name"] == "tfzoo>TextPreprocessor"
    rebuilt = keras.saving.deserialize_keras_object(config)
    assert rebuilt.sequence_length == 77
    assert rebuilt.tokenizer.get_config() == TOKENIZER.get_config()
