"""What is written in the formats of others is what was loaded, bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import Backbone, BertBackbone, BertClassifier, BertPretrainer, Task
from tfzoo.errors import ConfigError, TfzooError, WeightsError
from tfzoo.weights.formats import WRITERS, open_source
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
FOREIGN = sorted(WRITERS.keys() & BertBackbone.formats.keys())


@pytest.fixture
def pretrainer(tiny_bert, preprocessor):
    return BertPretrainer(tiny_bert(), preprocessor=preprocessor)


def assert_same(model, expected):
    ours, theirs = variables(model), variables(expected)
    assert ours.keys() == theirs.keys()
    for path in ours:
        np.testing.assert_array_equal(ours[path], theirs[path], err_msg=path)


def without_name(model):
    return {name: value for name, value in model.get_config().items() if name != "name"}


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("format", ["tfzoo", *FOREIGN])
def test_backbone_there_and_back(tiny_bert, tmp_path, format):
    backbone = tiny_bert(dropout=0.2)
    backbone.save_to_preset(tmp_path / "saved", format=format)
    loaded = Backbone.from_preset(tmp_path / "saved")
    assert_same(loaded, backbone)
    assert without_name(loaded) == without_name(backbone)
    assert listing(tmp_path) == ["saved"]
    assert open_source(tmp_path / "saved").format == format


@pytest.mark.parametrize("format", ["tfzoo", "huggingface", "google"])
def test_task_there_and_back(pretrainer, tmp_path, format):
    pretrainer.save_to_preset(tmp_path / "saved", format=format)
    loaded = Task.from_preset(tmp_path / "saved", lowercase=True)
    assert type(loaded) is BertPretrainer
    assert_same(loaded, pretrainer)
    tokenizers = (model.preprocessor.tokenizer for model in (loaded, pretrainer))
    assert next(tokenizers).get_config() == next(tokenizers).get_config()


@pytest.mark.parametrize("format", ["tfzoo", *FOREIGN])
@pytest.mark.parametrize(
    "artifact", ["hub_bert_2019", "hub_bert_mlm", "garden_bert_encoder", "garden_bert_pretrainer"]
)
def test_published_formats_in_all_others(artifact, format, tmp_path):
    handle = next((ARTIFACTS / artifact).glob("model*"))
    backbone = BertBackbone.from_preset(handle)
    backbone.save_to_preset(tmp_path / "saved", format=format)
    loaded = BertBackbone.from_preset(tmp_path / "saved")
    assert_same(loaded, backbone)
    assert without_name(loaded) == without_name(backbone)


def test_the_original_checkpoint_is_written_as_it_was(reference, tmp_path):
    original = reference("01_bert_tf1_checkpoint")
    BertPretrainer.from_preset(original).save_to_preset(tmp_path / "saved", format="google")
    ours, theirs = (
        tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
        for folder in (tmp_path / "saved", original)
    )
    assert ours.get_variable_to_shape_map() == theirs.get_variable_to_shape_map()
    assert ours.get_variable_to_dtype_map() == theirs.get_variable_to_dtype_map()
    for name in theirs.get_variable_to_shape_map():
        np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name), err_msg=name)
    saved, published = (
        json.loads((folder / "bert_config.json").read_text())
        for folder in (tmp_path / "saved", original)
    )
    assert saved == published
    vocabularies = (folder / "vocab.txt" for folder in (tmp_path / "saved", original))
    assert next(vocabularies).read_text() == next(vocabularies).read_text()
    assert tf.train.latest_checkpoint(tmp_path / "saved").endswith("/bert_model.ckpt")


def test_classifier_as_a_google_checkpoint(tiny_bert, preprocessor, tmp_path):
    model = BertClassifier(tiny_bert(), num_classes=3, preprocessor=preprocessor)
    model.save_to_preset(tmp_path / "saved", format="google")
    loaded = BertClassifier.from_preset(tmp_path / "saved")
    assert loaded.num_classes == 3
    assert_same(loaded, model)


@pytest.mark.parametrize(
    ("format", "change"),
    [
        ("google", {"activation": "gelu"}),
        ("google", {"layer_norm_epsilon": 1e-5}),
        ("keras_hub", {"layer_norm_epsilon": 1e-5}),
    ],
)
def test_what_a_format_cannot_say_is_refused(tiny_bert, tmp_path, format, change):
    ((name, value),) = change.items()
    with pytest.raises(ConfigError, match=f"cannot say that a model has {name}={value!r}"):
        tiny_bert(**change).save_to_preset(tmp_path / "saved", format=format)
    assert listing(tmp_path) == []


def test_unknown_formats_and_heads_without_names(tiny_bert, pretrainer, tmp_path):
    with pytest.raises(ConfigError, match=r"not written as 'onnx'; choose one of tfzoo, hugg"):
        tiny_bert().save_to_preset(tmp_path / "saved", format="onnx")
    with pytest.raises(ConfigError, match=r"not written as 'hub'; choose"):
        tiny_bert().save_to_preset(tmp_path / "saved", format="hub")
    with pytest.raises(WeightsError, match=r"no name for .*next_sentence_head.*its backbone"):
        pretrainer.save_to_preset(tmp_path / "saved", format="keras_hub")
    assert listing(tmp_path) == []


@pytest.mark.parametrize("format", FOREIGN)
def test_nothing_is_written_over_anything_else(tiny_bert, tmp_path, format):
    model, folder = tiny_bert(num_layers=1), tmp_path / "saved"
    model.save_to_preset(folder, format=format)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="holds something else; choose another folder"):
        model.save_to_preset(folder, format=format)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert listing(tmp_path) == ["saved"]


@pytest.mark.parametrize("format", FOREIGN)
def test_an_interrupted_write_leaves_nothing(tiny_bert, tmp_path, format, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TfzooError, match="No space left on device"):
        tiny_bert(num_layers=1).save_to_preset(tmp_path / "saved", format=format)
    assert listing(tmp_path) == []
