"""What `test_jax.py` runs under KERAS_BACKEND=jax, on two virtual devices of a CPU."""

import os
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tfzoo

CASE = Path(os.environ.get("TFZOO_JAX_CASE", ""))
TEXTS = ["the film was good", "bad film !", "we saw it . not very good", "great"] * 4
LABELS = [1, 0, 0, 1] * 4
pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="see test_jax.py")


@pytest.fixture(scope="module")
def case():
    return dict(np.load(CASE / "case.npz"))


@pytest.fixture
def two_devices():
    distribution = keras.distribution.DataParallel()
    keras.distribution.set_distribution(distribution)
    yield distribution
    keras.distribution.set_distribution(None)


@pytest.fixture
def new_model(tiny_bert, preprocessor):
    def new_model(**changes):
        backbone = tiny_bert(**{"num_layers": 1, "dropout": 0.0, **changes})
        return tfzoo.BertClassifier(
            backbone, preprocessor=preprocessor, class_names=["bad", "good"], dropout=0.0
        )

    return new_model


def fitted(model, batch_size, **settings):
    model.compile(keras.optimizers.SGD(0.5, **settings))
    model.fit(TEXTS, LABELS, batch_size=batch_size, shuffle=False, verbose=0)
    return model


@pytest.fixture(scope="module")
def weights(tiny_bert, preprocessor):
    """Of a model that was trained on one device, by two steps of eight rows."""
    backbone = tiny_bert(num_layers=1, dropout=0.0)
    model = tfzoo.BertClassifier(backbone, preprocessor=preprocessor, dropout=0.0)
    before = model.get_weights()
    after = fitted(model, batch_size=8).get_weights()
    assert max(np.abs(b - a).max() for b, a in zip(before, after, strict=True)) > 0.01
    return after


def features(case):
    return {name: case[name] for name in ("token_ids", "padding_mask", "sequence_ids")}


@pytest.mark.parametrize("kind", ["Classifier", "MaskedLM"])
@pytest.mark.parametrize("family", ["Albert", "Bert", "DistilBert", "Electra", "Roberta"])
def test_outputs_are_those_of_tensorflow(case, family, kind):
    """These tests come first: nothing so far imports TensorFlow."""
    name = f"{family}{kind}"
    model = getattr(tfzoo, name).from_preset(CASE / name)
    np.testing.assert_allclose(model.predict_on_batch(features(case)), case[name], atol=1e-5)
    assert keras.backend.backend() == "jax"
    assert "tensorflow" not in sys.modules


def test_int8_outputs_are_those_of_tensorflow(case):
    model = tfzoo.BertClassifier.from_preset(CASE / "int8")
    assert model.backbone.quantization == "int8"
    np.testing.assert_allclose(model.predict_on_batch(features(case)), case["int8"], atol=1e-5)


def test_quantizing_changes_little(new_model):
    model = new_model()
    expected = model.predict(TEXTS, verbose=0)
    model.quantize("int8")
    changed = np.abs(model.predict(TEXTS, verbose=0) - expected).max()
    assert 0 < changed < 0.1


def test_dropout_draws_anew(case, new_model):
    model = new_model(dropout=0.5)
    outputs = [np.asarray(model(features(case), training=True)) for _ in range(2)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_two_devices_train_as_one_does(new_model, two_devices, weights):
    assert two_devices.num_model_replicas == 2
    model = fitted(new_model(), batch_size=8)
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert len(model.weights[0].value.sharding.device_set) == 2


def test_two_devices_take_any_number_of_texts(new_model, two_devices):
    model = new_model()
    model.compile()
    model.fit(
        TEXTS[:15], LABELS[:15], batch_size=8, validation_data=(TEXTS[:3], LABELS[:3]), verbose=0
    )
    logits = model.predict(TEXTS[:3], verbose=0)
    assert logits.shape == (3, 2)
    loss, accuracy = model.evaluate(TEXTS[:3], LABELS[:3], verbose=0)
    right = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(3), LABELS[:3]]
    assert loss == pytest.approx(right.mean(), abs=1e-5)
    assert accuracy == pytest.approx((logits.argmax(axis=1) == LABELS[:3]).mean())


def test_micro_batches_are_accumulated(new_model, weights):
    model = fitted(new_model(), batch_size=4, gradient_accumulation_steps=2)
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_lora_is_trained_alone_and_saved_for_tensorflow(new_model):
    model = new_model(dropout=0.5, rematerialize=True)
    model.backbone.enable_lora(2)
    before = model.get_weights()
    fitted(model, batch_size=8)
    moved = {
        variable.path
        for variable, old in zip(model.weights, before, strict=True)
        if not np.array_equal(variable.numpy(), old)
    }
    assert moved == {variable.path for variable in model.trainable_variables}
    model.save_to_preset(CASE / "trained")
    np.save(CASE / "trained.npy", model.predict(TEXTS, verbose=0))


def test_a_masked_language_model_learns_and_fills(tiny_bert, preprocessor):
    model = tfzoo.BertMaskedLM(tiny_bert(num_layers=1), preprocessor=preprocessor)
    loss = model.fit(TEXTS, batch_size=8, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    assert len(model.fill_mask(["the film was [MASK]"], top_k=3)[0][0]) == 3
