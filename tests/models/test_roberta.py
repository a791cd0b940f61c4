"""RoBERTa: its published sizes, its positions, its tokenizer in presets, and strings in and out."""

import json
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from tfzoo import (
    Backbone,
    Classifier,
    RobertaBackbone,
    RobertaClassifier,
    RobertaMaskedLM,
    RobertaTokenClassifier,
    RobertaTokenizer,
    TextPreprocessor,
)
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.weights.shapes import shapes_of, variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
# Those of transformers' `RobertaModel`, which has a pooler.
PARAMETERS = {
    "distilroberta_base": 82_118_400,
    "roberta_base": 124_645_632,
    "roberta_large": 355_359_744,
}
SIZES = {
    "vocabulary_size": 265,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 24,
}


def folder(name):
    return ARTIFACTS / f"roberta_{name}" / "model"


@pytest.fixture
def copied(tmp_path):
    """A function that copies an artifact's folder and changes a JSON file in it."""

    def copy(name, file="config.json", **changes):
        copy = shutil.copytree(folder(name), tmp_path / "model")
        config = json.loads((copy / file).read_text())
        (copy / file).write_text(json.dumps({**config, **changes}))
        return copy

    return copy


@pytest.fixture(scope="module")
def tokenizer():
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made = ["Ġg", "oo", "Ġgoo", "Ġgood"]
    merges = ["Ġ g", "o o", "Ġg oo", "Ġgoo d"]
    return RobertaTokenizer([*special, *ALPHABET, *made, "<mask>"], merges)


def enlarge(layer):
    """Makes weights so large that outputs depend on inputs."""
    for variable in layer.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    backbone = RobertaBackbone(**SIZES)
    enlarge(backbone)
    return backbone


def test_presets_have_the_published_numbers_of_parameters():
    counts = {}
    for name, preset in RobertaBackbone.presets.items():
        shapes = shapes_of(lambda p=preset: RobertaBackbone(**p.sizes))
        assert shapes["embeddings/position_embedding/embeddings"][0] == 514
        assert shapes["embeddings/segment_embedding/embeddings"][0] == 1
        hidden = preset.sizes["hidden_dim"]
        counts[name] = sum(map(math.prod, shapes.values())) + (hidden + 1) * hidden
    assert counts == PARAMETERS
    handles = {name: preset.handle for name, preset in RobertaBackbone.presets.items()}
    assert handles == {
        "distilroberta_base": "hf://distilbert/distilroberta-base",
        "roberta_base": "hf://FacebookAI/roberta-base",
        "roberta_large": "hf://FacebookAI/roberta-large",
    }


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "num_segments": 2,
        "layer_norm_epsilon": 1e-3,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = RobertaBackbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == RobertaBackbone.argument_names()
    assert RobertaBackbone.from_config(config).get_config() == config


def test_padding_inside_a_row_takes_no_position(backbone):
    plain = {"token_ids": [[0, 7, 8, 9, 2]], "padding_mask": [[1, 1, 1, 1, 1]]}
    holey = {"token_ids": [[0, 7, 1, 1, 8, 9, 1, 2]], "padding_mask": [[1, 1, 0, 0, 1, 1, 0, 1]]}
    real = np.array(holey["padding_mask"][0]) == 1
    short, long = (
        backbone({name: np.array(rows) for name, rows in features.items()})["sequence_output"][0]
        for features in (plain, holey)
    )
    np.testing.assert_allclose(np.asarray(long)[real], short, atol=1e-5)


def test_a_row_of_the_full_length(backbone):
    ids = np.full((1, 24), 7)
    assert backbone({"token_ids": ids})["sequence_output"].shape == (1, 24, 16)


def test_packed_equals_unpacked(backbone):
    rows = [[0, 7, 8, 2], [0, 9, 2]]
    packed = {
        "token_ids": np.concatenate(rows)[None],
        "sequence_ids": np.array([[1] * 4 + [2] * 3]),
    }
    packed["padding_mask"] = np.ones_like(packed["token_ids"])
    together = np.asarray(backbone(packed)["sequence_output"][0])
    alone = [
        np.asarray(backbone({"token_ids": np.array([row])})["sequence_output"][0]) for row in rows
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_a_pooler_is_not_needed(copied):
    path = copied("encoder") / "model.safetensors"
    pooler = {"pooler.dense.weight": np.ones((20, 20), "float32"), "pooler.dense.bias": np.ones(20)}
    save_file({**load_file(path), **pooler}, path)
    with_pooler, without = (Backbone.from_preset(each) for each in (path.parent, folder("encoder")))
    ours, theirs = variables(with_pooler), variables(without)
    for name, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[name], err_msg=name)


def test_a_decoder_that_is_tied_is_left_unread(copied):
    path = copied("masked_lm") / "model.safetensors"
    arrays = load_file(path)
    arrays["lm_head.decoder.weight"] = arrays["roberta.embeddings.word_embeddings.weight"]
    arrays["lm_head.decoder.bias"] = arrays["lm_head.bias"]
    arrays["roberta.embeddings.position_ids"] = np.arange(26)[None]
    save_file(arrays, path)
    assert isinstance(RobertaMaskedLM.from_preset(path.parent), RobertaMaskedLM)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act .* knows only 'gelu'"),
        ({"pad_token_id": 0}, "pad_token_id .* knows only 1"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings"),
        ({"max_position_embeddings": 2}, "max_sequence_length 0"),
        ({"max_position_embeddings": 27}, "does not fit.*position_embeddings"),
        ({"type_vocab_size": 2}, "does not fit.*token_type_embeddings"),
    ],
)
def test_configuration_that_cannot_be_used(copied, change, message):
    with pytest.raises(WeightsError, match=message):
        Backbone.from_preset(copied("encoder", **change))


def test_padding_is_the_one_that_positions_leave_out(backbone):
    tokens = ["<pad>", "<s>", "</s>", "<unk>", *ALPHABET, "<mask>"]
    other = TextPreprocessor(RobertaTokenizer(tokens, []), sequence_length=16)
    with pytest.raises(ConfigError, match="Padding has the id 0 in the vocabulary, and 1"):
        RobertaClassifier(backbone, preprocessor=other)


def test_a_preset_keeps_both_files_and_the_options(backbone, tokenizer, tmp_path):
    config = {**tokenizer.get_config(), "add_prefix_space": True}
    preprocessor = TextPreprocessor(RobertaTokenizer(**config), sequence_length=16)
    model = RobertaClassifier(backbone, class_names=["a", "b"], preprocessor=preprocessor)
    model.save_to_preset(tmp_path / "saved")
    files = {path.name for path in (tmp_path / "saved").iterdir()}
    assert files == {"tfzoo.json", "model.safetensors", "vocab.json", "merges.txt"}
    again = Classifier.from_preset(tmp_path / "saved")
    assert type(again) is RobertaClassifier
    assert again.preprocessor.tokenizer.get_config() == config
    texts = ["good", "a good film"]
    np.testing.assert_array_equal(again.predict(texts, verbose=0), model.predict(texts, verbose=0))
    other = Classifier.from_preset(tmp_path / "saved", add_prefix_space=False)
    assert not other.preprocessor.tokenizer.add_prefix_space


def test_keras_files(backbone, tokenizer, tmp_path):
    model = RobertaClassifier(
        backbone, preprocessor=TextPreprocessor(tokenizer, sequence_length=16)
    )
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    texts = ["good", "a good film", "\U0001f600"]
    np.testing.assert_array_equal(again.predict(texts, verbose=0), model.predict(texts, verbose=0))


def test_export_of_pairs(backbone, tokenizer, tmp_path):
    model = RobertaClassifier(
        backbone, preprocessor=TextPreprocessor(tokenizer, sequence_length=16)
    )
    enlarge(model.classification_head)
    texts = ["good", "not"], ["a good film", ""]
    expected = model.predict(texts, verbose=0)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    model.export(tmp_path / "exported", text_pair=True)
    exported = tf.saved_model.load(tmp_path / "exported").signatures["serving_default"]
    outputs = exported(text=tf.constant(texts[0]), text_pair=tf.constant(texts[1]))
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-5)


def test_masking_hides_no_special_tokens(tokenizer):
    from tfzoo.data.masking import mask_tokens

    features = TextPreprocessor(tokenizer, sequence_length=24)(["good good good"] * 200)
    masked, labels, weights = mask_tokens(features, tokenizer, tf.constant([1, 2]))
    hidden = masked["token_ids"].numpy() == tokenizer.mask_id
    assert 100 < hidden.sum() < 200  # of one in each row, four out of five
    special = [tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id]
    assert not np.isin(labels.numpy()[weights.numpy() > 0], special).any()
    assert not np.isin(features["token_ids"].numpy()[hidden], special).any()


def test_fitting_strings(tokenizer):
    keras.utils.set_random_seed(0)
    model = RobertaClassifier(
        RobertaBackbone(**SIZES, dropout=0.0),
        preprocessor=TextPreprocessor(tokenizer, sequence_length=16),
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    texts, labels = ["good film", "bad film"] * 32, [1, 0] * 32
    history = model.fit(texts, labels, epochs=6, batch_size=16, verbose=0).history["accuracy"]
    assert history[-1] == 1.0 > history[0]


def test_words_are_those_of_a_text_with_a_space_before_each(tokenizer):
    backbone = RobertaBackbone(**SIZES)
    preprocessor = TextPreprocessor(tokenizer, sequence_length=16)
    model = RobertaTokenClassifier(backbone, preprocessor=preprocessor, num_classes=3)
    (logits,) = model.predict([["good", "good"]], verbose=0)
    space = tokenizer.token_to_id("Ġgood")
    rows = model({"token_ids": np.array([[0, space, space, 2]])})
    np.testing.assert_allclose(logits, rows[0, 1:3], atol=1e-5)
