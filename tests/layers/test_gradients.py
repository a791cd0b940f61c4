"""Gradients written by hand equal those that TensorFlow derives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.layers import LayerNormalization
from tfzoo.layers.activations import activate, gelu_tanh


def gradients(function, *inputs):
    tensors = [tf.constant(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = function(*tensors)
        weights = tf.cos(tf.range(tf.size(outputs), dtype=tf.float32))
        loss = tf.reduce_sum(outputs * tf.reshape(weights, outputs.shape))
    return [gradient.numpy() for gradient in tape.gradient(loss, tensors)]


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((3, 5, 8)).astype("float32") * 3 + 1


def test_layer_normalization(x):
    layer = LayerNormalization()
    layer.build(x.shape)
    layer.gamma.assign(np.linspace(0.5, 2, 8))
    layer.beta.assign(np.linspace(-1, 1, 8))

    def plain(x):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        unit = (x - mean) / tf.sqrt(variance + layer.epsilon)
        return unit * layer.gamma.value + layer.beta.value

    np.testing.assert_allclose(layer(x), plain(x), atol=1e-5)
    np.testing.assert_allclose(gradients(layer, x)[0], gradients(plain, x)[0], atol=2e-5)


def test_gelu_in_training(x):
    def trained(x):
        return activate(gelu_tanh, x, training=True)

    np.testing.assert_allclose(trained(tf.constant(x)), gelu_tanh(x), atol=1e-6)
    np.testing.assert_allclose(gradients(trained, x)[0], gradients(gelu_tanh, x)[0], atol=1e-4)


def test_other_activations_stay_as_they_are(x):
    np.testing.assert_array_equal(activate(keras.ops.relu, x, True), np.maximum(x, 0))
