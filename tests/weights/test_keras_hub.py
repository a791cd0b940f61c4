"""KerasHub's presets, which keras_nlp writes here, and tfzoo's, which keras_nlp reads here."""

import json
import shutil
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

import tfzoo
from tfzoo import BertBackbone, BertClassifier, BertPretrainer
from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.weights.shapes import variables

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "##s", "was", "good", "!"]
FEATURES = {
    "token_ids": np.array([[2, 5, 6, 7, 3, 9, 10, 3], [9, 8, 2, 3, 0, 0, 0, 0]]),
    "padding_mask": np.array([[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0, 0]]),
    "segment_ids": np.array([[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0]]),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """KerasHub's models with random weights, and the folders that it saved them in."""
    import keras_nlp

    models = keras_nlp.models
    backbone = models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        dropout=0.2,
        max_sequence_length=16,
        num_segments=3,
    )
    tokenizer = models.BertTokenizer(VOCABULARY, lowercase=True)
    classifier = models.BertTextClassifier(
        backbone, 3, models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8)
    )
    masked_lm = models.BertMaskedLM(
        backbone, models.BertMaskedLMPreprocessor(tokenizer, sequence_length=8)
    )
    random = np.random.default_rng(0)
    for model in (classifier, masked_lm):
        for variable in model.weights:
            mean = 1 if variable.name == "gamma" else 0
            variable.assign(random.normal(mean, 0.5, size=variable.shape))
    folder = tmp_path_factory.mktemp("keras_hub")
    backbone.save_to_preset(str(folder / "backbone"))
    tokenizer.save_to_preset(str(folder / "backbone"))
    classifier.save_to_preset(str(folder / "classifier"))
    masked_lm.save_to_preset(str(folder / "masked_lm"))
    return SimpleNamespace(
        models=models,
        backbone=backbone,
        tokenizer=tokenizer,
        classifier=classifier,
        masked_lm=masked_lm,
        folder=folder,
    )


@pytest.fixture
def folder(hub, tmp_path):
    """A copy of the classifier's preset, to be changed."""
    return shutil.copytree(hub.folder / "classifier", tmp_path / "preset")


def change(path, **settings):
    """Changes arguments in a JSON file of a preset; "absent" removes one."""
    value = json.loads(path.read_text())
    config = {**value["config"], **settings}
    value["config"] = {name: each for name, each in config.items() if each != "absent"}
    path.write_text(json.dumps(value))


def arrays(path):
    """What lies in an .h5 file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, each: found.update({name: each}) if is_array(each) else None)
        return {name: each[()] for name, each in found.items()}


def is_array(each):
    return isinstance(each, h5py.Dataset)


def assert_close(ours, theirs):
    ours, theirs = keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
    rows = theirs.reshape(-1, theirs.shape[-1])
    assert np.ptp(rows, axis=0).mean() > 0.05, "outputs that hardly depend on the inputs"
    np.testing.assert_allclose(ours, theirs, atol=2e-5, rtol=0)


def assert_same_weights(model, expected):
    ours, theirs = variables(model), variables(expected)
    assert ours.keys() == theirs.keys()
    for path, variable in theirs.items():
        np.testing.assert_array_equal(ours[path], variable, err_msg=path)


@pytest.mark.parametrize("preset", ["backbone", "classifier", "masked_lm"])
def test_hidden_states_and_pooled_output(hub, preset):
    model = BertBackbone.from_preset(hub.folder / preset)
    config = model.get_config()
    assert {name: config[name] for name in ("num_layers", "dropout", "num_segments")} == {
        "num_layers": 2,
        "dropout": 0.2,
        "num_segments": 3,
    }
    ours, theirs = model(FEATURES), hub.backbone(FEATURES)
    assert_close(ours["sequence_output"], theirs["sequence_output"])
    assert_close(ours["pooled_output"], theirs["pooled_output"])


def test_layers_are_counted(hub, tmp_path):
    sizes = dict.fromkeys(("vocabulary_size", "hidden_dim", "intermediate_dim"), 4)
    theirs = hub.models.BertBackbone(**sizes, num_layers=11, num_heads=2)
    theirs.save_to_preset(str(tmp_path))
    ours = variables(BertBackbone.from_preset(tmp_path))
    for number, layer in enumerate(theirs.transformer_layers):
        kernel = layer._feedforward_output_dense.kernel
        np.testing.assert_array_equal(ours[f"encoder/layer_{number}/output/kernel"], kernel)


def test_classifier_brings_its_head_and_its_tokenizer(hub):
    model = tfzoo.Task.from_preset(hub.folder / "classifier", sequence_length=8)
    assert type(model) is BertClassifier
    assert model.num_classes == 3
    texts = ["a film!", "a films was good"]
    assert_close(model(FEATURES), hub.classifier(FEATURES))
    features = hub.classifier.preprocessor(texts)
    for name, ours in model.preprocessor(texts, length=8).items():
        np.testing.assert_array_equal(ours, features[name], err_msg=name)


def test_backbone_makes_a_classifier_with_a_new_head(hub):
    model = BertClassifier.from_preset(hub.folder / "backbone", num_classes=5)
    assert model(FEATURES).shape == (2, 5)
    assert_same_weights(model.backbone, BertBackbone.from_preset(hub.folder / "backbone"))


def test_head_of_a_task_without_weights_is_new(folder):
    (folder / "task.weights.h5").unlink()
    assert BertClassifier.from_preset(folder).num_classes == 2


def test_written_classifier_is_what_keras_hub_loads(hub, tmp_path):
    model = BertClassifier.from_preset(hub.folder / "classifier", sequence_length=8, dropout=0.3)
    folder = tmp_path / "preset"
    model.save_to_preset(folder, format="keras_hub")
    theirs = hub.models.BertTextClassifier.from_preset(str(folder))
    assert_close(theirs(FEATURES), hub.classifier(FEATURES))
    assert (theirs.num_classes, theirs.dropout) == (3, 0.3)
    assert theirs.backbone.get_config()["num_segments"] == 3
    assert theirs.preprocessor.sequence_length == 8
    backbone = hub.models.Backbone.from_preset(str(folder))
    assert type(backbone) is hub.models.BertBackbone
    assert_close(backbone(FEATURES)["pooled_output"], hub.backbone(FEATURES)["pooled_output"])
    # What keras_nlp's optimizer left in the task's file is not the model's.
    for name in ("model.weights.h5", "task.weights.h5"):
        expected = arrays(hub.folder / "classifier" / name)
        expected = {key: each for key, each in expected.items() if not key.startswith("optimizer/")}
        written = arrays(folder / name)
        assert written.keys() == expected.keys()
        for key, array in expected.items():
            np.testing.assert_array_equal(written[key], array, err_msg=key)
    assert_same_weights(BertClassifier.from_preset(folder), model)


def test_written_backbone_is_what_keras_hub_loads(hub, tiny_bert, tmp_path):
    model = tiny_bert(num_layers=1)
    model.save_to_preset(tmp_path / "preset", format="keras_hub")
    assert sorted(path.name for path in (tmp_path / "preset").iterdir()) == [
        "config.json",
        "model.weights.h5",
    ]
    theirs = hub.models.BertBackbone.from_preset(str(tmp_path / "preset"))
    assert_close(model(FEATURES)["sequence_output"], theirs(FEATURES)["sequence_output"])
    read = BertBackbone.from_preset(tmp_path / "preset")
    assert_same_weights(read, model)
    assert {**read.get_config(), "name": ""} == {**model.get_config(), "name": ""}


def test_written_classifier_without_a_tokenizer(hub, tiny_bert, tmp_path):
    model = BertClassifier(tiny_bert(num_layers=1), num_classes=4)
    kernel = model.classification_head.logits.kernel
    kernel.assign(10 * kernel)
    model.save_to_preset(tmp_path / "preset", format="keras_hub")
    theirs = hub.models.BertTextClassifier.from_preset(str(tmp_path / "preset"))
    assert theirs.preprocessor is None
    assert_close(model(FEATURES), theirs(FEATURES))


def test_what_the_format_cannot_say_is_not_written(tiny_bert, tmp_path):
    folder = tmp_path / "preset"
    for setting in ({"activation": "gelu"}, {"layer_norm_epsilon": 1e-5}):
        with pytest.raises(ConfigError, match=f"cannot say that a model has {next(iter(setting))}"):
            tiny_bert(num_layers=1, **setting).save_to_preset(folder, format="keras_hub")
    with pytest.raises(WeightsError, match=r"no name for .*next_sentence_head"):
        BertPretrainer(tiny_bert(num_layers=1)).save_to_preset(folder, format="keras_hub")
    assert not folder.exists()


def test_masked_lm_head_computes_what_tfzoo_has_no_head_for(hub):
    """KerasHub's has exact GELU and an epsilon of 1e-5, whatever its backbone has."""
    with pytest.warns(UserWarning, match=r"has no masked_lm_head that tfzoo can read"):
        model = tfzoo.Task.from_preset(hub.folder / "masked_lm")
    assert type(model) is tfzoo.BertMaskedLM


def test_presets_of_keras_nlp(hub, folder):
    """Its packages, the old name of the classifier, and of the attention's weights."""
    for path in folder.glob("*.json"):
        text = (
            path.read_text().replace("keras_hub>", "keras_nlp>").replace("keras_hub.", "keras_nlp.")
        )
        path.write_text(text.replace("TextClassifier", "Classifier"))
    assert "keras_nlp>BertClassifier" in (folder / "task.json").read_text()
    with h5py.File(folder / "model.weights.h5", "a") as file:
        for layer in file["layers"]:
            if layer.startswith("transformer_encoder"):
                attention = file[f"layers/{layer}/_self_attention_layer"]
                for part in ("query", "key", "value", "output"):
                    attention.move(f"{part}_dense", f"_{part}_dense")
    expected = tfzoo.Task.from_preset(hub.folder / "classifier")
    assert_same_weights(tfzoo.Task.from_preset(folder), expected)


def test_sharded_weights(hub, tmp_path):
    hub.backbone.save_to_preset(str(tmp_path), max_shard_size=4e-6)
    shards = sorted(tmp_path.glob("*.h5"))
    assert len(shards) > 1
    assert not (tmp_path / "model.weights.h5").exists()
    expected = BertBackbone.from_preset(hub.folder / "backbone")
    assert_same_weights(BertBackbone.from_preset(tmp_path), expected)
    shards[1].unlink()
    with pytest.raises(WeightsError, match="missing"):
        BertBackbone.from_preset(tmp_path)


def test_half_precision(hub, tmp_path):
    policy = "bfloat16"
    sizes = dict.fromkeys(("vocabulary_size", "hidden_dim", "intermediate_dim"), 8)
    theirs = hub.models.BertBackbone(**sizes, num_layers=1, num_heads=2, dtype=policy)
    theirs.save_to_preset(str(tmp_path / "theirs"))
    ours = BertBackbone.from_preset(tmp_path / "theirs")
    table = theirs.token_embedding.embeddings
    np.testing.assert_array_equal(ours.token_embedding.embeddings, np.asarray(table, "float32"))
    ours = BertBackbone.from_preset(tmp_path / "theirs", dtype=policy)
    ours.save_to_preset(tmp_path / "ours", format="keras_hub")
    back = hub.models.BertBackbone.from_preset(str(tmp_path / "ours"), dtype=policy)
    for written, original in zip(back.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(written, original)


@pytest.mark.parametrize(
    ("file", "settings", "message"),
    [
        ("config.json", {"num_layers": "2"}, "num_layers .* is '2', which makes no sense"),
        ("config.json", {"num_layers": 10**9}, "num_layers"),
        ("config.json", {"hidden_dim": "absent"}, "hidden_dim .* is None"),
        ("config.json", {"num_heads": True}, "num_heads .* is True"),
        ("config.json", {"dropout": "high"}, "dropout .* is 'high'"),
        ("config.json", {"max_sequence_length": None}, "max_sequence_length .* is None"),
        ("config.json", {"num_layers": 3}, "missing"),
        ("config.json", {"num_layers": 1}, "unexpected"),
        ("config.json", {"intermediate_dim": 13}, "of another shape"),
        ("tokenizer.json", {"lowercase": "yes"}, "lowercase in .* is 'yes'"),
    ],
)
def test_wrong_settings(folder, file, settings, message):
    change(folder / file, **settings)
    with pytest.raises(WeightsError, match=message):
        BertClassifier.from_preset(folder)


@pytest.mark.parametrize("file", ["config.json", "task.json", "tokenizer.json"])
@pytest.mark.parametrize("config", [None, [], "BertBackbone"])
def test_wrong_structure(folder, file, config):
    value = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**value, "config": config}))
    with pytest.raises(WeightsError, match="has no arguments"):
        BertClassifier.from_preset(folder)


@pytest.mark.parametrize("name", [None, 7, [], "BertBackbone", "others>BertBackbone"])
def test_objects_of_others(folder, name):
    value = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**value, "registered_name": name}))
    with pytest.raises(HandleError, match="holds no weights that are known"):
        BertClassifier.from_preset(folder)


def test_other_families_are_named(folder):
    text = (folder / "config.json").read_text().replace("BertBackbone", "GPT2Backbone")
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match="gpt2 weights"):
        BertClassifier.from_preset(folder)


def test_missing_and_damaged_files(folder):
    tokenizer = folder / "tokenizer.json"
    tokenizer.unlink()
    assert BertClassifier.from_preset(folder, lowercase=False).preprocessor.tokenizer
    (folder / "assets" / "tokenizer" / "vocabulary.txt").unlink()
    with pytest.raises(WeightsError, match=r"has no tokenizer/vocabulary.txt"):
        BertClassifier.from_preset(folder)
    weights = folder / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="damaged or incomplete"):
        BertBackbone.from_preset(folder)
    weights.unlink()
    with pytest.raises(HandleError, match="holds no weights that are known"):
        BertBackbone.from_preset(folder)
