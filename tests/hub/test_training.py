"""Weights, training, losses, and gradients through graphs of TF1."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.hub import HubLayer

X = np.array([[1.0, 2.0], [0.0, -1.0]], "float32")
# Trains a layer in one replica or in two, and prints the weights of each replica.
PROGRAM = """
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.hub import HubLayer

linear, tf1, weights = sys.argv[1:]
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
x = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


def train(strategy):
    with strategy.scope():
        layer = HubLayer(linear, trainable=True, output_key="y")
        inputs = keras.Input((2,))
        model = keras.Model(inputs, layer(inputs))
        model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, np.ones((8, 1)), batch_size=8, epochs=2, verbose=0)
    return model


alone = train(tf.distribute.get_strategy())
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
model = train(mirrored)
model.save_weights(weights)
kernels = [alone.get_weights()[0]]
kernels += [each.numpy() for each in model.trainable_weights[0].value.values]
alone.load_weights(weights)
kernels.append(alone.get_weights()[0])
with mirrored.scope():
    layer = HubLayer(tf1)
    layer(x)
    layer.trainable = True
    try:
        layer(x)
    except ConfigError as error:
        print(error)
print(json.dumps([kernel.tolist() for kernel in kernels]))
"""


def test_weights_are_named_as_in_the_module(linear):
    layer = HubLayer(linear, trainable=True, name="hub")
    assert [variable.path for variable in layer.weights] == [
        "hub/dense/kernel",
        "hub/Variable",
        "hub/dense/kernel_1",
    ]  # without the string
    assert [variable.name for variable in layer.trainable_weights] == ["kernel"]
    assert [variable.dtype for variable in layer.weights] == ["float32", "bool", "float32"]


def test_weights_of_a_module_that_names_none(words):
    layer = HubLayer(words, trainable=True, name="hub")
    assert [variable.path for variable in layer.trainable_weights] == ["hub/scores"]


def test_toggling_trainable(linear):
    layer = HubLayer(linear)
    model = keras.Sequential([keras.Input((2,)), layer])
    assert model.trainable_weights == []
    assert len(model.non_trainable_weights) == 3
    layer.trainable = True
    assert [variable.path for variable in model.trainable_weights] == [layer.weights[0].path]
    layer.trainable = False
    assert model.trainable_weights == []


def test_what_is_assigned_reaches_the_module(linear):
    layer = HubLayer(linear, output_key="y")
    layer.weights[0].assign([[0.0], [1.0]])
    np.testing.assert_array_equal(layer(X), [[2], [-1]])


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("run_eagerly", [True, False], ids=["eager", "graph"])
@pytest.mark.parametrize("kind", ["linear", "words", "tf1", "old_tf1"])
def test_a_step_trains_what_is_trainable_and_nothing_else(request, kind, trainable, run_eagerly):
    layer = HubLayer(request.getfixturevalue(kind), trainable=trainable)
    strings = layer.dtype == "string"
    inputs = keras.Input(() if strings else (2,), dtype=layer.dtype)
    outputs = layer(inputs)
    outputs = outputs["y"] if isinstance(outputs, dict) else outputs
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=run_eagerly)
    before = layer.get_weights()
    model.train_on_batch(tf.constant(["good", "bad"]) if strings else X, np.ones((2, 1)))
    changed = [
        variable.name
        for variable, old in zip(layer.weights, before, strict=True)
        if not np.array_equal(variable, old)
    ]
    names = {"linear": "kernel", "words": "scores", "tf1": "trained", "old_tf1": "trained"}
    assert changed == ([names[kind]] if trainable else [])


def test_regularization_losses(linear):
    layer = HubLayer(linear, output_key="y", trainable=True)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(inputs))
    assert layer.losses == []  # no symbolic ones
    layer(X)
    np.testing.assert_allclose(layer.losses, [6.5])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    targets = np.array([[108.0], [97.0]])  # what the module gives in training
    np.testing.assert_allclose(model.train_on_batch(X, targets), 6.5)
    layer.trainable = False
    layer(X)
    assert layer.losses == []


def test_tf1_graphs(tf1):
    np.testing.assert_array_equal(HubLayer(tf1)(X), 24 * X)
    np.testing.assert_array_equal(HubLayer(tf1, output_key="loop")(X), 8 * X)
    np.testing.assert_array_equal(HubLayer(tf1, signature="plain")(X), 3 * X)
    np.testing.assert_array_equal(HubLayer(tf1, tags=["train"])(X), 240 * X)
    assert HubLayer(tf1)(keras.Input((2,))).shape == (None, 2)
    with pytest.raises(ConfigError, match=r"choose tags= from \[\], \['train'\]"):
        HubLayer(tf1, tags={"serve"})


@pytest.mark.parametrize("signature", ["default", "plain"])
def test_gradients_of_tf1_graphs(tf1, signature):
    layer = HubLayer(tf1, signature=signature, trainable=True)
    (variable,) = layer.trainable_weights
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(X))
    np.testing.assert_allclose(tape.gradient(total, variable.value), total / 3)


def test_tf1_graph_whose_loop_depends_on_what_would_be_trained(tf1):
    layer = HubLayer(tf1, signature="through")
    model = keras.Sequential([keras.Input((2,)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.ones((2, 1)))
    np.testing.assert_array_equal(layer(X), 27 * X)
    layer.trainable = True
    with pytest.raises(ConfigError, match=r"^\S+ cannot be trained, because its loops are of TF1"):
        layer(X)


def test_replicas_train_together(linear, tf1, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, linear, tf1, tmp_path / "model.weights.h5"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    *errors, kernels = run.stdout.splitlines()
    assert "whose variables have no replicas, and cannot be trained" in errors[-1]
    alone, first, second, loaded = json.loads(kernels)
    assert np.abs(np.array(alone) - [[2.0], [3.0]]).max() > 0.1
    np.testing.assert_allclose(first, alone, rtol=1e-5)
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(loaded, first)
