"""GPT: OpenAI's files and their outputs, and the published size."""

import math

import keras
import numpy as np
import pytest

from tfzoo import Backbone, GPTBackbone
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.formats import open_source
from tfzoo.weights.shapes import shapes_of, variables

SIZES = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 1,
    "hidden_dim": 64,
    "intermediate_dim": 256,
    "max_sequence_length": 16,
}


@pytest.fixture(scope="module")
def case(reference):
    return reference("13_gpt1_npy")


@pytest.fixture(scope="module")
def tokens(case):
    return np.load(case / "inputs.npz")["tokens"]


@pytest.fixture(scope="module")
def expected(case):
    return dict(np.load(case / "expected.npz"))


@pytest.fixture(scope="module")
def model(case):
    """What OpenAI's folder holds, which does not say how many heads there are."""
    return GPTBackbone.from_preset(case / "model", num_heads=3, return_encoder_outputs=True)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def test_openai_hidden_states_and_logits(model, tokens, expected):
    outputs = model({"token_ids": tokens})
    close(model.embeddings(tokens), expected["embed"])
    close(outputs["encoder_outputs"][0], expected["h0_out"])
    close(outputs["encoder_outputs"][1], expected["h1_out"])
    table = keras.ops.transpose(model.token_embedding.embeddings)
    close(outputs["sequence_output"] @ table, expected["lm_logits"])


@pytest.mark.parametrize("change", [{"layer_norm_epsilon": 1e-6}, {"activation": "gelu"}])
def test_openai_constants_matter(case, tokens, expected, change):
    other = GPTBackbone.from_preset(case / "model", num_heads=3, **change)
    hidden = other({"token_ids": tokens})["sequence_output"]
    assert np.abs(hidden - expected["h1_out"]).max() > 1e-4


def test_openai_folder(case):
    source = open_source(case / "model")
    assert (source.format, source.family, source.task) == ("openai", "openai-gpt", "CausalLM")
    assert source.vocabulary("vocab.json").name == "encoder_bpe_40000.json"
    assert source.vocabulary("merges.txt").name == "vocab_40000.bpe"


def test_number_of_heads_that_nothing_says(case):
    with pytest.raises(WeightsError, match="does not say what num_heads of its GPTBackbone is"):
        GPTBackbone.from_preset(case / "model")


@pytest.mark.parametrize("format", ["tfzoo", "huggingface", "openai"])
def test_there_and_back(format, tmp_path):
    model = GPTBackbone(**SIZES)
    model.save_to_preset(tmp_path / "saved", format=format)
    assert open_source(tmp_path / "saved").format == format
    again = Backbone.from_preset(tmp_path / "saved", name=model.name)
    assert again.get_config() == model.get_config()
    ours, theirs = variables(again), variables(model)
    assert ours.keys() == theirs.keys()
    for path, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[path], err_msg=path)


@pytest.mark.parametrize(
    "change",
    [
        {"num_heads": 2},
        {"activation": "gelu"},
        {"layer_norm_epsilon": 1e-6},
        {"intermediate_dim": 255},
    ],
)
def test_what_openai_cannot_say_is_not_written(change, tmp_path):
    model = GPTBackbone(**{**SIZES, **change})
    with pytest.raises(ConfigError, match=f"cannot say that a model has {next(iter(change))}"):
        model.save_to_preset(tmp_path / "saved", format="openai")
    assert not (tmp_path / "saved").exists()


def test_preset_has_the_published_number_of_parameters():
    preset = GPTBackbone.presets["gpt_base_en"]
    shapes = shapes_of(lambda: GPTBackbone(**preset.sizes))
    assert sum(map(math.prod, shapes.values())) == 116_534_784
    assert shapes["embeddings/position_embedding/embeddings"] == (512, 768)
    assert preset.handle == "hf://openai-community/openai-gpt"


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "activation": "relu",
        "layer_norm_epsilon": 1e-3,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = GPTBackbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == GPTBackbone.argument_names()
    assert GPTBackbone.from_config(config).get_config() == config
