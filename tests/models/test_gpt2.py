"""GPT-2: OpenAI's checkpoint and its outputs, the published sizes, and KerasHub's presets."""

import json
import math
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import Backbone, GPT2Backbone
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.formats import open_source
from tfzoo.weights.shapes import shapes_of, variables

# Those of transformers' `GPT2Model`.
PARAMETERS = {
    "gpt2_base_en": 124_439_808,
    "gpt2_medium_en": 354_823_168,
    "gpt2_large_en": 774_030_080,
    "gpt2_extra_large_en": 1_557_611_200,
}
SIZES = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 32,
    "max_sequence_length": 16,
}


@pytest.fixture(scope="module")
def case(reference):
    return reference("12_gpt2_tf1_checkpoint")


@pytest.fixture(scope="module")
def inputs(case):
    return dict(np.load(case / "inputs.npz"))


@pytest.fixture(scope="module")
def expected(case):
    return dict(np.load(case / "expected.npz"))


@pytest.fixture(scope="module")
def model(case):
    return GPT2Backbone.from_preset(case / "models" / "tiny", return_encoder_outputs=True)


@pytest.fixture
def copied(case, tmp_path):
    """A copy of OpenAI's folder, to be changed."""
    return shutil.copytree(
        case / "models" / "tiny", tmp_path / "model", copy_function=shutil.copyfile
    )


def logits(model, hidden):
    return hidden @ keras.ops.transpose(model.token_embedding.embeddings)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def assert_same_weights(model, expected):
    ours, theirs = variables(model), variables(expected)
    assert ours.keys() == theirs.keys()
    for path, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[path], err_msg=path)


@pytest.mark.parametrize("prefix", ["", "long_"])
def test_openai_hidden_states_and_logits(model, inputs, expected, prefix):
    outputs = model({"token_ids": inputs[f"{prefix}tokens"]})
    close(outputs["encoder_outputs"][0], expected[f"{prefix}h0_out"])
    close(outputs["sequence_output"], expected[f"{prefix}ln_f"])
    close(logits(model, outputs["sequence_output"]), expected[f"{prefix}logits"])


def test_openai_cache_and_the_steps_after_it(model, inputs, expected):
    past, end = 8, inputs["tokens"].shape[1]
    theirs = expected["present"]  # (B, L, 2, N, K, D)
    outputs = model({"token_ids": inputs["tokens"]}, cache=model.empty_cache(3, end))
    close(np.stack([np.stack(pair, 1) for pair in outputs["cache"]], 1), theirs)

    empty = np.where(np.arange(end)[:, None] < past, theirs, 0)
    cache = [(keys, values) for keys, values in np.moveaxis(empty, 0, 2)]
    outputs = model({"token_ids": inputs["tokens"][:, past:]}, cache=cache, cache_index=past)
    close(logits(model, outputs["sequence_output"]), expected["step_logits_after_past8"])
    new = np.stack([np.stack(pair, 1) for pair in outputs["cache"]], 1)[..., past:, :]
    close(new, expected["step_present_after_past8"])


@pytest.mark.parametrize("change", [{"layer_norm_epsilon": 1e-6}, {"activation": "gelu"}])
def test_openai_constants_matter(case, inputs, expected, change):
    other = GPT2Backbone.from_preset(case / "models" / "tiny", **change)
    hidden = other({"token_ids": inputs["tokens"]})["sequence_output"]
    assert np.abs(hidden - expected["ln_f"]).max() > 5e-4


def test_openai_folder(case):
    source = open_source(case / "models" / "tiny")
    assert (source.format, source.family, source.task) == ("openai", "gpt2", "CausalLM")
    assert source.vocabulary("vocab.json").name == "encoder.json"
    assert source.vocabulary("merges.txt").name == "vocab.bpe"


def test_the_original_checkpoint_is_written_as_it_was(case, model, tmp_path):
    model.save_to_preset(tmp_path / "saved", format="openai")
    original = case / "models" / "tiny"
    ours, theirs = (
        tf.train.load_checkpoint(str(folder / "model.ckpt"))
        for folder in (tmp_path / "saved", original)
    )
    shapes = theirs.get_variable_to_shape_map()
    assert ours.get_variable_to_shape_map() == shapes
    for name in shapes:
        np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name))
    config, expected = (
        json.loads((folder / "hparams.json").read_text())
        for folder in (tmp_path / "saved", original)
    )
    assert config == expected


@pytest.mark.parametrize("format", ["tfzoo", "huggingface", "keras_hub", "openai"])
def test_there_and_back(model, format, tmp_path):
    model.save_to_preset(tmp_path / "saved", format=format)
    assert open_source(tmp_path / "saved").format == format
    again = Backbone.from_preset(tmp_path / "saved", name=model.name, return_encoder_outputs=True)
    assert again.get_config() == model.get_config()
    assert_same_weights(again, model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_head": None}, "n_head .* is None"),
        ({"n_layer": 10**9}, "n_layer"),
        ({"n_embd": 12}, "does not fit.*of another shape"),
        ({"n_ctx": 47}, r"'model/wpe' is \(48, 24\)"),
        ({"n_layer": 3}, "12 missing: 'model/h2/attn/c_attn/w'"),
    ],
)
def test_damaged_hparams(copied, change, message):
    path = copied / "hparams.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(WeightsError, match=message):
        GPT2Backbone.from_preset(copied)


def test_damaged_checkpoint(copied):
    data = copied / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged or incomplete"):
        GPT2Backbone.from_preset(copied)


@pytest.mark.parametrize(
    "change", [{"activation": "gelu"}, {"layer_norm_epsilon": 1e-6}, {"intermediate_dim": 31}]
)
def test_what_openai_cannot_say_is_not_written(change, tmp_path):
    model = GPT2Backbone(**{**SIZES, **change})
    with pytest.raises(ConfigError, match=f"cannot say that a model has {next(iter(change))}"):
        model.save_to_preset(tmp_path / "saved", format="openai")
    assert not (tmp_path / "saved").exists()


def test_presets_have_the_published_numbers_of_parameters():
    counts, handles = {}, []
    for name, preset in GPT2Backbone.presets.items():
        shapes = shapes_of(lambda p=preset: GPT2Backbone(**p.sizes))
        counts[name] = sum(map(math.prod, shapes.values()))
        handles.append(preset.handle)
    assert counts == PARAMETERS
    names = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
    assert handles == [f"hf://openai-community/{name}" for name in names]


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "activation": "relu",
        "layer_norm_epsilon": 1e-3,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = GPT2Backbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == GPT2Backbone.argument_names()
    assert GPT2Backbone.from_config(config).get_config() == config


def test_presets_of_keras_hub(tmp_path):
    from keras_nlp import models

    theirs = models.GPT2Backbone(**SIZES, dropout=0.2)
    random = np.random.default_rng(0)
    for variable in theirs.weights:
        mean = 1 if variable.name == "gamma" else 0
        variable.assign(random.normal(mean, 0.5, size=variable.shape))
    theirs.save_to_preset(str(tmp_path / "theirs"))
    ours = Backbone.from_preset(tmp_path / "theirs")
    assert type(ours) is GPT2Backbone
    assert ours.get_config().items() >= {**SIZES, "dropout": 0.2}.items()
    ids = {"token_ids": [[5, 6, 7, 8], [9, 1, 0, 0]], "padding_mask": [[1] * 4, [1, 1, 0, 0]]}
    ids = {name: np.array(rows) for name, rows in ids.items()}
    close(ours(ids)["sequence_output"], theirs(ids))

    ours.save_to_preset(tmp_path / "ours", format="keras_hub")
    again = models.GPT2Backbone.from_preset(str(tmp_path / "ours"))
    assert again.dropout == 0.2
    np.testing.assert_array_equal(again(ids), theirs(ids))
    with pytest.raises(ConfigError, match="cannot say that a model has activation"):
        GPT2Backbone(**SIZES, activation="relu").save_to_preset(tmp_path / "x", format="keras_hub")
