"""Exports of token classifiers: strings in; words, labels and probabilities out."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.tasks.token_classifier import BertTokenClassifier

NAMES = ["O", "B-Größe", "I-Größe"]
TEXTS = [
    "a good  film",
    "",
    "we saw a very bad film . " * 9,
    "👩🏽‍🚀 中文 nul\0byte \0",
    "PLAYING\u3000!",
]


@pytest.fixture(scope="module")
def make_tagger(tiny_bert, preprocessor):
    def make(**kwargs):
        kwargs = {"num_classes": 3, "preprocessor": preprocessor, **kwargs}
        model = BertTokenClassifier(tiny_bert(num_layers=1), **kwargs)
        head = model.token_classification_head.logits
        head.kernel.assign(20 * head.kernel)
        return model

    return make


@pytest.mark.parametrize("names", [NAMES, None])
def test_export_answers_as_the_model_does(make_tagger, tmp_path, names):
    model = make_tagger(class_names=names)
    model.export(tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert set(signatures) == {"serving_default", "tokens"} | ({"class_names"} if names else set())
    answer = {
        name: value.numpy()
        for name, value in signatures["serving_default"](text=tf.constant(TEXTS)).items()
    }
    assert set(answer) == {"words", "labels", "logits", "probabilities"}
    assert answer["words"].shape == answer["labels"].shape == (5, 63)
    found = set()
    for index, logits in enumerate(model.predict(TEXTS, verbose=0)):
        words = TEXTS[index].split()
        count = len(words)
        assert [word.decode() for word in answer["words"][index, :count]] == words
        np.testing.assert_allclose(answer["logits"][index, :count], logits, atol=1e-5)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(answer["probabilities"][index, :count], probabilities, atol=1e-5)
        best = [names[i].encode() if names else i for i in logits.argmax(axis=1)]
        assert answer["labels"][index, :count].tolist() == best
        found |= set(best)
        for name, value in answer.items():
            assert not any(value[index, count:].ravel().tolist()), name
    assert len(found) > 1
    features = model.preprocessor(TEXTS)
    np.testing.assert_allclose(
        signatures["tokens"](**features)["logits"], model(features), atol=1e-5
    )


def test_texts_without_words(make_tagger, tmp_path):
    make_tagger().export(tmp_path / "model")
    serve = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    assert serve(text=tf.constant(["", " "]))["probabilities"].shape == (2, 0, 3)
    assert serve(text=tf.constant([], tf.string))["words"].shape == (0, 0)


def test_what_is_not_exported(make_tagger, tmp_path):
    with pytest.raises(ConfigError, match="not of pairs"):
        make_tagger().export(tmp_path / "model", text_pair=True)
    with pytest.raises(ConfigError, match="Only a model with a preprocessor"):
        make_tagger(preprocessor=None).export(tmp_path / "model")
    assert not (tmp_path / "model").exists()
