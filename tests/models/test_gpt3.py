"""GPT-3: the sizes of its paper, and its layers that look back a few tokens only."""

import math

import keras
import numpy as np
import pytest

from tfzoo import Backbone, GPT3Backbone
from tfzoo.errors import ConfigError, HandleError
from tfzoo.weights.shapes import shapes_of

SIZES = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 10,
    "intermediate_dim": 40,
    "head_dim": 4,
    "max_sequence_length": 16,
}
# Of table 2.1, in millions, and to how many of them it rounds.
PARAMETERS = {
    "gpt3_125m_en": (125, 1),
    "gpt3_350m_en": (356, 1),  # which the table rounds to 350
    "gpt3_760m_en": (760, 1),
    "gpt3_1.3b_en": (1300, 100),
    "gpt3_2.7b_en": (2700, 100),
    "gpt3_6.7b_en": (6700, 100),
    "gpt3_13b_en": (13_000, 1000),
    "gpt3_175b_en": (175_000, 1000),
}


def test_sizes_have_the_numbers_of_parameters_of_the_paper():
    assert GPT3Backbone.presets.keys() == PARAMETERS.keys()
    for name, (millions, unit) in PARAMETERS.items():
        layers = GPT3Backbone.presets[name].sizes["num_layers"]
        settings = {"load_weights": False, "num_layers": 1}
        shapes = shapes_of(lambda n=name, s=settings: GPT3Backbone.from_preset(n, **s))
        count = sum(
            math.prod(shape) * (layers if "/layer_0/" in path else 1)
            for path, shape in shapes.items()
        )
        assert round(count / 1e6 / unit) * unit == millions, name


def test_a_width_that_heads_do_not_divide():
    settings = {"load_weights": False, "num_layers": 1}
    shapes = shapes_of(lambda: GPT3Backbone.from_preset("gpt3_13b_en", **settings))
    assert shapes["decoder/layer_0/attention/output/kernel"] == (5120, 5140)
    assert shapes["embeddings/position_embedding/embeddings"] == (2048, 5140)


def test_a_token_sees_itself():
    with pytest.raises(ConfigError, match="attention_window is 0; give 1 or more"):
        GPT3Backbone(**SIZES, attention_window=0)


def test_weights_are_not_published():
    with pytest.raises(HandleError, match=r"gpt3_175b_en are not published; .*load_weights=False"):
        GPT3Backbone.from_preset("gpt3_175b_en")


def test_every_second_layer_is_banded():
    keras.utils.set_random_seed(0)
    settings = {**SIZES, "num_layers": 4, "return_encoder_outputs": True}
    dense, banded = (GPT3Backbone(**settings, attention_window=window) for window in (None, 3))
    dense.set_weights([3 * value for value in dense.get_weights()])
    banded.set_weights(dense.get_weights())
    features = {"token_ids": np.arange(1, 9)[None]}
    all_ours, all_theirs = (model(features)["encoder_outputs"] for model in (banded, dense))
    moved = [
        np.abs(np.asarray(ours) - np.asarray(theirs)).max(axis=(0, 2))
        for ours, theirs in zip(all_ours, all_theirs, strict=True)
    ]
    assert moved[0].max() == 0
    assert moved[1][:3].max() < 1e-5
    assert moved[1][3:].min() > 1e-4


def test_there_and_back(tmp_path):
    model = GPT3Backbone(**SIZES, attention_window=3)
    model.save_to_preset(tmp_path / "saved")
    again = Backbone.from_preset(tmp_path / "saved", name=model.name)
    assert type(again) is GPT3Backbone
    assert again.get_config() == model.get_config()
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ConfigError, match="not written as 'huggingface'; choose one of tfzoo"):
        model.save_to_preset(tmp_path / "other", format="huggingface")


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "activation": "relu",
        "layer_norm_epsilon": 1e-3,
        "attention_window": None,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = GPT3Backbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == GPT3Backbone.argument_names()
    assert GPT3Backbone.from_config(config).get_config() == config
