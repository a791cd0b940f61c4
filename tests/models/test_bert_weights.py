"""BERT's presets, and its names and configurations in other formats."""

import json
import re

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfzoo import BertBackbone, BertClassifier, BertPretrainer
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.models.bert_weights import FORMATS
from tfzoo.weights import mapping
from tfzoo.weights.shapes import variables

HUGGINGFACE_LAYER = {
    "attention.self.query": (16, 16),
    "attention.self.key": (16, 16),
    "attention.self.value": (16, 16),
    "attention.output.dense": (16, 16),
    "attention.output.LayerNorm": (16,),
    "intermediate.dense": (32, 16),
    "output.dense": (16, 32),
    "output.LayerNorm": (16,),
}
# What transformers' BertForPreTraining saves, for a BERT of 23 words, 1 layer and width 16.
HUGGINGFACE = {
    "bert.embeddings.word_embeddings.weight": (23, 16),
    "bert.embeddings.position_embeddings.weight": (24, 16),
    "bert.embeddings.token_type_embeddings.weight": (2, 16),
    "bert.embeddings.LayerNorm.weight": (16,),
    "bert.embeddings.LayerNorm.bias": (16,),
    **{f"bert.encoder.layer.0.{name}.weight": shape for name, shape in HUGGINGFACE_LAYER.items()},
    **{f"bert.encoder.layer.0.{name}.bias": shape[:1] for name, shape in HUGGINGFACE_LAYER.items()},
    "bert.pooler.dense.weight": (16, 16),
    "bert.pooler.dense.bias": (16,),
    "cls.predictions.transform.dense.weight": (16, 16),
    "cls.predictions.transform.dense.bias": (16,),
    "cls.predictions.transform.LayerNorm.weight": (16,),
    "cls.predictions.transform.LayerNorm.bias": (16,),
    "cls.predictions.bias": (23,),
    "cls.seq_relationship.weight": (2, 16),
    "cls.seq_relationship.bias": (2,),
}
CONFIG = {
    "model_type": "bert",
    "vocab_size": 23,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
}


@pytest.fixture
def pretrainer(tiny_bert, preprocessor):
    return BertPretrainer(tiny_bert(num_layers=1, activation="gelu"), preprocessor=preprocessor)


@pytest.fixture
def folder(pretrainer, tmp_path):
    """`pretrainer` as transformers would have saved it."""
    tables = [FORMATS["huggingface"].table({}), *FORMATS["huggingface"].heads.values()]
    table = sum(tables[1:], tables[0])
    weights = dict(mapping.export(variables(pretrainer), table))
    assert {name: array.shape for name, array in weights.items()} == HUGGINGFACE
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"]
    weights["cls.predictions.decoder.bias"] = weights["cls.predictions.bias"]
    weights["bert.embeddings.position_ids"] = np.arange(24)[None]
    save_file(weights, tmp_path / "model.safetensors")
    pretrainer.preprocessor.tokenizer.save(tmp_path)
    configure(tmp_path)
    return tmp_path


def configure(folder, **changes):
    config = {name: value for name, value in {**CONFIG, **changes}.items() if value != "absent"}
    (folder / "config.json").write_text(json.dumps(config))


def rename(folder, new_name):
    weights = {new_name(name): a for name, a in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")


def assert_same_weights(model, expected):
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def test_huggingface_names_with_all_heads(folder, pretrainer):
    keras.utils.set_random_seed(5)
    model = BertPretrainer.from_preset(folder, sequence_length=16)
    assert_same_weights(model, pretrainer)


def test_huggingface_names_of_old_and_of_bare_models(folder, pretrainer):
    rename(folder, lambda name: re.sub("LayerNorm.weight", "LayerNorm.gamma", name))
    rename(folder, lambda name: re.sub("LayerNorm.bias", "LayerNorm.beta", name))
    rename(folder, lambda name: name.removeprefix("bert."))
    assert_same_weights(BertBackbone.from_preset(folder), pretrainer.backbone)


def test_fine_tuned_classifier_brings_its_head_and_its_names(folder):
    weights = load_file(folder / "model.safetensors")
    weights = {name: array for name, array in weights.items() if not name.startswith("cls.")}
    kernel = np.random.default_rng(0).normal(size=(3, 16)).astype("float32")
    weights |= {"classifier.weight": kernel, "classifier.bias": np.arange(3, dtype="float32")}
    save_file(weights, folder / "model.safetensors")
    configure(folder, id2label={"0": "bad", "1": "so so", "2": "good"})
    model = BertClassifier.from_preset(folder, sequence_length=16)
    assert model.class_names == ["bad", "so so", "good"]
    head = model.classification_head.logits
    np.testing.assert_array_equal(head.kernel, kernel.T)
    np.testing.assert_array_equal(head.bias, [0, 1, 2])


def test_model_without_pooler_keeps_an_initial_one(folder, pretrainer):
    weights = load_file(folder / "model.safetensors")
    weights = {name: array for name, array in weights.items() if "pooler" not in name}
    save_file(weights, folder / "model.safetensors")
    backbone = BertBackbone.from_preset(folder)
    assert_same_weights(backbone.encoder, pretrainer.backbone.encoder)
    assert np.abs(backbone.pooler.dense.kernel).max() <= 0.04


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("gelu", "gelu"), ("gelu_new", "gelu_tanh"), ("gelu_pytorch_tanh", "gelu_tanh")],
)
def test_huggingface_activations(folder, theirs, ours):
    configure(folder, hidden_act=theirs, layer_norm_eps=1e-5)
    settings = BertBackbone.from_preset(folder).encoder.layer_config
    assert (settings["activation"], settings["layer_norm_epsilon"]) == (ours, 1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "position_embedding_type .* 'relative_key'"),
        ({"hidden_size": "absent"}, "hidden_size in the configuration of .* is None"),
        ({"num_hidden_layers": -2}, "num_hidden_layers .* is -2"),
        ({"num_attention_heads": True}, "num_attention_heads .* is True"),
        ({"hidden_act": {"class_name": "Lambda"}}, "hidden_act in .* makes no sense"),
        ({"layer_norm_eps": "small"}, "layer_norm_eps .* is 'small'"),
        ({"hidden_dropout_prob": None}, "hidden_dropout_prob .* is None"),
        ({"vocab_size": 24}, r"does not fit.*word_embeddings.weight' is \(23, 16\).*\(24, 16\)"),
        ({"num_hidden_layers": 2}, "does not fit.*missing: 'bert.encoder.layer.1"),
        ({"intermediate_size": 64}, "does not fit.*intermediate.dense"),
        ({"hidden_act": "swoosh"}, "hidden_act .* is 'swoosh'"),
        ({"num_attention_heads": 3}, "16 cannot be divided among 3 heads"),
    ],
)
def test_configuration_that_cannot_be_used(folder, change, message):
    configure(folder, **change)
    with pytest.raises((WeightsError, ConfigError), match=message):
        BertBackbone.from_preset(folder)


def test_other_architecture(folder):
    configure(folder, model_type="roberta")
    with pytest.raises(WeightsError, match=r"roberta weights.*BertBackbone does not read"):
        BertBackbone.from_preset(folder)


def test_saved_model_of_another_architecture(reference):
    with pytest.raises(WeightsError, match="BertBackbone does not read"):
        BertBackbone.from_preset(reference("06_albert_tfhub_v3_encoder") / "model")


def test_presets_have_the_sizes_that_their_handles_state():
    sizes = {}
    for name, preset in BertBackbone.presets.items():
        assert preset.licence == "Apache-2.0", name
        if found := re.search(r"L-(\d+)_H-(\d+)_A-(\d+)/\d$", preset.handle):
            layers, hidden, heads = map(int, found.groups())
            stated = {"num_layers": layers, "hidden_dim": hidden, "num_heads": heads}
            assert preset.sizes.items() >= stated.items(), name
            assert preset.sizes["intermediate_dim"] == 4 * hidden, name
            assert preset.lowercase == ("cased" not in name.replace("uncased", "")), name
            sizes[name] = preset.sizes["vocabulary_size"]
    words = {"en_uncased": 30522, "en_cased": 28996, "multi_cased": 119547, "zh": 21128}
    assert sizes == {name: words[name.split("_", 2)[2]] for name in sizes}
    assert {name.split("_")[1] for name in sizes} == {
        "tiny", "mini", "small", "medium", "base", "large"
    }  # fmt: skip
    assert re.fullmatch("[0-9a-f]{64}", BertBackbone.presets["minilm_l6_en_uncased"].sha256)
