"""Layers in configurations, Keras files and exports."""

import inspect
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, HandleError
from tfzoo.hub import HubLayer

X = np.array([[1.0, 2.0], [0.0, -1.0]], "float32")
# Answers strings with a SavedModel, in a process that has neither Keras nor tfzoo.
PROGRAM = """
import json
import sys

for name in ("keras", "tfzoo"):
    sys.modules[name] = None
import tensorflow as tf

module = tf.saved_model.load(sys.argv[1])
print(json.dumps(module.serve(tf.constant(sys.argv[2:])).numpy().tolist()))
"""


def copied(folder, tmp_path):
    """A copy of a module that this process has not loaded yet."""
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture
def model(words):
    inputs = keras.Input((), dtype="string")
    layer = HubLayer(words, trainable=True)
    model = keras.Model(inputs, keras.layers.Dense(2)(layer(inputs)))
    layer.trainable_weights[0].assign([[5.0], [6.0], [7.0]])  # not what the module has
    return model


def answers(model):
    return model.predict(tf.constant(["bad", "good", "?"]), verbose=0)


def test_config_covers_every_argument(linear, tf1):
    given = {
        "handle": str(linear),
        "trainable": True,
        "arguments": {"scale": 2.0},
        "output_key": "y",
        "output_shape": [1],
        "name": "renamed",
    }
    more = {"handle": str(tf1), "tags": ["train"], "signature": "plain"}
    more |= {"signature_outputs_as_dict": True}
    for arguments in (given, more):
        config = HubLayer(**arguments).get_config()
        assert config.items() >= arguments.items()
        assert json.loads(json.dumps(config)) == config
        twin = HubLayer.from_config(config)
        assert twin.get_config() == config
        assert len(twin.trainable_weights) == int(arguments is given)
    known = set(inspect.signature(HubLayer.__init__).parameters) - {"self", "kwargs"}
    assert set(config) == known - {"load_options", "input_shape"} | {"name"}


def test_handle_stays_as_it_was_given(linear, monkeypatch):
    monkeypatch.chdir(linear.parent)
    assert HubLayer(linear.name).get_config()["handle"] == linear.name
    assert HubLayer(linear).get_config()["handle"] == str(linear)


def test_arguments_that_no_file_can_hold(linear):
    layer = HubLayer(linear, arguments={"scale": tf.constant(2.0)}, name="hub")
    with pytest.raises(
        ConfigError, match=r"arguments of HubLayer hub cannot be saved .*EagerTensor"
    ):
        layer.get_config()


def test_keras_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(answers(loaded), answers(model))
    assert len(loaded.trainable_weights) == 3
    np.testing.assert_array_equal(loaded.weights[0], [[5], [6], [7]])


def test_frozen_layer_in_a_keras_file(linear, tmp_path):
    model = keras.Sequential([keras.Input((2,)), HubLayer(linear, output_key="y")])
    model.layers[0].weights[0].assign([[0.0], [1.0]])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded(X), [[2], [-1]])
    assert loaded.trainable_weights == []


def test_weights_file(model, words, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    expected = answers(model)
    model.layers[1].weights[0].assign(keras.ops.zeros((3, 1)))
    assert np.abs(answers(model) - expected).max() > 1e-3
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(answers(model), expected)


def test_safe_mode(model, tmp_path):
    model.save(tmp_path / "model.keras")
    with pytest.raises(
        ConfigError, match=r"runs the SavedModel \S+module, a program .*safe_mode=Fa"
    ):
        keras.saving.load_model(tmp_path / "model.keras")
    with pytest.raises(ConfigError, match="safe_mode=False"):
        keras.models.model_from_json(model.to_json())


def test_safe_mode_without_a_loading_function(words, tmp_path):
    config = {**HubLayer(words).get_config(), "handle": str(copied(words, tmp_path))}
    with pytest.raises(ConfigError, match="safe_mode=False"):
        HubLayer.from_config(config)  # a program that has not run yet
    assert HubLayer.from_config(config, safe_mode=False).handle == config["handle"]
    assert HubLayer.from_config(config).handle == config["handle"]
    with pytest.raises(ConfigError, match="safe_mode=False"):
        HubLayer.from_config(config, safe_mode=True)


def test_clone_of_a_model(model):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(answers(clone), answers(model))
    clone.layers[1].weights[0].assign(keras.ops.zeros((3, 1)))
    np.testing.assert_array_equal(model.weights[0], [[5], [6], [7]])


def test_module_that_has_moved(words, tmp_path):
    folder = copied(words, tmp_path)
    model = keras.Sequential([keras.Input((), dtype="string"), HubLayer(folder)])
    model.save(tmp_path / "model.keras")
    shutil.rmtree(folder)
    with pytest.raises(HandleError, match=r"There is no file or folder .*copy"):
        keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)


def test_export_needs_neither_keras_nor_the_module(words, tmp_path):
    folder = copied(words, tmp_path)
    inputs = keras.Input((), dtype="string")
    layer = HubLayer(folder)
    layer.weights[0].assign([[5.0], [6.0], [7.0]])
    model = keras.Model(inputs, keras.layers.Dense(2)(layer(inputs)))
    model.export(tmp_path / "export", verbose=False)
    shutil.rmtree(folder)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "export", "bad", "good", "?"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(json.loads(run.stdout), answers(model), rtol=1e-6)


def test_export_of_a_tf1_graph(tf1, tmp_path):
    model = keras.Sequential([keras.Input((2,)), HubLayer(tf1)])
    model.export(tmp_path / "export", verbose=False)
    module = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_array_equal(module.serve(X), 24 * X)
