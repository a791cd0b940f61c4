"""BERT as one layer: pooling, what is trained, files."""

import inspect
import shutil

import keras
import numpy as np
import pytest

from tfzoo import BertClassifier
from tfzoo.errors import ConfigError, DataError, HandleError
from tfzoo.models.bert_layer import BertLayer

IDS = np.array([[2, 7, 8, 3, 0, 0], [2, 9, 10, 11, 12, 3]])
MASK = np.array([[1, 1, 1, 1, 0, 0], [1] * 6])
SEGMENTS = np.array([[0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1]])
INPUTS = [IDS, MASK, SEGMENTS]


@pytest.fixture
def preset(tiny_bert, tmp_path):
    tiny_bert().save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def features(ids=IDS, segments=SEGMENTS):
    return {"token_ids": ids, "padding_mask": MASK, "segment_ids": segments}


def trained(layer):
    """The parts of a BERT that are trained, such as `layer_1`."""
    paths = [variable.path.split("/") for variable in layer.trainable_variables]
    return {path[0] if path[0] != "encoder" else path[1] for path in paths}


def test_first_pooling_is_the_pooler_s_output(tiny_bert):
    backbone = tiny_bert()
    expected = backbone(features())["pooled_output"]
    np.testing.assert_array_equal(BertLayer(backbone, 1)(INPUTS), expected)
    np.testing.assert_array_equal(BertLayer(backbone, 1)(tuple(INPUTS)), expected)


def test_mean_pooling_is_the_mean_over_real_tokens(tiny_bert):
    backbone = tiny_bert()
    hidden = np.array(backbone(features())["sequence_output"])
    means = BertLayer(backbone, 1, pooling="mean")(INPUTS)
    np.testing.assert_allclose(
        means, [hidden[0, :4].mean(axis=0), hidden[1].mean(axis=0)], atol=1e-6
    )
    nothing = BertLayer(backbone, 1, pooling="mean")([IDS, 0 * MASK])
    np.testing.assert_array_equal(nothing, np.zeros((2, 16)))


def test_segments_may_be_left_out(tiny_bert):
    backbone = tiny_bert()
    pooled = BertLayer(backbone, 1)([IDS, MASK])
    np.testing.assert_array_equal(pooled, backbone(features(segments=0 * IDS))["pooled_output"])
    assert np.abs(pooled - BertLayer(backbone, 1)(INPUTS)).max() > 1e-3


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_float_ids(tiny_bert, policy):
    backbone = tiny_bert(vocabulary_size=1000, dtype=policy)
    ids = 900 + IDS  # which bfloat16 cannot tell apart
    layer = BertLayer(backbone, 1)
    expected = backbone(features(ids))["pooled_output"]
    assert layer.compute_dtype == expected.dtype == policy.removeprefix("mixed_")
    floats = [each.astype("float32") for each in (ids, MASK, SEGMENTS)]
    np.testing.assert_array_equal(layer(floats), expected)
    inputs = [keras.Input((6,)) for _ in range(3)]
    model = keras.Model(inputs, layer(inputs))
    np.testing.assert_array_equal(model(floats), expected)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_functional_model_as_notebooks_have_it(tiny_bert, dtype):
    inputs = [keras.Input((6,), dtype=dtype) for _ in range(3)]
    bert = BertLayer(tiny_bert(dropout=0.0), n_fine_tune_layers=1)(inputs)
    assert bert.shape == (None, 16)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(bert))
    model.compile(keras.optimizers.SGD(1.0), "binary_crossentropy", run_eagerly=True)
    before = model.get_weights()
    model.train_on_batch(INPUTS, np.array([[0.0], [1.0]]))
    changed = {
        variable.path
        for variable, old in zip(model.weights, before, strict=True)
        if not np.array_equal(variable, old)
    }
    assert changed == {variable.path for variable in model.trainable_variables}
    assert len(changed) == 12 + 2 + 2  # a layer, the pooler, the head


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"n_fine_tune_layers": 1}, {"layer_1", "pooler"}),
        ({"n_fine_tune_layers": 2}, {"layer_0", "layer_1", "pooler"}),
        ({"n_fine_tune_layers": 0}, {"pooler"}),
        ({"n_fine_tune_layers": 1, "pooling": "mean"}, {"layer_1"}),
        ({"n_fine_tune_layers": 1, "trainable": False}, set()),
    ],
)
def test_what_is_trained(tiny_bert, arguments, parts):
    assert trained(BertLayer(tiny_bert(), **arguments)) == parts


def test_thawing_a_model_keeps_to_the_last_layers(tiny_bert):
    inputs = [keras.Input((6,)) for _ in range(3)]
    layer = BertLayer(tiny_bert(), 1, pooling="mean")
    model = keras.Model(inputs, layer(inputs))
    model.trainable = False
    assert trained(model) == set()
    model.trainable = True
    assert trained(model) == {"layer_1"}


def test_dropout_lives_in_training_alone(tiny_bert):
    layer = BertLayer(tiny_bert(dropout=0.5), 1)
    assert np.abs(layer(INPUTS, training=True) - layer(INPUTS)).max() > 1e-3
    np.testing.assert_array_equal(layer(INPUTS), layer(INPUTS, training=False))


def test_handles(tiny_bert, preset):
    layer = BertLayer(preset, 1, dtype="mixed_bfloat16")
    assert layer.backbone.dtype_policy.name == "mixed_bfloat16"
    expected = tiny_bert()(features())["pooled_output"]
    np.testing.assert_array_equal(BertLayer(str(preset), 1)(INPUTS), expected)


def test_published_module(reference):
    case = reference("02_bert_tfhub_v4_encoder")
    arrays, expected = np.load(case / "inputs.npz"), np.load(case / "expected.npz")
    inputs = [arrays[name] for name in ("input_word_ids", "input_mask", "input_type_ids")]
    pooled = BertLayer(case / "model", 1)(inputs)
    np.testing.assert_allclose(pooled, expected["pooled_output"], atol=2e-5)


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_keras_file_needs_no_handle(preset, tmp_path, pooling):
    inputs = [keras.Input((6,)) for _ in range(3)]
    layer = BertLayer(preset, 1, pooling)
    model = keras.Model(inputs, keras.layers.Dense(2)(layer(inputs)))
    model.save(tmp_path / "model.keras")
    shutil.rmtree(preset)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(INPUTS), model(INPUTS))
    paths = [variable.path for variable in model.trainable_variables]
    assert [variable.path for variable in loaded.trainable_variables] == paths
    assert len(paths) == 12 + (2 if pooling == "first" else 0) + 2


def test_config_covers_every_argument(tiny_bert):
    changes = {"n_fine_tune_layers": 2, "pooling": "mean", "trainable": False, "name": "renamed"}
    layer = BertLayer(tiny_bert(dtype="mixed_bfloat16"), **changes)
    config = layer.get_config()
    arguments = set(inspect.signature(BertLayer.__init__).parameters) - {"self", "kwargs"}
    assert set(config) == arguments | {"name"}
    assert config.items() >= changes.items()
    twin = BertLayer.from_config(config)
    assert twin.get_config() == config
    assert twin.compute_dtype == "bfloat16"


def test_errors(tiny_bert, tmp_path):
    with pytest.raises(ConfigError, match="pooling is 'max'; choose one of first, mean"):
        BertLayer("anything", pooling="max")
    with pytest.raises(ConfigError, match=r"last 3 layers .* has 2"):
        BertLayer(tiny_bert())
    with pytest.raises(HandleError, match="There is no file or folder"):
        BertLayer(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"not a BertClassifier; of a task, give its backbone\.$"):
        BertLayer(BertClassifier(tiny_bert()))
    layer = BertLayer(tiny_bert(), 1)
    for inputs, given in ((INPUTS[:1], "list of 1"), (INPUTS * 2, "list of 6"), (IDS, "ndarray")):
        with pytest.raises(DataError, match=rf"^BertLayer takes \[ids, .* was given a {given}\.$"):
            layer(inputs)
