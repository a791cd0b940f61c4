"""ELECTRA: its published sizes, and Google's checkpoint of both of its parts."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfzoo import Backbone, ElectraBackbone, ElectraMaskedLM, ElectraPretrainer, Task
from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.weights.formats import open_source
from tfzoo.weights.preset import head_names
from tfzoo.weights.shapes import shapes_of, variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
GOOGLE = ARTIFACTS / "electra_google" / "model"
PARAMETERS = {
    "electra_small_en_uncased": 13_483_008,
    "electra_base_en_uncased": 108_891_648,
    "electra_large_en_uncased": 334_092_288,
    "electra_small_generator_en_uncased": 13_483_008,
    "electra_base_generator_en_uncased": 33_511_168,
    "electra_large_generator_en_uncased": 50_999_552,
}
SIZES = {
    "vocabulary_size": 23,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "embedding_dim": 8,
    "max_sequence_length": 24,
}


@pytest.fixture(params=["discriminator", "generator"])
def part(request):
    return request.param


def read_expected(part):
    with np.load(ARTIFACTS / f"electra_{part}" / "expected.npz") as file:
        expected = dict(file)
    features = {
        "token_ids": expected["input_ids"],
        "padding_mask": expected["attention_mask"],
        "segment_ids": expected["token_type_ids"],
    }
    return features, expected


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def test_presets_have_the_published_numbers_of_parameters():
    counts = {
        name: sum(map(math.prod, shapes_of(lambda p=preset: ElectraBackbone(**p.sizes)).values()))
        for name, preset in ElectraBackbone.presets.items()
    }
    assert counts == PARAMETERS
    for name, preset in ElectraBackbone.presets.items():
        assert name.split("_")[1] in preset.handle
        assert ("generator" in name) == ("generator" in preset.handle)


@pytest.mark.parametrize("width", [None, 16])
def test_embeddings_as_wide_as_the_layers_are_not_projected(width):
    backbone = ElectraBackbone(**{**SIZES, "embedding_dim": width})
    assert not [path for path in variables(backbone) if "projection" in path or "pooler" in path]
    assert backbone.get_config()["embedding_dim"] is None


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "num_segments": 3,
        "layer_norm_epsilon": 1e-5,
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = ElectraBackbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == ElectraBackbone.argument_names()
    assert ElectraBackbone.from_config(config).get_config() == config


def test_google_checkpoint_is_known_from_its_names():
    source = open_source(GOOGLE)
    assert (source.format, source.family) == ("google", "electra")
    assert "global_step" not in source.tensors.specs
    rest = {name for name in source.tensors.specs if not name.startswith("electra/")}
    heads = ("generator", "discriminator_head")
    assert set.union(*(head_names(ElectraBackbone, head, source) for head in heads)) == rest
    model = Task.from_preset(GOOGLE)
    assert type(model) is ElectraPretrainer
    assert model.preprocessor.tokenizer.lowercase is True
    assert model.generator_hidden_dim == 10


def test_google_checkpoint_holds_both_parts(part):
    model = ElectraPretrainer.from_preset(GOOGLE, return_encoder_outputs=True)
    features, expected = read_expected(part)
    generator = part == "generator"
    backbone = model.generator.backbone if generator else model.backbone
    outputs = backbone(features)
    close(np.stack(outputs["encoder_outputs"]), expected["hidden_states"][1:])
    logits = model.generator(features) if generator else model(features)["replaced_tokens"]
    close(logits, expected["logits"])


def test_google_checkpoint_as_a_backbone_is_the_discriminator():
    features, expected = read_expected("discriminator")
    backbone = Backbone.from_preset(GOOGLE)
    assert type(backbone) is ElectraBackbone
    close(backbone(features)["sequence_output"], expected["hidden_states"][-1])


def test_heads_in_no_file_are_64_wide_unless_stated():
    assert ElectraBackbone.from_preset(GOOGLE).get_config()["num_heads"] == 1
    assert ElectraBackbone.from_preset(GOOGLE, num_heads=4).get_config()["num_heads"] == 4


@pytest.mark.parametrize("format", ["google", "tfzoo"])
def test_both_parts_there_and_back(format, tmp_path):
    model = ElectraPretrainer.from_preset(GOOGLE)
    model.save_to_preset(tmp_path / "saved", format=format)
    again = Task.from_preset(tmp_path / "saved")
    assert type(again) is ElectraPretrainer
    assert again.own_config() == model.own_config()
    loaded = variables(again)
    assert loaded.keys() == variables(model).keys()
    for path, variable in variables(model).items():
        np.testing.assert_array_equal(loaded[path], variable, err_msg=path)
    ours, theirs = (open_source(each).tensors.specs for each in (tmp_path / "saved", GOOGLE))
    if format == "google":
        assert ours == theirs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_heads": 4}, "do not state num_heads, which readers take to be 1 .* has 4"),
        ({"layer_norm_epsilon": 1e-5}, "do not state layer_norm_epsilon"),
    ],
)
def test_what_google_checkpoints_do_not_state_is_not_changed(change, message, tmp_path):
    backbone = ElectraBackbone.from_preset(GOOGLE, **change)
    with pytest.raises(ConfigError, match=message):
        backbone.save_to_preset(tmp_path / "saved", format="google")
    assert not (tmp_path / "saved").exists()


def test_checkpoint_of_nobody_knows_whom(tmp_path):
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "model.ckpt"),
        tensor_names=["kernel"],
        shape_and_slices=[""],
        tensors=[tf.ones((2, 2))],
    )
    with pytest.raises(HandleError, match="no weights that are known"):
        Backbone.from_preset(tmp_path)


def test_damaged_checkpoint(tmp_path):
    folder = shutil.copytree(GOOGLE, tmp_path / "model")
    data = folder / "electra_tiny.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="electra_tiny"):
        Backbone.from_preset(folder)


def test_masked_lm_head_of_a_generator_is_not_put_on_a_discriminator():
    """It would fit the small size, whose parts have one width."""
    first, second = (ElectraMaskedLM.from_preset(GOOGLE) for _ in range(2))
    kernels = [model.masked_lm_head.dense.kernel for model in (first, second)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0


def test_a_discriminator_is_no_masked_language_model_without_a_word():
    with pytest.warns(UserWarning, match="masked_lm_head"):
        ElectraMaskedLM.from_preset(GOOGLE)
