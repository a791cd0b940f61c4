"""The flat dense layer and its activations."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.layers import Dense
from tfzoo.layers.activations import get_activation

X = np.linspace(-4, 4, 33).astype("float32")


def test_gelu_is_exact():
    expected = [0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in X.tolist()]
    np.testing.assert_allclose(get_activation("gelu")(X), expected, atol=1e-6)


def test_gelu_tanh_is_the_approximation():
    inner = math.sqrt(2 / math.pi) * (X + 0.044715 * X**3)
    expected = 0.5 * X * (1 + np.tanh(inner))
    np.testing.assert_allclose(get_activation("gelu_tanh")(X), expected, atol=1e-6)
    assert np.abs(get_activation("gelu")(X) - expected).max() > 1e-4


def test_unknown_activation():
    with pytest.raises(ConfigError, match="swoosh"):
        get_activation("swoosh")


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (2, 2, 5, 3)])
def test_equals_keras(shape):
    keras.utils.set_random_seed(0)
    x = keras.random.normal(shape)
    ours, theirs = Dense(4, "gelu"), keras.layers.Dense(4, "gelu")
    ours.build(shape)
    theirs.build(shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_initial_weights_are_berts():
    keras.utils.set_random_seed(0)
    layer = Dense(100)
    layer.build((None, 100))
    kernel = layer.kernel.numpy()
    assert np.abs(kernel).max() <= 0.04
    assert kernel.std() == pytest.approx(0.88 * 0.02, rel=0.02)  # truncation takes 12% of it


def test_lora_trains_two_small_matrices():
    layer = Dense(4)
    layer.build((None, None, 3))
    layer.enable_lora(rank=2)
    shapes = sorted(tuple(variable.shape) for variable in layer.trainable_variables)
    assert shapes == [(2, 4), (3, 2), (4,)]
    assert layer(np.ones((2, 5, 3), "float32")).shape == (2, 5, 4)


@pytest.mark.parametrize("mode", [None, "int8"])
def test_lora_changes_the_kernel_by_a_scaled_product(mode):
    keras.utils.set_random_seed(0)
    layer, x = Dense(4), keras.random.normal((2, 5, 3))
    layer.build((None, None, 3))
    if mode:
        layer.quantize(mode)
    before, kernel = layer(x), np.array(layer.kernel)
    layer.enable_lora(rank=2, lora_alpha=6)
    np.testing.assert_array_equal(layer(x), before)
    layer.lora_kernel_b.assign(keras.random.normal((2, 4)))
    change = 3 * np.array(layer.lora_kernel_a) @ np.array(layer.lora_kernel_b)
    np.testing.assert_allclose(layer.kernel, kernel + change, atol=1e-5)
    np.testing.assert_allclose(layer(x), np.array(x) @ (kernel + change), atol=1e-5)


def test_int8_is_close():
    keras.utils.set_random_seed(0)
    layer = Dense(8)
    x = keras.random.normal((2, 5, 16))
    expected = layer(x)
    kernel = np.array(layer.kernel)
    layer.quantize("int8")
    assert [weight.dtype for weight in layer.weights] == ["float32", "int8", "float32"]
    assert np.abs(layer.kernel - kernel).max() < np.abs(kernel).max() / 253
    np.testing.assert_allclose(layer(x), expected, atol=0.01)


def test_inputs_of_an_int8_layer_have_a_gradient():
    layer = Dense(8, "gelu")
    x = keras.Variable(keras.random.normal((2, 16)))
    layer.build(x.shape)
    layer.quantize("int8")
    with tf.GradientTape() as tape:
        total = keras.ops.sum(layer(x))
    assert np.abs(tape.gradient(total, x.value)).max() > 1e-4


def test_only_int8():
    layer = Dense(8)
    layer.build((None, 4))
    with pytest.raises(ConfigError, match="is 'int4'; there is 'int8' alone"):
        layer.quantize("int4")


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", None])
def test_config(activation):
    layer = Dense(4, activation, use_bias=False)
    twin = Dense.from_config(layer.get_config())
    assert (twin.units, twin.activation, twin.use_bias) == (4, layer.activation, False)
    serialized = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(serialized)
    assert again.activation is layer.activation
