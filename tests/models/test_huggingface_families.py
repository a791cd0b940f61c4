"""BERT's kin in Hugging Face's folders, against what transformers wrote and computed."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import tfzoo
from tfzoo import Backbone, Task, TextPreprocessor
from tfzoo.errors import WeightsError
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
PREFIXES = {"distilbert": "DistilBert", "electra": "Electra", "roberta": "Roberta"}
# what an artifact holds -> how it is called by tfzoo and by transformers
KINDS = {
    "encoder": ("Backbone", "Model"),
    "masked_lm": ("MaskedLM", "ForMaskedLM"),
    "generator": ("MaskedLM", "ForMaskedLM"),
    "classifier": ("Classifier", "ForSequenceClassification"),
    "token_classifier": ("TokenClassifier", "ForTokenClassification"),
    "question_answerer": ("QuestionAnswerer", "ForQuestionAnswering"),
}
CASES = [
    f"{family}_{kind}"
    for family in PREFIXES
    for kind in KINDS
    if (ARTIFACTS / f"{family}_{kind}").is_dir()
]
TASKS = [name for name in CASES if not name.endswith("encoder")]
FEATURES = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
}


def folder(name):
    return ARTIFACTS / name / "model"


def read_expected(name):
    with np.load(ARTIFACTS / name / "expected.npz") as file:
        return dict(file)


def features(expected):
    return {ours: expected[name] for name, ours in FEATURES.items() if name in expected}


def ours_and_theirs(name):
    """What the class is called that reads an artifact, here and in transformers."""
    family, _, kind = name.partition("_")
    return tuple(PREFIXES[family] + each for each in KINDS[kind])


def load(name, handle=None):
    task = getattr(tfzoo, ours_and_theirs(name)[0])
    return task.from_preset(handle or folder(name), name="model")


def assert_same_weights(model, expected):
    ours, theirs = variables(model), variables(expected)
    assert ours.keys() == theirs.keys()
    for path, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[path], err_msg=path)


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def assert_logits(outputs, expected):
    if isinstance(outputs, dict):
        close(outputs["start_logits"], expected["start_logits"])
        close(outputs["end_logits"], expected["end_logits"])
    else:
        close(outputs, expected["logits"])


def test_artifacts_are_there():
    assert len(CASES) == 16


@pytest.mark.parametrize("name", CASES)
def test_hidden_states(name):
    expected = read_expected(name)
    model = Backbone.from_preset(folder(name), return_encoder_outputs=True)
    assert type(model).__name__ == PREFIXES[model.family] + "Backbone"
    inputs = features(expected)
    outputs = model(inputs)
    assert outputs.keys() == {"sequence_output", "encoder_outputs"}
    embedded = model.embeddings(inputs["token_ids"], segment_ids=inputs.get("segment_ids"))
    close(np.stack([embedded, *outputs["encoder_outputs"]]), expected["hidden_states"])


@pytest.mark.parametrize("name", TASKS)
def test_logits(name):
    expected = read_expected(name)
    model = Task.from_preset(folder(name))
    assert type(model).__name__ == ours_and_theirs(name)[0]
    assert type(getattr(tfzoo, model.kind).from_preset(folder(name))) is type(model)
    outputs = model(features(expected))
    if model.kind == "QuestionAnswerer":
        close(outputs["start_logits"], expected["start_logits"])
        close(outputs["end_logits"], expected["end_logits"])
    else:
        close(outputs, expected["logits"])


@pytest.mark.parametrize("name", [f"{family}_classifier" for family in PREFIXES])
def test_settings_of_a_classifier(name):
    model = load(name)
    assert model.class_names == ["schlecht", "größer \N{SNOWMAN}"]
    assert model.dropout == 0.3


@pytest.mark.parametrize("name", CASES)
def test_written_is_what_transformers_wrote(name, tmp_path):
    load(name).save_to_preset(tmp_path / "written", format="huggingface")
    both = tmp_path / "written", folder(name)
    ours, theirs = (load_file(each / "model.safetensors") for each in both)
    if name.endswith("encoder"):  # whose names are without that of the family in transformers
        ours = {key.partition(".")[2]: array for key, array in ours.items()}
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    config, original = (json.loads((each / "config.json").read_text()) for each in both)
    known = config.keys() & original.keys() - {"problem_type"}
    if original.get("classifier_dropout") is None:  # which means that of the backbone
        known -= {"classifier_dropout"}
    assert {key: config[key] for key in known} == {key: original[key] for key in known}
    assert len(known) > 12


@pytest.mark.parametrize("format", ["tfzoo", "huggingface"])
@pytest.mark.parametrize("name", CASES)
def test_there_and_back(name, format, tmp_path):
    model = load(name)
    model.save_to_preset(tmp_path / "saved", format=format)
    family_free = Task if name in TASKS else Backbone
    again = family_free.from_preset(tmp_path / "saved", name="model")
    assert type(again) is type(model)
    assert_same_weights(again, model)
    if name in TASKS:
        assert again.own_config() == model.own_config()
        tokenizers = [each.preprocessor.tokenizer for each in (again, model)]
        assert tokenizers[0].get_config() == tokenizers[1].get_config()
    else:
        assert again.get_config() == model.get_config()


@pytest.mark.parametrize("name", TASKS)
def test_ids_of_texts(name):
    expected = read_expected(name)
    tokenizer = load(name).preprocessor.tokenizer
    assert type(tokenizer).__name__ == PREFIXES[name.partition("_")[0]] + "Tokenizer"
    rows = TextPreprocessor(tokenizer, 100)(list(expected["texts"]))["token_ids"]
    np.testing.assert_array_equal(rows, expected["text_ids"])


@pytest.mark.parametrize(
    "name", ["distilbert_masked_lm", "electra_classifier", "roberta_token_classifier"]
)
def test_ids_of_nasty_texts(name):
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(folder(name) / "tokenizer.json"))
    tokenizer = load(name).preprocessor.tokenizer
    characters = "abzABßé\u0301中!,.-' \t\n\r\u00a0\u00ad\u200b\u2028\ufeff\ufffd\x00\x7f\u0130😀"
    draw = np.random.default_rng(0).choice
    texts = ["", " ", 300 * "ab", *("".join(draw([*characters], 12)) for _ in range(500))]
    expected = [row.ids for row in theirs.encode_batch(texts, add_special_tokens=False)]
    assert tokenizer(texts).to_list() == expected
    broken = [text.encode() + b"\xff\xc3" for text in texts]  # is no UTF-8 at its end
    assert tokenizer(broken).to_list() == expected


@pytest.mark.parametrize("name", [f"{family}_classifier" for family in PREFIXES])
def test_export_takes_strings(name, tmp_path):
    model, texts = load(name), ["The film was not good!", "", "Playing, played"]
    expected = model.predict(texts, verbose=0)
    assert np.abs(expected - expected[0])[1:].min() > 0.01
    model.export(tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported").signatures["serving_default"]
    np.testing.assert_allclose(exported(text=tf.constant(texts))["logits"], expected, atol=1e-4)


@pytest.mark.parametrize("name", [f"{family}_question_answerer" for family in PREFIXES])
def test_answers_in_an_export(name, tmp_path):
    model, question, context = load(name), "was it good?", "The film was not good! " * 3
    (answer,) = model.answer([question], [context])
    model.export(tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported").signatures["serving_default"]
    outputs = exported(question=tf.constant([question]), context=tf.constant([context]))
    assert outputs["text"].numpy()[0].decode() == answer["text"] != ""


@pytest.mark.parametrize("name", [f"{family}_token_classifier" for family in PREFIXES])
def test_labels_in_an_export(name, tmp_path):
    model, text = load(name), "The film was not good!"
    labels = np.argmax(model.predict([text], verbose=0)[0], axis=-1)
    model.export(tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported").signatures["serving_default"]
    told = exported(text=tf.constant([text]))["labels"].numpy()[0]
    assert [label.decode() for label in told] == [model.class_names[each] for each in labels]
    assert len(told) == 5


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("distilbert_masked_lm", {"tie_word_embeddings": False}, "tie_word_embeddings .* is False"),
        ("distilbert_encoder", {"activation": "swoosh"}, "activation .* is 'swoosh'"),
        ("distilbert_encoder", {"n_heads": "four"}, "n_heads .* is 'four'"),
        ("electra_encoder", {"hidden_act": "relu"}, "hidden_act .* knows only 'gelu'"),
        ("electra_encoder", {"embedding_size": None}, "embedding_size .* is None"),
        ("electra_encoder", {"embedding_size": 11}, "does not fit.*word_embeddings"),
        ("electra_encoder", {"embedding_size": 20}, "does not fit.*embeddings_project"),
    ],
)
def test_configuration_that_cannot_be_used(name, change, message, tmp_path):
    copy = shutil.copytree(folder(name), tmp_path / "model")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(WeightsError, match=message):
        Backbone.from_preset(copy)


@pytest.mark.parametrize("name", CASES)
def test_transformers_reads_what_is_written(name, tmp_path, caplog):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    load(name).save_to_preset(tmp_path / "written", format="huggingface")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        theirs, info = getattr(transformers, ours_and_theirs(name)[1]).from_pretrained(
            tmp_path / "written",
            output_loading_info=True,
            attn_implementation="eager",
            **({"add_pooling_layer": False} if name == "roberta_encoder" else {}),
        )
        if name in TASKS:
            transformers.AutoTokenizer.from_pretrained(tmp_path / "written")
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []
    assert not any(info.values()), info
    expected = read_expected(name)
    tensors = {key: torch.tensor(expected[key]) for key in FEATURES if key in expected}
    with torch.no_grad():
        outputs = theirs(**tensors, output_hidden_states=True)
    for key, value in outputs.items():
        value = torch.stack(value) if isinstance(value, tuple) else value
        close(value.numpy(), expected[key])
