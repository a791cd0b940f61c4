"""Presets: saved and loaded bit for bit, by any task, whole or not at all."""

import json
import os
import shutil
import warnings

import keras
import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tfzoo import BertBackbone, BertClassifier, BertMaskedLM
from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.weights import mapping
from tfzoo.weights.formats import open_source
from tfzoo.weights.names import Identity
from tfzoo.weights.shapes import variables


@pytest.fixture
def classifier(tiny_bert, preprocessor):
    backbone = tiny_bert(num_layers=1)
    return BertClassifier(backbone, preprocessor=preprocessor, class_names=["bad", "good"])


@pytest.fixture
def folder(classifier, tmp_path):
    classifier.save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def assert_same_weights(model, expected):
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def change_json(folder, change):
    path = folder / "tfzoo.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_loaded_is_what_was_saved(folder, classifier):
    keras.utils.set_random_seed(7)
    loaded = BertClassifier.from_preset(folder, name=classifier.name)
    assert_same_weights(loaded, classifier)
    assert loaded.get_config() == classifier.get_config()
    assert listing(folder) == ["model.safetensors", "tfzoo.json", "vocab.txt"]
    assert listing(folder.parent) == ["preset"]


def test_saved_again_is_the_same_bytes(folder, tmp_path):
    BertClassifier.from_preset(folder).save_to_preset(tmp_path / "again")
    for name in listing(folder):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_backbone_alone(tiny_bert, tmp_path):
    backbone = tiny_bert(num_layers=1, activation="gelu", dtype="mixed_bfloat16")
    backbone.save_to_preset(tmp_path / "bert")
    loaded = BertBackbone.from_preset(tmp_path / "bert")
    assert_same_weights(loaded, backbone)
    # The precision is the next process's choice.
    assert loaded.get_config() == {**backbone.get_config(), "dtype": "float32"}
    overridden = BertBackbone.from_preset(tmp_path / "bert", dtype="float32", dropout=0.4)
    assert (overridden.compute_dtype, overridden.embeddings.dropout) == ("float32", 0.4)


def test_backbone_of_a_task(folder, classifier):
    assert_same_weights(BertBackbone.from_preset(folder), classifier.backbone)


def test_other_task_takes_the_backbone_and_starts_its_own_head(folder, classifier):
    heads = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = BertMaskedLM.from_preset(folder)
        assert_same_weights(model.backbone, classifier.backbone)
        heads.append(model.masked_lm_head)
    assert_same_weights(*heads)
    assert 0.01 < np.std(heads[0].dense.kernel) < 0.03


def test_other_number_of_classes_starts_a_new_head_with_a_warning(folder, classifier):
    with pytest.warns(UserWarning, match="classification_head of .* has another shape"):
        model = BertClassifier.from_preset(folder, num_classes=5)
    assert model.class_names is None
    assert model.classification_head.logits.kernel.shape == (16, 5)
    assert_same_weights(model.backbone, classifier.backbone)
    with pytest.warns(UserWarning, match="classification_head"):
        model = BertClassifier.from_preset(folder, class_names=["a", "b", "c"])
    assert (model.num_classes, model.class_names) == (3, ["a", "b", "c"])


def test_same_number_of_classes_keeps_the_names(folder):
    assert BertClassifier.from_preset(folder, num_classes=2).class_names == ["bad", "good"]
    renamed = BertClassifier.from_preset(folder, class_names=["no", "yes"])
    assert renamed.class_names == ["no", "yes"]


def test_overrides_reach_the_part_that_knows_them(folder):
    model = BertClassifier.from_preset(
        folder,
        load_weights=False,
        sequence_length=8,
        lowercase=False,
        dropout=0.3,
        activation="gelu",
        problem_type="multi_label",
        dtype="mixed_bfloat16",
        name="renamed",
    )
    assert model.preprocessor.sequence_length == 8
    assert model.preprocessor.tokenizer.lowercase is False
    assert model.dropout == model.backbone.embeddings.dropout == 0.3
    assert model.backbone.encoder.layer_config["activation"] == "gelu"
    assert model.problem_type == "multi_label"
    assert model.compute_dtype == model.backbone.compute_dtype == "bfloat16"
    assert model.classification_head.compute_dtype == "bfloat16"
    assert (model.name, model.backbone.name) != ("renamed", "renamed")
    assert model.name == "renamed"


def test_unknown_override(folder):
    with pytest.raises(ConfigError, match=r"no argument num_clases; known are .*num_classes"):
        BertClassifier.from_preset(folder, num_clases=3)


def test_weights_left_out(folder, classifier):
    model = BertClassifier.from_preset(folder, load_weights=False)
    kernel = model.backbone.pooler.dense.kernel
    assert np.abs(kernel - classifier.backbone.pooler.dense.kernel).max() > 0.01


def test_vocabulary_that_does_not_fit(folder, preprocessor):
    words = preprocessor.tokenizer.vocabulary
    (folder / "vocab.txt").write_text("\n".join([*words, "one", "more"]))
    with pytest.raises(ConfigError, match="has 25 entries and the embedding 23 rows"):
        BertClassifier.from_preset(folder)


def test_vocabulary_that_is_absent(folder):
    (folder / "vocab.txt").unlink()
    with pytest.raises(WeightsError, match=r"has no vocab\.txt"):
        BertClassifier.from_preset(folder)


def test_table_with_spare_rows_fits(tiny_bert, preprocessor):
    BertClassifier(tiny_bert(vocabulary_size=23 + 105), preprocessor=preprocessor)
    with pytest.raises(ConfigError, match="vocabulary"):
        BertClassifier(tiny_bert(vocabulary_size=23 + 128), preprocessor=preprocessor)


def test_longer_rows_than_positions(folder):
    with pytest.raises(ConfigError, match="sequence_length is 25, and the backbone has 24"):
        BertClassifier.from_preset(folder, sequence_length=25)


def test_truncated_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="damaged or incomplete"):
        BertClassifier.from_preset(folder)


def test_nothing_is_loaded_where_one_tensor_is_amiss(folder, tiny_bert):
    weights = load_file(folder / "model.safetensors")
    weights["pooler/dense/bias"] = weights["pooler/dense/bias"][:-1]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"pooler/dense/bias' is \(15,\).*\(16,\)"):
        BertBackbone.from_preset(folder)

    backbone = tiny_bert(num_layers=1)
    before = backbone.get_weights()
    source = open_source(folder)
    with pytest.raises(WeightsError):
        mapping.load(variables(backbone), Identity(ignore=["*_head/*"]), source.tensors)
    for old, new in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_other_names(folder, change):
    weights = load_file(folder / "model.safetensors")
    if change == "missing":
        del weights["embeddings/layer_norm/beta"]
    else:
        weights["embeddings/layer_norm/delta"] = np.ones(16, "float32")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=f"1 {change}: 'embeddings/layer_norm/"):
        BertClassifier.from_preset(folder)


def test_other_sizes_than_the_file_says(folder):
    with pytest.raises(WeightsError, match="nothing was loaded"):
        BertClassifier.from_preset(folder, hidden_dim=32)


def test_other_family(folder):
    change_json(folder, lambda config: config.update(family="albert"))
    with pytest.raises(WeightsError, match=r"albert weights.*BertBackbone does not read"):
        BertClassifier.from_preset(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(version=2), "version 2, and this tfzoo reads 1"),
        (lambda config: config.update(backbone="x"), "damaged"),
        (lambda config: config["backbone"].update(config=[]), "damaged"),
        (lambda config: config["backbone"]["config"].update(activation={}), "damaged"),
        (lambda config: config["backbone"]["config"].update(colour="red"), "colour"),
        (lambda config: config["backbone"]["config"].pop("num_heads"), "num_heads"),
        (lambda config: config["tokenizer"].update(config=3), "damaged"),
        (lambda config: config["task"]["config"].update(class_names=["one"]), "class names"),
        (lambda config: config["task"]["config"].update(class_names=[["a"], "b"]), "class_names"),
        (lambda config: config["task"]["config"].update(class_names="ab"), "class_names 'ab'"),
        (lambda config: config["task"]["config"].update(dropout=5.0), "dropout 5.0"),
        (lambda config: config["backbone"]["config"].update(num_heads=0), "num_heads 0"),
        (lambda config: config["backbone"]["config"].update(hidden_dim=False), "hidden_dim False"),
        (lambda config: config["backbone"]["config"].update(num_layers=10**6), "num_layers 10000"),
        (lambda config: config["backbone"]["config"].update(name="a/b"), "name 'a/b'"),
        (lambda config: config["backbone"]["config"].update(trainable=1), "trainable 1"),
        (lambda config: config["backbone"]["config"].update(dtype="x"), "dtype 'x'"),
        (lambda config: config["backbone"]["config"].update(dropout=10**400), "dropout 1000"),
        (lambda config: config["preprocessor"]["config"].update(colour=1), "colour 1"),
        (lambda config: config["preprocessor"]["config"].update(sequence_length=5.5), "length 5.5"),
        (lambda config: config["tokenizer"]["config"].update(lowercase="yes"), "lowercase 'yes'"),
    ],
)
def test_damaged_configuration(folder, change, message):
    change_json(folder, change)
    with pytest.raises((WeightsError, ConfigError), match=message):
        BertClassifier.from_preset(folder)


def test_unknown_handle():
    with pytest.raises(HandleError, match="no_such_preset"):
        BertClassifier.from_preset("no_such_preset")


def test_preset_is_replaced(folder, classifier):
    head = classifier.classification_head.logits
    head.bias.assign([1.0, 2.0])
    (folder / "left over").write_text("from before")
    classifier.save_to_preset(folder)
    loaded = BertClassifier.from_preset(folder)
    assert loaded.classification_head.logits.bias.numpy().tolist() == [1.0, 2.0]
    assert listing(folder) == ["model.safetensors", "tfzoo.json", "vocab.txt"]


def test_folder_with_other_things_is_left_alone(classifier, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else"):
        classifier.save_to_preset(tmp_path)
    assert listing(tmp_path) == ["thesis.tex"]


def test_file_where_the_folder_should_be(classifier, tmp_path):
    path = tmp_path / "file"
    path.write_text("years of work")
    for target in (path, path / "below"):
        with pytest.raises(ConfigError, match="choose another"):
            classifier.save_to_preset(target)
    assert path.read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written(classifier, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        classifier.save_to_preset(tmp_path / "preset")


def test_failed_save_leaves_the_old_preset(folder, classifier, monkeypatch):
    before = {name: (folder / name).read_bytes() for name in listing(folder)}

    def full(*args, **kwargs):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        classifier.save_to_preset(folder)
    assert {name: (folder / name).read_bytes() for name in listing(folder)} == before
    assert listing(folder.parent) == ["preset"]


def test_folder_that_was_there_and_empty(classifier, tmp_path):
    (tmp_path / "empty").mkdir()
    classifier.save_to_preset(str(tmp_path / "empty"))
    assert len(listing(tmp_path / "empty")) == 3


def test_preset_can_be_moved_and_archived(folder, classifier, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder.parent, folder.name)
    assert_same_weights(BertClassifier.from_preset(archive), classifier)


@pytest.mark.parametrize("scope", ["outer", "encoder", "embeddings"])
def test_names_do_not_depend_on_where_a_model_was_built(tiny_bert, scope):
    class Outer(keras.layers.Layer):
        def build(self, input_shape):
            self.classifier = BertClassifier(tiny_bert(num_layers=1))

    outer = Outer(name=scope)
    outer.build((None, None))
    expected = variables(BertClassifier(tiny_bert(num_layers=1)))
    found = variables(outer.classifier)
    assert outer.classifier.weights[0].path.startswith(f"{scope}/")
    assert found.keys() == expected.keys()
    assert {id(variable) for variable in found.values()} == {
        id(variable) for variable in outer.classifier.weights
    }


def test_task_without_preprocessor(tiny_bert, tmp_path):
    classifier = BertClassifier(tiny_bert(num_layers=1), num_classes=3)
    classifier.save_to_preset(tmp_path / "features")
    loaded = BertClassifier.from_preset(tmp_path / "features")
    assert loaded.preprocessor is None
    assert_same_weights(loaded, classifier)
