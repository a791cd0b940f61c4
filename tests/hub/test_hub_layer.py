"""Any SavedModel as a layer: inputs, outputs and arguments."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, DataError, HandleError, WeightsError
from tfzoo.hub import HubLayer

X = np.array([[1.0, 2.0], [0.0, -1.0]], "float32")


def test_module_gives_its_own_structure(linear):
    outputs = HubLayer(linear)(X)
    np.testing.assert_array_equal(outputs["y"], [[8], [-3]])
    np.testing.assert_array_equal(outputs["both"], [[[8], [-3]], [[-8], [3]]])


def test_output_key(linear):
    np.testing.assert_array_equal(HubLayer(linear, output_key="y")(X), [[8], [-3]])


def test_arguments(linear):
    layer = HubLayer(linear, arguments={"scale": 3.0}, output_key="y")
    np.testing.assert_array_equal(layer(X), [[24], [-9]])


def test_training_reaches_the_module_when_the_layer_is_trainable(linear):
    layer = HubLayer(linear, output_key="y")
    np.testing.assert_array_equal(layer(X, training=True), [[8], [-3]])
    layer.trainable = True
    np.testing.assert_array_equal(layer(X, training=True), [[108], [97]])
    np.testing.assert_array_equal(layer(X, training=False), [[8], [-3]])
    np.testing.assert_array_equal(layer(X), [[8], [-3]])


def test_signatures(linear):
    by_default = HubLayer(linear, signature="default")
    np.testing.assert_array_equal(by_default(X), 2 * X)
    np.testing.assert_array_equal(by_default({"x": X}), 2 * X)
    np.testing.assert_array_equal(HubLayer(linear, signature="default", output_key="x")(X), X)
    both = HubLayer(linear, signature="default", signature_outputs_as_dict=True)(X)
    assert set(both) == {"default", "x"}
    affine = HubLayer(linear, signature="affine", output_key="y")
    np.testing.assert_array_equal(affine({"x": X, "shift": 3.0}), X + 3)
    affine = HubLayer(linear, signature="affine", output_key="y", arguments={"shift": 4.0})
    np.testing.assert_array_equal(affine(X), X + 4)


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists(tmp_path, kind):
    spec = tf.TensorSpec((None, 2))

    class Sum(tf.Module):
        @tf.function(input_signature=[[spec, spec]])
        def __call__(self, inputs):
            return inputs[0] + 10 * inputs[1]

    tf.saved_model.save(Sum(), str(tmp_path))
    layer = HubLayer(tmp_path)
    np.testing.assert_array_equal(layer(kind((X, X))), 11 * X)
    inputs = [keras.Input((2,)) for _ in range(2)]
    np.testing.assert_array_equal(keras.Model(inputs, layer(kind(inputs)))([X, X]), 11 * X)


def test_strings(words):
    layer = HubLayer(words)
    for texts in (
        ["bad", "good", "?"],
        np.array(["bad", "good", "?"]),
        tf.constant(["bad", "good", "?"]),
    ):
        np.testing.assert_array_equal(layer(texts), [[-1], [1], [0.5]])


def test_loaded_modules_and_plain_functions(linear):
    module = tf.saved_model.load(str(linear))
    np.testing.assert_array_equal(HubLayer(module, output_key="y")(X), [[8], [-3]])
    np.testing.assert_array_equal(HubLayer(module, signature="default")(X), 2 * X)
    layer = HubLayer(lambda x, training, power: x**power if training else x, True, {"power": 2})
    np.testing.assert_array_equal(layer(X, training=True), X**2)
    np.testing.assert_array_equal(layer(X), X)
    assert HubLayer(tf.identity, dtype=tf.string).dtype == "string"
    assert HubLayer(tf.identity, dtype="float64")(X).dtype == "float64"
    with pytest.raises(ConfigError, match="already loaded cannot be saved or copied"):
        layer.get_config()
    with pytest.raises(ConfigError, match="tags and load_options say how to load a handle"):
        HubLayer(module, tags=["serve"])


def test_ragged_and_sparse_tensors_between_layers():
    split = HubLayer(tf.strings.split)
    count = HubLayer(lambda words: tf.cast(words.row_lengths(), tf.int32))
    inputs = keras.Input((), dtype="string")
    assert split(inputs).ragged
    model = keras.Model(inputs, count(split(inputs)))
    np.testing.assert_array_equal(model(tf.constant(["a b", "", "c d e"])), [2, 0, 3])
    sparse = HubLayer(tf.sparse.from_dense)(keras.Input((3,)))
    assert sparse.sparse
    assert not HubLayer(tf.sparse.to_dense)(sparse).sparse


def test_symbolic_outputs_know_shapes_and_dtypes(linear, words):
    outputs = HubLayer(linear)(keras.Input((2,), batch_size=4))
    assert [(each.shape, each.dtype) for each in keras.tree.flatten(outputs)] == [
        ((4, 1), "float32")
    ] * 3
    assert HubLayer(words)(keras.Input((), dtype="string")).shape == (None, 1)
    assert HubLayer(linear, output_key="y").compute_output_shape((7, 2)) == (7, 1)
    each_step = keras.layers.TimeDistributed(HubLayer(linear, output_key="y"))
    assert each_step(keras.Input((5, 2))).shape == (None, 5, 1)


def test_output_shape_helps_where_the_module_does_not_tell():
    def hidden(x):
        return {"a": tf.py_function(lambda x: x, [x], tf.float32)}

    with pytest.raises(ConfigError, match=r"^TensorFlow cannot tell .*give it as output_shape="):
        HubLayer(hidden)(keras.Input((2,)))
    outputs = HubLayer(hidden, output_shape={"a": [2]})(keras.Input((2,)))
    assert outputs["a"].shape == (None, 2)
    layer = HubLayer(hidden, output_key="a", output_shape=[2])
    assert layer(keras.Input((2,))).shape == (None, 2)
    with pytest.raises(ConfigError, match=r"^output_shape=\[2\] .*is float32 \(3, 4\); give .*\.$"):
        layer(np.ones((3, 4), "float32"))


@pytest.mark.parametrize("shape", [[2], [5, 1], 1, "one", {"y": [1]}, [[1], [1]]])
def test_output_shape_that_does_not_fit(linear, shape):
    layer = HubLayer(linear, output_key="y", output_shape=shape)
    for inputs in (X, keras.Input((2,))):
        with pytest.raises(ConfigError, match=r"^output_shape=.* float32 \((2|None), 1\); .*\.$"):
            layer(inputs)
    with pytest.raises(ConfigError, match=r"is {both: \[float32 \(2, 1\), .*; give the shape of"):
        HubLayer(linear, output_shape=shape)(X)


def test_first_in_a_sequential_model_as_tutorials_have_it(words):
    hub = HubLayer(words, input_shape=[], dtype=tf.string, trainable=True)
    model = keras.Sequential([hub, keras.layers.Dense(3)])
    assert model.output_shape == (None, 3)
    texts = tf.constant(["good", "bad"])
    expected = model.predict(texts, verbose=0)
    late = keras.Sequential([HubLayer(words), model.layers[-1]])  # built from its first batch
    np.testing.assert_array_equal(late.predict(texts, verbose=0), expected)


def test_dtype_is_the_module_s(linear, words):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = HubLayer(linear, output_key="y", trainable=True)
        inputs = keras.Input((2,))
        half = keras.layers.Identity()(inputs)
        model = keras.Model(inputs, layer(half))
    finally:
        keras.config.set_dtype_policy("float32")
    assert half.dtype == "bfloat16"
    assert layer.dtype == "float32"
    assert {variable.dtype for variable in layer.weights} == {"float32", "bool"}
    exact = np.array([[1 / 3, 2 / 3]])
    np.testing.assert_array_equal(layer(exact), np.float32(exact) @ np.float32([[2], [3]]))
    assert model(X).dtype == "float32"
    assert HubLayer(words).dtype == "string"


@pytest.mark.parametrize(
    ("inputs", "given"),
    [
        (np.ones((2, 2), "int64"), "int64 (2, 2)"),
        (np.ones((2, 3), "float32"), "float32 (2, 3)"),
        ([X, X], "[float32 (2, 2), float32 (2, 2)]"),
        ({"x": X}, "{x: float32 (2, 2)}"),
        (["text"], "string (1,)"),
    ],
)
def test_inputs_that_the_module_does_not_take(linear, inputs, given):
    for layer in (HubLayer(linear), HubLayer(linear, signature="affine", output_key="y")):
        with pytest.raises(DataError) as error:
            layer(inputs)
        message = str(error.value)
        assert message.count("\n") == 0
        assert f"and was given {given}; structure and name the inputs so" in message
    assert "takes {shift: float32 (), x: float32 (None, 2)}, and" in message


def test_symbolic_inputs_that_a_signature_does_not_take(linear):
    layer = HubLayer(linear, signature="default")
    with pytest.raises(
        DataError, match=r"takes float32 \(None, 2\) or {x: .*given int32 \(None, 2"
    ):
        layer(keras.Input((2,), dtype="int32"))


def test_other_errors_of_a_call_are_told_as_they_are(linear):
    with pytest.raises(ZeroDivisionError):
        HubLayer(lambda x: 1 / 0)(X)
    with pytest.raises(TypeError, match="unsupported operand"):
        HubLayer(lambda x, **arguments: arguments + 1, arguments={"any": 1})(X)


def test_arguments_that_the_module_does_not_have(linear):
    for module in (linear, lambda x, training=False, scale=1.0: x):
        layer = HubLayer(module, arguments={"speed": 1, "scale": 2.0})
        for inputs in (X, keras.Input((2,))):
            with pytest.raises(ConfigError, match=r"^\S.* has no argument speed; .*arguments=\.$"):
                layer(inputs)


def test_handles_that_are_none():
    for handle in (5, None, b"folder"):
        with pytest.raises(ConfigError, match=f"a handle, a callable or .*, not {handle!r}\\.$"):
            HubLayer(handle)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signature": "nope"}, "has no signature 'nope'; choose signature= from affine, default"),
        ({"signature": "affine"}, "gives no output 'default'; choose output_key= from y, or take"),
        ({"signature": "default", "output_key": "z"}, "no output 'z'; choose .* from default, x"),
        (
            {"signature": "default", "output_key": "x", "signature_outputs_as_dict": True},
            "either output_key or signature_outputs_as_dict=True, not both",
        ),
        ({"signature_outputs_as_dict": True}, "is for signatures, and .* is called without one"),
        ({"batch_input_shape": (None, 2)}, "no argument batch_input_shape; leave it out"),
        ({"tags": ["train"]}, r"no graph with the tags \['train'\]; choose tags= from \['serve'\]"),
    ],
)
def test_arguments_without_meaning(linear, arguments, message):
    with pytest.raises(ConfigError, match=message):
        HubLayer(linear, **arguments)


def test_unknown_output_of_a_module(linear):
    with pytest.raises(ConfigError, match=r"^\S+ gives no output 'z'; choose .* from both, y, or"):
        HubLayer(linear, output_key="z")(X)
    with pytest.raises(ConfigError, match="gives no dict; leave output_key='z' out"):
        HubLayer(lambda x: x, output_key="z")(X)


def test_module_without_call_or_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ConfigError, match="has no signature 'default'; it has none"):
        HubLayer(tmp_path)


def test_folders_that_hold_no_usable_saved_model(linear, tmp_path):
    with pytest.raises(HandleError, match="There is no file or folder"):
        HubLayer(tmp_path / "nothing")
    (tmp_path / "weights.txt").write_text("")
    with pytest.raises(HandleError, match=r"is no SavedModel: .* \(it holds weights.txt\)"):
        HubLayer(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match=r"cannot be loaded .*; fetch it again"):
        HubLayer(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes((linear / "saved_model.pb").read_bytes())
    with pytest.raises(WeightsError, match=r"cannot be loaded .*; fetch it again"):
        HubLayer(tmp_path)  # has no variables


def test_operations_that_are_not_registered(linear, monkeypatch):
    load, failures = tf.saved_model.load, []

    def needy(*args):
        if len(failures) < allowed:
            failures.append(args)
            raise RuntimeError("Op type not registered 'SentencepieceOp' in binary")
        return load(*args)

    monkeypatch.setattr(tf.saved_model, "load", needy)
    allowed = 1
    np.testing.assert_array_equal(HubLayer(linear, output_key="y")(X), [[8], [-3]])
    assert "tensorflow_text" in sys.modules
    allowed = 3
    with pytest.raises(WeightsError, match=r"'SentencepieceOp' in binary\); .* import the library"):
        HubLayer(linear)
    assert len(failures) == 3
    allowed = 4
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(WeightsError, match="import of tensorflow_text"):
        HubLayer(linear)


def test_folder_around_the_module_as_archives_have_it(linear, tmp_path):
    (tmp_path / "module").symlink_to(linear)
    np.testing.assert_array_equal(HubLayer(tmp_path, output_key="y")(X), [[8], [-3]])


def test_other_backends(linear, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="needs the TensorFlow backend"):
        HubLayer(linear)


def test_import_under_jax_leaves_tensorflow_alone():
    pytest.importorskip("jax")
    program = """
import sys
from tfzoo.errors import ConfigError
from tfzoo.hub import HubLayer
try:
    HubLayer("anything")
except ConfigError as error:
    print(error)
print("tensorflow" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "needs the TensorFlow backend" in run.stdout
    assert run.stdout.endswith("False\n")
