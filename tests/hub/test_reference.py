"""Published modules give as layers what they give when they are loaded and called."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.hub import HubLayer, saved_model

ENCODERS = ["02_bert_tfhub_v4_encoder", "06_albert_tfhub_v3_encoder"]
IDS = ("input_word_ids", "input_mask", "input_type_ids")
TEXTS = ["the cat sat", "a longer sentence, with punctuation!", ""]
# Answers strings in a process that imports TensorFlow and its text operations alone.
PROGRAM = """
import json
import sys

import tensorflow as tf
import tensorflow_text

module = tf.saved_model.load(sys.argv[1])
print(json.dumps(module.serve(tf.constant(sys.argv[2:])).numpy().tolist()))
"""


def assert_equal(ours, theirs):
    keras.tree.assert_same_structure(ours, theirs)
    for mine, other in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_array_equal(mine, other)


def inputs_of(case, *names):
    arrays = np.load(case / "inputs.npz")
    return {name: tf.constant(arrays[name]) for name in names}


def symbolic(features):
    return {
        name: keras.Input(value.shape[1:], dtype=value.dtype.name, name=name)
        for name, value in features.items()
    }


def changed_by_a_step(layer, features, output):
    """The names of a layer's weights that one training step of a head on it changes."""
    inputs = symbolic(features)
    hidden = output(layer(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    before = layer.get_weights()
    rows = len(next(iter(features.values())))
    model.train_on_batch(features, np.ones((rows, 1)))
    return {
        variable.path.partition("/")[2]
        for variable, old in zip(layer.weights, before, strict=True)
        if not np.array_equal(variable, old)
    }


@pytest.mark.parametrize("case", ENCODERS)
def test_encoders(reference, case):
    folder = reference(case)
    features = inputs_of(folder, *IDS)
    layer = HubLayer(folder / "model", trainable=True)
    theirs = tf.saved_model.load(str(folder / "model"))(features, training=False)
    outputs = layer(features)
    assert_equal(outputs, theirs)
    assert len(layer.non_trainable_weights) == (case == ENCODERS[0])  # do_lower_case
    in_training = np.abs(layer(features, training=True)["pooled_output"] - outputs["pooled_output"])
    assert (in_training.max() > 0.01) == (case == ENCODERS[0])  # the other has no dropout
    names = changed_by_a_step(layer, features, lambda outputs: outputs["pooled_output"])
    trained = {variable.path.partition("/")[2] for variable in layer.trainable_weights}
    # Attention does not depend on the bias of keys: what their gradient has is rounding alone.
    assert {name for name in trained if not name.endswith("key/bias")} <= names <= trained
    layer.trainable = False
    assert changed_by_a_step(layer, features, lambda outputs: outputs["pooled_output"]) == set()


@pytest.mark.parametrize(
    ("signature", "names"), [("tokens", IDS), ("mlm", (*IDS, "masked_lm_positions"))]
)
def test_bert_of_tf1(reference, signature, names):
    folder = reference("08_bert_tf1hub")
    theirs = dict(
        zip(names, ("input_ids", "input_mask", "segment_ids", "mlm_positions"), strict=False)
    )
    features = {theirs[name]: value for name, value in inputs_of(folder, *names).items()}
    module = tf.saved_model.load(str(folder / "module"), tags=[])
    layer = HubLayer(folder / "module", signature=signature, signature_outputs_as_dict=True)
    assert_equal(layer(features), module.signatures[signature](**features))
    if signature == "tokens":
        assert changed_by_a_step(layer, features, lambda outputs: outputs["pooled_output"]) == set()
        layer.trainable = True
        names = changed_by_a_step(layer, features, lambda outputs: outputs["pooled_output"])
        assert len(names) > 30
        assert not any(name.startswith("cls/") for name in names)
        dropped = HubLayer(
            folder / "module", signature="tokens", tags=["train"], output_key="pooled_output"
        )
        assert np.abs(dropped(features) - dropped(features)).max() > 0.01


def test_elmo(reference):
    folder = reference("11_elmo_tf1hub")
    module = tf.saved_model.load(str(folder / "module"), tags=[])
    sentences, *tokens = inputs_of(folder, "strings", "tokens", "sequence_len").values()
    layer = HubLayer(folder / "module", signature_outputs_as_dict=True, trainable=True)
    assert_equal(layer(sentences), module.signatures["default"](sentences))
    assert [(each.name, each.shape) for each in layer.trainable_weights] == [
        ("weights", (3,)),
        ("scaling", ()),
    ]
    features = {"strings": sentences}
    names = changed_by_a_step(layer, features, lambda outputs: outputs["default"])
    assert names == {"aggregation/weights", "aggregation/scaling"}
    layer.trainable = False
    assert changed_by_a_step(layer, features, lambda outputs: outputs["default"]) == set()

    features = dict(zip(("tokens", "sequence_len"), tokens, strict=True))
    by_tokens = HubLayer(folder / "module", signature="tokens", output_key="elmo")
    assert by_tokens(symbolic(features)).shape == (None, None, 16)
    assert_equal(by_tokens(features), module.signatures["tokens"](**features)["elmo"])


def test_strings_through_preprocessor_and_encoder(reference, tmp_path):
    case = reference("04_bert_tfhub_preprocess")
    preprocessor = HubLayer(case / "model", trainable=True)
    assert preprocessor.weights == []
    arrays = np.load(case / "expected.npz")
    given = preprocessor(np.load(case / "inputs.npz")["sentences"])
    assert_equal(given, {name: arrays[f"call/{name}"] for name in IDS})
    encoder = HubLayer(reference(ENCODERS[0]) / "model", trainable=True, output_key="pooled_output")
    texts = keras.Input((), dtype="string")
    features = preprocessor(texts)
    assert {name: (each.shape, each.dtype) for name, each in features.items()} == {
        name: ((None, 32), "int32") for name in IDS
    }
    model = keras.Model(texts, keras.layers.Dense(2)(encoder(features)))
    expected = model.predict(tf.constant(TEXTS), verbose=0)
    assert expected.std(axis=0).min() > 0.01

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(tf.constant(TEXTS), verbose=0), expected)

    model.export(tmp_path / "export", verbose=False)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "export", *TEXTS], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(json.loads(run.stdout), expected, atol=1e-6)


def test_two_segments_as_the_documentation_of_the_preprocessor_has_it(reference):
    case = reference("04_bert_tfhub_preprocess")
    module = saved_model.load(str(case / "model"))
    arrays, expected = np.load(case / "inputs.npz"), np.load(case / "expected.npz")
    tokenize = HubLayer(module.tokenize)
    pack = HubLayer(module.bert_pack_inputs, arguments={"seq_length": 40})
    texts = [keras.Input((), dtype="string") for _ in range(2)]
    model = keras.Model(texts, pack([tokenize(text) for text in texts]))
    outputs = model([tf.constant(arrays[name]) for name in ("sentences", "sentences_b")])
    for name in IDS:
        np.testing.assert_array_equal(outputs[name], expected[f"pack_pair_40/{name}"])
