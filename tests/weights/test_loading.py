"""What is loaded, what starts anew, and who is told."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from tfzoo import BertBackbone, BertClassifier, BertMaskedLM, BertTokenClassifier, Classifier, Task
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.checkpoint import Checkpoint


@keras.saving.register_keras_serializable(package="test")
class OwnClassifier(BertClassifier):
    """A class of a user."""


@keras.saving.register_keras_serializable(package="test")
class OwnBackbone(BertBackbone):
    """Another."""


@pytest.fixture
def classifier(tiny_bert, preprocessor):
    names = ["bad", "fair", "good"]
    return BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor, class_names=names)


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def change_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def without_pooler(classifier, folder):
    """A folder of Hugging Face whose model has no pooler."""
    BertMaskedLM(classifier.backbone, classifier.preprocessor).save_to_preset(
        folder, format="huggingface"
    )
    return folder


@pytest.mark.parametrize("format", ["tfzoo", "huggingface"])
def test_users_own_classes(tiny_bert, preprocessor, tmp_path, format):
    backbone = OwnBackbone.from_config(tiny_bert(num_layers=1).get_config())
    model = OwnClassifier(backbone, preprocessor=preprocessor, class_names=["a", "b", "c"])
    model.save_to_preset(tmp_path / "saved", format=format)
    for cls in (OwnClassifier, BertClassifier, Classifier, Task):
        loaded = cls.from_preset(tmp_path / "saved")
        assert loaded.class_names == ["a", "b", "c"]
        np.testing.assert_array_equal(
            loaded.classification_head.logits.kernel, model.classification_head.logits.kernel
        )
    assert type(Task.from_preset(tmp_path / "saved")) is BertClassifier
    if format == "huggingface":
        config = json.loads((tmp_path / "saved" / "config.json").read_text())
        assert config["architectures"] == ["BertForSequenceClassification"]


def test_a_missing_pooler_starts_anew_and_is_told(classifier, tmp_path):
    folder = without_pooler(classifier, tmp_path / "saved")
    for load in (BertBackbone.from_preset, lambda path: BertClassifier.from_preset(path).backbone):
        with pytest.warns(UserWarning, match=r"has no pooler/dense/kernel.*initial weights"):
            backbone = load(folder)
        assert 0.01 < np.std(backbone.pooler.dense.kernel) < 0.03
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = BertMaskedLM.from_preset(folder)  # has no use for it
    assert np.std(model.backbone.pooler.dense.kernel) > 0.01


def test_warnings_point_at_the_callers_line(classifier, tmp_path):
    folder = without_pooler(classifier, tmp_path / "saved")
    with pytest.warns(UserWarning, match="has no pooler") as caught:
        BertClassifier.from_preset(folder)
    assert caught[0].filename == __file__


def test_layers_keep_their_initializer_after_loading(classifier, tmp_path):
    classifier.save_to_preset(tmp_path / "saved")
    dense = BertClassifier.from_preset(tmp_path / "saved").backbone.pooler.dense
    assert np.std(dense.kernel_initializer((16, 16))) > 0.01
    again = keras.layers.deserialize(keras.layers.serialize(dense))
    assert np.std(again.kernel_initializer((16, 16))) > 0.01


def test_loading_inside_a_function_is_refused(classifier, tmp_path):
    classifier.save_to_preset(tmp_path / "saved")

    @tf.function
    def load():
        BertClassifier.from_preset(tmp_path / "saved")

    with pytest.raises(Exception, match=r"ConfigError: .* inside a tf\.function"):
        load()


def test_heads_of_another_task_are_not_taken(classifier, tmp_path):
    """Hugging Face calls the heads for texts and for tokens by the same names."""
    classifier.save_to_preset(tmp_path / "saved", format="huggingface")
    model = BertTokenClassifier.from_preset(tmp_path / "saved", num_classes=3)
    kernels = model.token_classification_head.logits.kernel, classifier.classification_head
    assert not np.array_equal(kernels[0], kernels[1].logits.kernel)
    changes = {"architectures": ["BertForNextSentencePrediction"], "id2label": None}
    change_json(tmp_path / "saved" / "config.json", **changes)
    with pytest.raises(WeightsError, match="without the heads of a task"):
        Task.from_preset(tmp_path / "saved")


@pytest.mark.parametrize("kept", ["kernel", "bias"])
def test_a_part_of_a_head_is_refused(classifier, tmp_path, kept):
    classifier.save_to_preset(tmp_path / "saved")
    lost = {"kernel": "bias", "bias": "kernel"}[kept]

    def change(weights):
        del weights[f"classification_head/logits/{lost}"]
        name = f"classification_head/logits/{kept}"
        weights[name] = np.zeros((5,) * weights[name].ndim, "float32")

    change_weights(tmp_path / "saved", change)
    with pytest.raises(WeightsError, match=f"missing: 'classification_head/logits/{lost}'"):
        BertClassifier.from_preset(tmp_path / "saved")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, (3, ["bad", "fair", "good"], "multi_label")),
        ({"problem_type": "single_label"}, (3, ["bad", "fair", "good"], "single_label")),
        ({"class_names": ("bad", "fair", "good")}, (3, ["bad", "fair", "good"], "multi_label")),
        ({"class_names": ["x", "y", "z"]}, (3, ["x", "y", "z"], "multi_label")),
        ({"class_names": ["x", "y"]}, (2, ["x", "y"], "multi_label")),
        ({"num_classes": 3}, (3, ["bad", "fair", "good"], "multi_label")),
        ({"num_classes": 4}, (4, None, "multi_label")),
        ({"problem_type": "regression"}, (1, None, "regression")),
    ],
)
@pytest.mark.parametrize("format", ["tfzoo", "huggingface"])
def test_what_a_caller_changes_of_the_classes(
    tiny_bert, preprocessor, tmp_path, format, overrides, expected
):
    names = ["bad", "fair", "good"]
    model = BertClassifier(
        tiny_bert(num_layers=1), None, preprocessor, class_names=names, problem_type="multi_label"
    )
    model.save_to_preset(tmp_path / "saved", format=format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of heads in another shape
        loaded = BertClassifier.from_preset(tmp_path / "saved", **overrides)
    assert (loaded.num_classes, loaded.class_names, loaded.problem_type) == expected


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("format", ["huggingface", "keras_hub", "google"])
def test_casing_survives(tiny_bert, preprocessor, tmp_path, format, lowercase):
    tokenizer = type(preprocessor.tokenizer)(preprocessor.tokenizer.vocabulary, lowercase)
    preprocessor = type(preprocessor)(tokenizer, 16)
    model = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor, dropout=0.3)
    model.save_to_preset(tmp_path / "saved", format=format)
    loaded = BertClassifier.from_preset(tmp_path / "saved")
    assert loaded.preprocessor.tokenizer.lowercase is lowercase
    assert loaded.dropout == (0.1 if format == "google" else 0.3)


def test_a_preset_is_not_replaced_by_another_format(classifier, tmp_path):
    classifier.save_to_preset(tmp_path / "saved")
    with pytest.raises(ConfigError, match="holds something else"):
        classifier.save_to_preset(tmp_path / "saved", format="huggingface")
    assert (tmp_path / "saved" / "tfzoo.json").is_file()


def test_models_with_variables_of_their_own_are_not_saved(classifier, tmp_path):
    classifier.backbone.pooler.dense.quantize("int8")
    with pytest.raises(ConfigError, match=r"changed one by one \(pooler/dense.*\.keras file"):
        classifier.save_to_preset(tmp_path / "saved")


def test_what_is_frozen_stays_so_in_keras_files_and_not_in_presets(classifier, tmp_path):
    classifier.backbone.train_last_layers(0)
    frozen = len(classifier.trainable_weights)
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_weights) == frozen < len(classifier.weights) // 2
    classifier.save_to_preset(tmp_path / "saved")
    loaded = BertClassifier.from_preset(tmp_path / "saved")
    assert len(loaded.trainable_weights) == len(classifier.weights)
    frozen = BertClassifier.from_preset(tmp_path / "saved", trainable=False)
    assert frozen.backbone.trainable is False
    assert len(frozen.trainable_weights) == 2


def test_a_folder_called_as_the_checkpoint_is_not_followed(reference, tmp_path):
    for path in reference("01_bert_tf1_checkpoint").glob("bert_model.ckpt.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert Checkpoint(tmp_path / "bert_model.ckpt").specs
    (tmp_path / "bert_model.ckpt").mkdir()
    with pytest.raises(WeightsError, match="it is a folder"):
        Checkpoint(tmp_path / "bert_model.ckpt")
