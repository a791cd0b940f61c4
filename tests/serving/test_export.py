"""Exports answer strings as the model does, without Keras and tfzoo."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertClassifier, ElectraBackbone, ElectraPretrainer
from tfzoo.errors import ConfigError

TEXTS = ["a good film", "", "we saw a very bad film . " * 9, "👩🏽‍🚀 中文 nul\0byte", "PLAYING !"]
NAMES = ["bad", "good", "größer"]
# Loads SavedModels in a process that cannot import Keras or tfzoo, and prints their answers. It
# loads the operations alone of tensorflow-text, which also defines some Keras layers.
PROGRAM = """
import importlib.util
import json
import sys

for name in ("keras", "tf_keras", "keras_hub", "keras_nlp", "tfzoo"):
    sys.modules[name] = None  # as if it were not installed
import tensorflow as tf

(text,) = importlib.util.find_spec("tensorflow_text").submodule_search_locations
for library in ("_fast_wordpiece_tokenizer", "_normalize_ops"):
    tf.load_op_library(f"{text}/python/ops/{library}.so")

answers = []
for folder, columns in json.load(sys.stdin):
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    columns = {name: tf.constant(texts) for name, texts in columns.items()}
    answers.append({name: value.numpy().tolist() for name, value in serve(**columns).items()})
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def make_classifier(tiny_bert, preprocessor):
    def make(**kwargs):
        kwargs = {"num_classes": 3, "class_names": NAMES, "preprocessor": preprocessor, **kwargs}
        model = BertClassifier(tiny_bert(num_layers=1, dropout=0.5), dropout=0.5, **kwargs)
        head = model.classification_head.logits
        head.kernel.assign(20 * head.kernel)
        return model

    return make


@pytest.fixture(scope="module")
def model(make_classifier):
    return make_classifier()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    model.export(folder)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    return tf.saved_model.load(str(folder)).signatures


def expected(model, texts):
    return model(model.preprocessor(texts)).numpy()


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_process_without_keras_gives_the_same_answers(model, folder, tmp_path):
    model.export(tmp_path / "pairs", text_pair=True)
    second = TEXTS[::-1]
    jobs = [
        (folder, {"text": TEXTS}),
        (tmp_path / "pairs", {"text": TEXTS, "text_pair": second}),
    ]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([(str(path), columns) for path, columns in jobs]),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    single, pair = json.loads(run.stdout)
    for answer, texts in ((single, TEXTS), (pair, (TEXTS, second))):
        logits = expected(model, texts)
        assert logits.std(axis=0).min() > 0.01
        np.testing.assert_allclose(answer["logits"], logits, atol=1e-5)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(answer["probabilities"], probabilities, atol=1e-5)


def test_signatures(signatures, model):
    assert set(signatures) == {"serving_default", "tokens", "class_names"}
    inputs = {
        name: {key: (spec.shape.as_list(), spec.dtype) for key, spec in kwargs.items()}
        for name, kwargs in ((n, s.structured_input_signature[1]) for n, s in signatures.items())
    }
    tokens = ([None, None], tf.int32)
    assert inputs == {
        "serving_default": {"text": ([None], tf.string)},
        "tokens": {"token_ids": tokens, "padding_mask": tokens, "segment_ids": tokens},
        "class_names": {},
    }
    for name in ("serving_default", "tokens"):
        outputs = signatures[name].structured_outputs
        assert {key: spec.dtype for key, spec in outputs.items()} == {
            "logits": tf.float32,
            "probabilities": tf.float32,
        }


def test_batch_and_length_are_free(signatures, model):
    for texts in (["good"], TEXTS, ["a film " * 100] * 7):
        logits = signatures["serving_default"](text=tf.constant(texts))["logits"]
        np.testing.assert_allclose(logits, expected(model, texts), atol=1e-5)


def test_tokens(signatures, model):
    features = model.preprocessor((TEXTS, TEXTS[::-1]))
    logits = signatures["tokens"](**features)["logits"]
    np.testing.assert_allclose(logits, model(features), atol=1e-5)


def test_class_names(signatures, make_classifier, tmp_path):
    names = signatures["class_names"]()["class_names"].numpy().tolist()
    assert [name.decode() for name in names] == NAMES
    make_classifier(class_names=None).export(tmp_path / "nameless")
    nameless = tf.saved_model.load(str(tmp_path / "nameless")).signatures
    assert set(nameless) == {"serving_default", "tokens"}


def test_outputs_of_other_problems(make_classifier):
    logits = tf.constant([[0.0, 2.0, -3.0]])
    answer = make_classifier(problem_type="multi_label").outputs_for_serving(logits)
    np.testing.assert_allclose(answer["probabilities"], tf.sigmoid(logits), atol=1e-6)
    assert make_classifier(problem_type="regression").outputs_for_serving(logits) == {
        "logits": logits
    }


def test_training_afterwards_changes_the_model_alone(make_classifier, tmp_path):
    model = make_classifier()
    model.export(tmp_path / "model")
    before = expected(model, TEXTS)
    model.classification_head.logits.bias.assign_add([1.0, 2.0, 3.0])
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    logits = signature(text=tf.constant(TEXTS))["logits"]
    np.testing.assert_allclose(logits, before, atol=1e-5)


def test_export_replaces_an_export_and_nothing_else(model, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else"):
        model.export(folder)
    assert listing(folder) == ["thesis.tex"]
    (folder / "thesis.tex").rename(folder / "saved_model.pb")  # what makes it an export
    (folder / "left over").write_text("")
    model.export(folder)
    assert "left over" not in listing(folder)
    assert (folder / "saved_model.pb").stat().st_size > 1000
    assert listing(tmp_path) == ["model"]


def test_file_where_the_folder_should_be(model, tmp_path):
    (tmp_path / "file").write_text("years of work")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="choose another folder"):
            model.export(target)
    assert (tmp_path / "file").read_text() == "years of work"


def test_failed_export_leaves_nothing(model, tmp_path, monkeypatch):
    def full(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        model.export(tmp_path / "model")
    assert listing(tmp_path) == []


def test_models_that_take_no_strings(tiny_bert, preprocessor, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="Only a model with a preprocessor"):
        BertClassifier(tiny_bert(num_layers=1)).export(tmp_path / "model")
    sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 4, "intermediate_dim": 4}
    electra = ElectraPretrainer(ElectraBackbone(23, **sizes), preprocessor=preprocessor)
    with pytest.raises(ConfigError, match="A ElectraPretrainer has no SavedModel"):
        electra.export(tmp_path / "model")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="KERAS_BACKEND=tensorflow"):
        BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor).export(tmp_path / "m")
    assert listing(tmp_path) == []
