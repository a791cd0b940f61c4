"""What every task has in common: configurations, Keras files, reproducible training, precision."""

import inspect
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfzoo import BertClassifier, BertMaskedLM, BertPretrainer, DataError
from tfzoo.errors import ConfigError
from tfzoo.tasks import BertTokenClassifier
from tfzoo.training import AdamW, WarmupDecay

TASKS = [BertClassifier, BertMaskedLM, BertPretrainer, BertTokenClassifier]
TEXTS = ["a good film", "a bad film", "great !", "awful .", "we saw a very good film", "not good"]
IDS = [1, 0, 1, 0, 1, 0]
FEATURES = {
    "token_ids": np.array([[2, 7, 8, 3], [2, 9, 3, 0]]),
    "padding_mask": [[1] * 4, [1] * 3 + [0]],
}
FEATURES = {name: np.array(value) for name, value in FEATURES.items()}


def outputs(model):
    return [ops.convert_to_numpy(output) for output in keras.tree.flatten(model(FEATURES))]


def assert_same_weights(model, expected):
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("strings", [True, False], ids=["strings", "features"])
def test_config_covers_every_argument(tiny_bert, preprocessor, task, strings):
    changes = {"num_classes": 3, "dropout": 0.4, "class_names": list("abc")}
    changes |= {"problem_type": "multi_label"}
    arguments = set(inspect.signature(task.__init__).parameters) - {"self", "kwargs"}
    changes = {name: value for name, value in changes.items() if name in arguments}
    model = task(tiny_bert(), preprocessor=preprocessor if strings else None, **changes)
    config = model.get_config()
    assert set(config) == arguments | {"name", "trainable"}
    assert config.items() >= changes.items()
    twin = task.from_config(config)
    assert twin.get_config() == config
    assert [v.path for v in twin.weights] == [v.path for v in model.weights]
    assert (twin.preprocessor is None) == (not strings)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "not compiled"])
def test_keras_file_holds_everything(tiny_bert, preprocessor, tmp_path, task, compiled):
    model = task(tiny_bert(num_layers=1), preprocessor=preprocessor)
    if compiled:
        model.compile()
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(5)
        model.optimizer._momentums[0].assign_add(ops.ones_like(model.optimizer._momentums[0]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is task
    assert loaded.get_config() == model.get_config()
    assert_same_weights(loaded, model)
    for ours, theirs in zip(outputs(loaded), outputs(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    tokens = loaded.preprocessor(["we playing"])["token_ids"]
    np.testing.assert_array_equal(tokens, preprocessor(["we playing"])["token_ids"])
    assert loaded.compiled == compiled
    if compiled:
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
        assert type(loaded.loss) is type(model.loss)


def test_loaded_model_goes_on_training(tiny_bert, preprocessor, tmp_path):
    """Two fits with a file in between equal two fits without."""

    def fit(model):
        model.fit(TEXTS, IDS, batch_size=4, shuffle=False, verbose=0)

    backbone = tiny_bert(num_layers=1, dropout=0.0)
    model = BertClassifier(backbone, preprocessor=preprocessor, dropout=0.0)
    optimizer = AdamW(WarmupDecay(0.01), weight_decay=0.1, no_decay=["bias"])
    model.compile(optimizer, run_eagerly=True)
    fit(model)
    model.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    before = model.get_weights()
    fit(model)
    fit(loaded)
    assert max(np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)) > 0.01
    for ours, theirs in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=ours.path)


def test_training_is_reproducible(tiny_bert, preprocessor):
    """Same seed, same weights: initial values, order of examples and dropout."""

    def train(seed):
        backbone = tiny_bert(num_layers=1, dropout=0.3)
        keras.utils.set_random_seed(seed)
        model = BertClassifier(backbone, preprocessor=preprocessor, dropout=0.3)
        for layer in model._flatten_layers():
            if hasattr(layer, "seed_generator"):
                layer.seed_generator.state.assign([seed, 0])
        model.compile(AdamW(0.01), run_eagerly=True)
        model.fit(TEXTS, IDS, batch_size=4, verbose=0)
        return np.concatenate([np.ravel(variable) for variable in model.weights])

    first, second, other = train(1), train(1), train(2)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-3


def test_compiled_step_equals_the_graph(tiny_bert):
    """XLA changes speed, not results."""

    def train(jit_compile):
        model = BertClassifier(tiny_bert(num_layers=1, dropout=0.0), dropout=0.0)
        model.compile(AdamW(0.01, global_clipnorm=1.0), jit_compile=jit_compile)
        logs = [model.train_on_batch(FEATURES, np.array([0, 1])) for _ in range(2)]
        return logs, model.get_weights()

    (plain, weights), (compiled, others) = train(False), train(True)
    np.testing.assert_allclose(compiled, plain, atol=1e-5)
    for ours, theirs in zip(others, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)  # Adam magnifies tiny gradients
    assert np.mean([np.abs(a - b).mean() for a, b in zip(others, weights, strict=True)]) < 1e-4


@pytest.mark.parametrize("task", TASKS)
def test_mixed_bfloat16_answers_in_float32(tiny_bert, task):
    expected, half = task(tiny_bert()), task(tiny_bert(dtype="mixed_bfloat16"))
    half.set_weights(expected.get_weights())
    assert half.compute_dtype == "bfloat16"
    for ours, theirs in zip(outputs(half), outputs(expected), strict=True):
        assert ours.dtype == np.float32
        scale = np.abs(theirs).max()
        assert 0 < np.abs(ours - theirs).max() < 0.1 * scale


def test_preprocessor_that_does_not_fit(tiny_bert, preprocessor):
    with pytest.raises(ConfigError, match="sequence_length is 16, and the backbone has 8"):
        BertClassifier(tiny_bert(max_sequence_length=8), preprocessor=preprocessor)
    with pytest.raises(ConfigError, match="has 23 entries and the embedding 22 rows"):
        BertClassifier(tiny_bert(vocabulary_size=22), preprocessor=preprocessor)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "There are no texts"),
        (["a", None], "Text 1 is not a string but NoneType"),
        (["a", float("nan")], "Text 1 is not a string but float"),
        ("one string", "must be a list or an array of strings, not one str"),
        ((["a", "b"], ["c"]), "2 against 1"),
        ((["a"], ["b"], ["c"]), "pair"),
    ],
)
def test_texts_that_are_none(tiny_bert, preprocessor, texts, message):
    model = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
    with pytest.raises(DataError, match=message):
        model.predict(texts, verbose=0)
    with pytest.raises(DataError, match=message):
        model.fit(texts, [0, 1], verbose=0)


def test_dataset_of_unknown_length_needs_a_number_of_steps(tiny_bert, preprocessor):
    model = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
    model.compile(run_eagerly=True)
    data = tf.data.Dataset.from_tensor_slices((TEXTS, IDS)).filter(lambda text, label: True)
    with pytest.raises(ConfigError, match="give fit steps_per_epoch"):
        model.fit(data, verbose=0)
    model.fit(data, steps_per_epoch=1, verbose=0)
    assert model.optimizer._learning_rate.total_steps == 1


def test_training_is_quiet(tiny_bert, preprocessor, capfd):
    """Nothing on the terminal but what the caller asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
        model.fit(TEXTS, IDS, verbose=0)
        model.predict(TEXTS, verbose=0)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "WARNING" not in captured.err
