"""Quick starts: fewer traces, and TensorFlow's options as they were."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertClassifier
from tfzoo.training import quick_start, trace_predict


@pytest.fixture
def options():
    """TensorFlow's own options, restored after the test."""
    before = tf.config.optimizer.get_experimental_options()
    yield tf.config.optimizer
    tf.config.optimizer.set_experimental_options({"remapping": before.get("remapping", True)})


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("value", [True, False])
def test_remapping_is_off_inside_and_restored_after(options, model, value):
    options.set_experimental_options({"remapping": value})
    with quick_start(model):
        assert options.get_experimental_options()["remapping"] is False
    assert options.get_experimental_options()["remapping"] is value


def test_remapping_is_restored_after_an_error(options, model):
    options.set_experimental_options({"remapping": True, "constant_folding": True})
    with pytest.raises(KeyboardInterrupt), quick_start(model):
        raise KeyboardInterrupt
    after = options.get_experimental_options()
    assert after["remapping"] is True
    assert after["constant_folding"] is True


def test_other_backends_need_nothing(monkeypatch, model):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", None)
    with quick_start(model):
        pass


def test_predict_is_traced_once_for_all_shapes():
    traces = []

    class Model(keras.Model):
        def call(self, inputs):
            traces.append(inputs["x"].shape)
            return tf.reduce_sum(inputs["x"], axis=1)

    model = Model()
    batches = [{"x": np.ones((rows, length))} for rows, length in [(3, 5), (3, 4), (3, 3), (1, 2)]]
    spec = {"x": tf.TensorSpec((None, None))}
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    trace_predict(model, dataset)
    traces.clear()
    answers = model.predict(dataset, verbose=0)
    np.testing.assert_array_equal(answers, [5] * 3 + [4] * 3 + [3] * 3 + [2])
    assert traces == []


def test_eager_models_are_not_traced():
    class Model(keras.Model):
        def call(self, inputs):
            return inputs

    model = Model()
    model.compile(run_eagerly=True)
    trace_predict(model, tf.data.Dataset.from_tensors(tf.ones((2, 2))))
    assert model.predict(tf.ones((2, 2)), verbose=0).shape == (2, 2)


def test_a_training_step_is_traced_once(tiny_bert):
    traces = []

    class Classifier(BertClassifier):
        def call(self, inputs, training=None):
            if training:
                traces.append(1)
            return super().call(inputs, training=training)

    features, y = {"token_ids": np.ones((4, 6), int)}, np.array([0, 1, 0, 1])
    model = Classifier(tiny_bert(num_layers=1))
    model.fit(features, y, verbose=0)
    model.fit(features, y, verbose=0)
    assert len(traces) == 1
