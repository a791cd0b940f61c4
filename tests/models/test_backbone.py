"""What every backbone has in common."""

import inspect

import keras
import numpy as np
import pytest

from tfzoo import BertBackbone
from tfzoo.errors import ConfigError


def test_config_covers_every_argument(tiny_bert):
    changes = {
        "dropout": 0.3,
        "num_segments": 3,
        "activation": "gelu",
        "layer_norm_epsilon": 1e-5,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
        "name": "renamed",
    }
    config = tiny_bert(**changes).get_config()
    arguments = set(inspect.signature(BertBackbone.__init__).parameters) - {"self", "kwargs"}
    assert set(config) == arguments | {"name", "trainable", "dtype"}
    defaults = inspect.signature(BertBackbone.__init__).parameters
    for name in arguments:
        assert config[name] != defaults[name].default, name
    assert BertBackbone.from_config(config).get_config() == config


def test_keras_file_holds_everything(tiny_bert, tmp_path):
    backbone = tiny_bert(dtype="mixed_bfloat16", num_segments=3)
    backbone.save(tmp_path / "bert.keras")
    loaded = keras.saving.load_model(tmp_path / "bert.keras")
    assert loaded.get_config() == backbone.get_config()
    for ours, theirs in zip(backbone.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_preset_of_which_only_the_sizes_are_wanted_needs_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "cache"))
    backbone = BertBackbone.from_preset(
        "bert_tiny_en_uncased", load_weights=False, activation="gelu"
    )
    assert backbone.count_params() == 4_385_920
    assert backbone.encoder.layer_config["activation"] == "gelu"
    assert not (tmp_path / "cache").exists()


def test_unknown_override():
    with pytest.raises(ConfigError, match="BertBackbone has no argument colour, hiden_dim"):
        BertBackbone.from_preset("bert_tiny_en_uncased", hiden_dim=3, colour=1)


@pytest.mark.parametrize(
    ("count", "trained"), [(0, set()), (1, {"layer_1"}), (2, {"layer_0", "layer_1"})]
)
def test_train_last_layers(tiny_bert, count, trained):
    backbone = tiny_bert()
    backbone.train_last_layers(count)
    expected = {
        variable.path
        for variable in backbone.weights
        if variable.path.startswith("pooler/")
        or any(f"/{layer}/" in variable.path for layer in trained)
    }
    assert {variable.path for variable in backbone.trainable_variables} == expected


def test_train_last_layers_can_be_widened_again(tiny_bert):
    backbone = tiny_bert()
    backbone.train_last_layers(0)
    backbone.train_last_layers(1)
    assert [layer.trainable for layer in backbone.encoder.layers] == [False, True]


@pytest.mark.parametrize("count", [-1, 3])
def test_more_layers_than_there_are(tiny_bert, count):
    with pytest.raises(ConfigError, match=f"last {count} layers .* has 2"):
        tiny_bert().train_last_layers(count)
