"""Hugging Face's folders, against what transformers wrote and computed, and read back by it."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tfzoo import (
    Backbone,
    BertBackbone,
    BertClassifier,
    BertMaskedLM,
    BertPretrainer,
    Classifier,
    Task,
)
from tfzoo.errors import WeightsError
from tfzoo.layers import ClassificationHead
from tfzoo.models.bert_weights import FORMATS
from tfzoo.weights import mapping
from tfzoo.weights.formats import open_source
from tfzoo.weights.names import Table
from tfzoo.weights.shapes import layer_variables, variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
NAMES = sorted(path.name.removeprefix("huggingface_") for path in ARTIFACTS.glob("huggingface_*"))
TASKS = {
    "pretraining": BertPretrainer,
    "masked_lm": BertMaskedLM,
    "classifier": BertClassifier,
    "regression": BertClassifier,
}


def model_folder(name):
    return ARTIFACTS / f"huggingface_{name}" / "model"


def read_expected(name):
    with np.load(ARTIFACTS / f"huggingface_{name}" / "expected.npz") as file:
        return dict(file)


def inputs_of(expected):
    return {
        "token_ids": expected["input_ids"],
        "padding_mask": expected["attention_mask"],
        "segment_ids": expected["token_type_ids"],
    }


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def test_artifacts_are_there():
    assert len(NAMES) == 8


@pytest.mark.parametrize("name", NAMES)
def test_hidden_states(name):
    expected = read_expected(name)
    model = Backbone.from_preset(model_folder(name), return_encoder_outputs=True)
    assert isinstance(model, BertBackbone)
    outputs = model(inputs_of(expected))
    states = expected["hidden_states"]
    embedded = model.embeddings(expected["input_ids"], segment_ids=expected["token_type_ids"])
    close(np.stack([embedded, *outputs["encoder_outputs"]]), states)
    if "pooler_output" in expected:
        close(outputs["pooled_output"], expected["pooler_output"])


@pytest.mark.parametrize("name", TASKS)
def test_logits(name):
    expected = read_expected(name)
    model = Task.from_preset(model_folder(name))
    assert type(model) is TASKS[name]
    outputs = model(inputs_of(expected))
    if name == "pretraining":
        close(outputs["masked_lm"], expected["prediction_logits"])
        close(outputs["next_sentence"], expected["seq_relationship_logits"])
    else:
        close(outputs, expected["logits"])


@pytest.mark.parametrize(
    ("name", "head", "outputs"),
    [
        ("token_classifier", "token_classification_head", ["logits"]),
        ("question_answerer", "span_head", ["start_logits", "end_logits"]),
    ],
)
def test_logits_of_tokens(name, head, outputs):
    expected = read_expected(name)
    logits = np.concatenate([np.atleast_3d(expected[name]) for name in outputs], axis=-1)
    layer = ClassificationHead(logits.shape[-1], name=head)
    layer.build((None, None, 20))
    table = FORMATS["huggingface"].heads[head] + Table(ignore=("bert.*",))
    tensors = open_source(model_folder(name)).tensors
    mapping.load(layer_variables(layer), table, tensors)
    backbone = Backbone.from_preset(model_folder(name))
    close(layer(backbone(inputs_of(expected))["sequence_output"]), logits)
    for key, array in mapping.export(layer_variables(layer), table):
        np.testing.assert_array_equal(array, tensors.read(key), err_msg=key)


def test_settings_of_a_classifier():
    model = Classifier.from_preset(model_folder("classifier"))
    assert model.class_names == ["schlecht", "größer ☃", '"quoted"']
    assert model.problem_type == "multi_label"
    assert model.backbone.embeddings.dropout == 0.2


def test_one_label_is_a_regression():
    model = Classifier.from_preset(model_folder("regression"))
    assert (model.num_classes, model.class_names, model.problem_type) == (1, None, "regression")


def test_number_of_classes_is_that_of_the_head(copied):
    def no_names(config):
        del config["id2label"]

    model = Classifier.from_preset(copied("huggingface_classifier", config=no_names))
    assert (model.num_classes, model.class_names) == (3, None)


def test_classes_of_another_task_are_not_taken():
    model = BertClassifier.from_preset(model_folder("token_classifier"))
    assert (model.num_classes, model.class_names) == (2, None)


def test_task_of_a_folder_without_heads():
    with pytest.raises(WeightsError, match="without the heads of a task"):
        Task.from_preset(model_folder("sharded"))


@pytest.mark.parametrize("name", NAMES)
def test_written_is_what_was_read(name, tmp_path):
    task = TASKS.get(name, BertBackbone)
    model = task.from_preset(model_folder(name), name="model")
    model.save_to_preset(tmp_path / "written", format="huggingface")
    again = task.from_preset(tmp_path / "written", name="model")
    loaded = variables(again)
    for path, variable in variables(model).items():
        if task is not BertMaskedLM or not path.startswith("pooler/"):
            np.testing.assert_array_equal(loaded[path], variable, err_msg=path)
    if task is BertBackbone:
        assert again.get_config() == model.get_config()
    else:
        assert again.own_config() == model.own_config()
        assert again.preprocessor.tokenizer.get_config() == (
            model.preprocessor.tokenizer.get_config()
        )
        assert again.backbone.get_config() == {
            **model.backbone.get_config(),
            "name": again.backbone.name,
        }


@pytest.mark.parametrize("name", ["pretraining", "classifier", "regression"])
def test_arrays_and_settings_are_those_of_transformers(name, tmp_path):
    folder = tmp_path / "written"
    TASKS[name].from_preset(model_folder(name)).save_to_preset(folder, format="huggingface")
    ours, theirs = (load_file(path / "model.safetensors") for path in (folder, model_folder(name)))
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    config, original = (
        json.loads((path / "config.json").read_text()) for path in (folder, model_folder(name))
    )
    not_ours = {"position_embedding_type", "classifier_dropout", "problem_type"}
    assert {key: config[key] for key in config.keys() - not_ours} == {
        key: original[key] for key in config.keys() - not_ours
    }
    assert config["attention_probs_dropout_prob"] == config["hidden_dropout_prob"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"
    ]  # fmt: skip


def test_masked_lm_is_written_without_the_pooler(tmp_path):
    model = BertMaskedLM.from_preset(model_folder("masked_lm"))
    model.save_to_preset(tmp_path / "written", format="huggingface")
    names = load_file(tmp_path / "written" / "model.safetensors").keys()
    assert not [name for name in names if "pooler" in name or "decoder" in name]
    assert "cls.predictions.transform.LayerNorm.weight" in names


@pytest.mark.parametrize("names", [["LABEL_1", "LABEL_0"], ["嗯\u2028", "a\x00\N{SNOWMAN}"]])
def test_unusual_class_names(names, tiny_bert, preprocessor, tmp_path):
    model = BertClassifier(tiny_bert(), class_names=names, preprocessor=preprocessor)
    model.save_to_preset(tmp_path / "written", format="huggingface")
    assert Classifier.from_preset(tmp_path / "written").class_names == names


@pytest.mark.parametrize("problem_type", ["single_label", "multi_label", "regression"])
def test_problem_types(problem_type, tiny_bert, preprocessor, tmp_path):
    model = BertClassifier(tiny_bert(), 2, preprocessor, problem_type=problem_type, dropout=0.3)
    model.save_to_preset(tmp_path / "written", format="huggingface")
    config = json.loads((tmp_path / "written" / "config.json").read_text())
    assert config["classifier_dropout"] == 0.3
    source = open_source(tmp_path / "written")
    assert (source.settings["problem_type"], source.settings["dropout"], source.task) == (
        problem_type,
        0.3,
        "Classifier",
    )
    assert Classifier.from_preset(tmp_path / "written").dropout == 0.3


@pytest.mark.parametrize(
    ("name", "attention", "hidden"),
    [
        ("huggingface_masked_lm", "attention_probs_dropout_prob", "hidden_dropout_prob"),
        ("distilbert_masked_lm", "attention_dropout", "dropout"),
    ],
)
def test_another_dropout_of_attention_is_told_once(copied, name, attention, hidden):
    folder = copied(name, config=lambda config: config.update({attention: 0.3, hidden: 0.2}))
    with pytest.warns(UserWarning, match="dropout") as told:
        model = Task.from_preset(folder)
    assert [str(each.message) for each in told] == [
        f"{folder / 'config.json'} states {attention} 0.3 and {hidden} 0.2; tfzoo's models have "
        f"one dropout and take {hidden}, unless dropout= says otherwise."
    ]
    assert model.backbone.get_config()["dropout"] == 0.2


@pytest.mark.parametrize("stated", [{"attention_probs_dropout_prob": 0.1}, {}, {"other": 1}])
def test_one_dropout_is_nothing_to_tell(copied, stated, recwarn):
    def change(config):
        del config["attention_probs_dropout_prob"]
        config.update(stated)

    Backbone.from_preset(copied("huggingface_sharded", config=change))
    assert not [each for each in recwarn if "dropout" in str(each.message)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_decoder": True}, "is_decoder .* is True, and tfzoo knows only False"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings .* is False"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ],
)
def test_models_of_another_kind(copied, change, message):
    folder = copied("huggingface_masked_lm", config=lambda config: config.update(change))
    with pytest.raises(WeightsError, match=message):
        BertBackbone.from_preset(folder)


@pytest.mark.parametrize(
    ("file", "cure"),
    [
        ("pytorch_model.bin", "pickle.*load it with transformers and write it anew"),
        ("pytorch_model-00001-of-00002.bin", "pickle.*save_pretrained"),
        ("model.pkl.gz", "pickle.*load it with the library that wrote it, such as trax"),
        ("epoch=3.ckpt", "pickle.*load it with PyTorch"),
        ("tf_model.h5", "transformers before version 5.*from_tf=True"),
        ("flax_model.msgpack", "transformers before version 5.*from_flax=True"),
        ("model.onnx", "ONNX.*use the weights that it was exported from"),
    ],
)
def test_weights_that_are_not_read(tmp_path, file, cure):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / file).write_bytes(b"weights")
    with pytest.raises(WeightsError, match=f"{file} is .*{cure}"):
        Backbone.from_preset(tmp_path)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("sharded", "BertModel"),
        ("classifier", "BertForSequenceClassification"),
        ("masked_lm", "BertForMaskedLM"),
        ("pretraining", "BertForPreTraining"),
    ],
)
def test_transformers_reads_what_is_written(name, architecture, tmp_path, caplog):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = TASKS.get(name, BertBackbone).from_preset(model_folder(name))
    model.save_to_preset(tmp_path / "written", format="huggingface")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        theirs, info = getattr(transformers, architecture).from_pretrained(
            tmp_path / "written", output_loading_info=True, attn_implementation="eager"
        )
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []
    assert not any(info.values()), info
    assert theirs.dtype == torch.float32
    if name == "classifier":
        assert theirs.config.id2label == dict(enumerate(model.class_names))
        assert theirs.config.problem_type == "multi_label_classification"
    expected = read_expected(name)
    tensors = {
        key: torch.tensor(expected[key])
        for key in ("input_ids", "attention_mask", "token_type_ids")
    }
    with torch.no_grad():
        outputs = theirs(**tensors, output_hidden_states=True)
    for key, value in outputs.items():
        value = torch.stack(value) if isinstance(value, tuple) else value
        close(value.numpy(), expected[key])
