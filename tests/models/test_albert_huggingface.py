"""ALBERT in Hugging Face's folders, against what transformers wrote and computed."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import tfzoo
from tfzoo import AlbertBackbone, AlbertClassifier, AlbertPretrainer, Backbone, Task
from tfzoo.errors import WeightsError
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
# artifact -> how its class is called in transformers
CASES = {
    "pretraining": "ForPreTraining",
    "masked_lm": "ForMaskedLM",
    "groups": "Model",
    "classifier": "ForSequenceClassification",
    "token_classifier": "ForTokenClassification",
    "question_answerer": "ForQuestionAnswering",
}
TASKS = [name for name in CASES if name != "groups"]
WITHOUT_POOLER = ["masked_lm", "token_classifier", "question_answerer"]  # in transformers
FEATURES = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
}
SPIECE = "spiece.model"


def folder(name):
    return ARTIFACTS / f"albert_{name}" / "model"


def read_expected(name):
    with np.load(folder(name).parent / "expected.npz") as file:
        return dict(file)


def features(expected):
    return {ours: expected[theirs] for theirs, ours in FEATURES.items()}


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


@pytest.fixture
def complete(tmp_path):
    """A function that copies an artifact and gives it the tokenizer's file that one of them has."""

    def copied(name):
        copy = shutil.copytree(folder(name), tmp_path / name)
        shutil.copy(folder("pretraining") / SPIECE, copy)
        return copy

    return copied


@pytest.mark.parametrize("name", CASES)
def test_hidden_states(name):
    expected = read_expected(name)
    model = Backbone.from_preset(folder(name), return_encoder_outputs=True)
    assert type(model) is AlbertBackbone
    inputs = features(expected)
    outputs = model(inputs)
    embedded = model.embeddings(inputs["token_ids"], segment_ids=inputs["segment_ids"])
    close(np.stack([embedded, *outputs["encoder_outputs"]]), expected["hidden_states"])
    if "pooler_output" in expected:
        close(outputs["pooled_output"], expected["pooler_output"])


def test_what_transformers_calls_gelu_is_exact():
    activations = {
        name: AlbertBackbone.from_preset(folder(name)).get_config()["activation"] for name in CASES
    }
    assert activations == {name: "gelu_tanh" for name in CASES} | {"masked_lm": "gelu"}


@pytest.mark.parametrize("name", TASKS)
def test_logits(name, complete):
    expected = read_expected(name)
    model = Task.from_preset(complete(name))
    assert type(model).__name__.startswith("Albert")
    outputs = model(features(expected))
    if name == "pretraining":
        close(outputs["masked_lm"], expected["prediction_logits"])
        close(outputs["next_sentence"], expected["sop_logits"])
    elif name == "question_answerer":
        close(outputs["start_logits"], expected["start_logits"])
        close(outputs["end_logits"], expected["end_logits"])
    else:
        close(outputs, expected["logits"])


def test_settings_of_a_classifier(complete):
    model = AlbertClassifier.from_preset(complete("classifier"))
    assert model.class_names == ["bad", "so so", "good"]
    assert model.dropout == 0.3
    assert model.backbone.get_config()["dropout"] == 0.2


@pytest.mark.parametrize("name", CASES)
def test_written_is_what_was_read(name, complete, tmp_path):
    entry = Backbone if name == "groups" else Task
    model = entry.from_preset(complete(name))
    model.save_to_preset(tmp_path / "written", format="huggingface")
    again = entry.from_preset(tmp_path / "written")
    for path, variable in variables(model).items():
        if path.startswith("pooler/") and name in WITHOUT_POOLER:
            continue
        np.testing.assert_array_equal(variables(again)[path], variable, err_msg=path)
    written, original = tmp_path / "written", folder(name)
    ours, theirs = (load_file(each / "model.safetensors") for each in (written, original))
    assert {key.removeprefix("albert.") for key in ours} == {
        key.removeprefix("albert.") for key in theirs
    }
    theirs = {key.removeprefix("albert."): array for key, array in theirs.items()}
    for key, array in ours.items():
        np.testing.assert_array_equal(array, theirs[key.removeprefix("albert.")], err_msg=key)
    config, known = (json.loads((each / "config.json").read_text()) for each in (written, original))
    same = config.keys() & known.keys()
    assert {key: config[key] for key in same} == {key: known[key] for key in same}
    assert len(same) > 15
    if name != "groups":
        spiece = (written / SPIECE).read_bytes()
        assert spiece == (folder("pretraining") / SPIECE).read_bytes()


def test_ids_of_texts():
    expected = read_expected("pretraining")
    tokenizer = AlbertPretrainer.from_preset(folder("pretraining")).preprocessor.tokenizer
    rows = tfzoo.TextPreprocessor(tokenizer, 200)(list(expected["texts"]))["token_ids"]
    np.testing.assert_array_equal(rows, expected["text_ids"])


def test_names_of_old_models(tmp_path):
    """The decoder is the table of tokens, and was written once more."""
    shutil.copy(folder("masked_lm") / "config.json", tmp_path)
    weights = load_file(folder("masked_lm") / "model.safetensors")
    weights["predictions.decoder.weight"] = weights["albert.embeddings.word_embeddings.weight"]
    weights["predictions.decoder.bias"] = weights["predictions.bias"]
    weights["albert.embeddings.position_ids"] = np.arange(24)[None]
    save_file(weights, tmp_path / "model.safetensors")
    shutil.copy(folder("pretraining") / SPIECE, tmp_path)
    expected = read_expected("masked_lm")
    close(Task.from_preset(tmp_path)(features(expected)), expected["logits"])


def test_tokenizer_json_alone_is_refused(complete):
    copy = complete("pretraining")
    (copy / SPIECE).unlink()
    with pytest.raises(WeightsError, match=r"has no spiece.model, .* tokenizer.json alone"):
        Task.from_preset(copy)
    assert type(Backbone.from_preset(copy)) is AlbertBackbone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_accents": True}, "keep_accents is True"),
        ({"remove_space": False}, "remove_space is False"),
        ({"tokenizer_class": "XLNetTokenizer"}, "tokenizer_class is 'XLNetTokenizer'"),
    ],
)
def test_other_tokenizers_are_refused(complete, options, message):
    copy = complete("pretraining")
    (copy / "tokenizer_config.json").write_text(json.dumps(options))
    with pytest.raises(WeightsError, match=f"works in another way.*{message}"):
        Task.from_preset(copy)


def test_casing_is_what_the_folder_says(complete):
    copy = complete("pretraining")
    (copy / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert Task.from_preset(copy).preprocessor.tokenizer.lowercase is False
    (copy / "tokenizer_config.json").unlink()
    assert Task.from_preset(copy).preprocessor.tokenizer.lowercase is True


@pytest.mark.parametrize("name", CASES)
def test_transformers_reads_what_is_written(name, complete, tmp_path, caplog):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    entry = Backbone if name == "groups" else Task
    entry.from_preset(complete(name)).save_to_preset(tmp_path / "new", format="huggingface")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        theirs, info = getattr(transformers, f"Albert{CASES[name]}").from_pretrained(
            tmp_path / "new", output_loading_info=True, attn_implementation="eager"
        )
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []
    assert not any(info.values()), info
    expected = read_expected(name)
    with torch.no_grad():
        outputs = theirs(**{key: torch.tensor(expected[key]) for key in FEATURES})
    for key, value in outputs.items():
        close(value.numpy(), expected[key])
    if name == "pretraining":
        tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "new")
        ids = tokenizer(list(expected["texts"]), padding=True, return_tensors="np")["input_ids"]
        np.testing.assert_array_equal(ids, expected["text_ids"])
