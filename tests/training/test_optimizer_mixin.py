"""What optimizers share: rates by layer, clipping, averages, and replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertClassifier
from tfzoo.training.optimizer_mixin import layer_scales
from tfzoo.training.optimizers import AdamW, make_optimizer

NAMES = ["adamw", "lamb", "adafactor"]


def make_model(optimizer):
    """Two layers and a head, all of whose gradients differ from zero."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(2, name=name) for name in ("layer_0", "layer_1", "head")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(optimizer, "mse", run_eagerly=True)
    return model


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 2))


def scales_of(model):
    paths = [variable.path for variable in model.trainable_variables]
    return dict(zip(paths, layer_scales(paths, 0.5), strict=True))


def test_layers_of_a_classifier(tiny_bert):
    scales = scales_of(BertClassifier(tiny_bert(num_layers=2)))
    expected = {
        "embeddings": 0.125,
        "encoder/layer_0": 0.25,
        "encoder/layer_1": 0.5,
        "pooler": 1.0,
        "classification_head": 1.0,
    }
    assert len(scales) == 5 + 2 * 12 + 2 + 2
    for path, scale in scales.items():
        assert [value for part, value in expected.items() if path.startswith(part)] == [scale]


def test_layers_of_low_rank_matrices(tiny_bert):
    backbone = tiny_bert(num_layers=2)
    backbone.enable_lora(rank=1, alpha=1)
    scales = scales_of(BertClassifier(backbone))
    assert sorted(scales.values()) == [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_learns_at_its_own_rate(name, tmp_path):
    moved = {}
    for decay in (1.0, 0.5):
        model = make_model(make_optimizer(name, 0.1, layer_decay=decay))
        before = model.get_weights()
        model.train_on_batch(*batch())
        moved[decay] = [a - b for a, b in zip(model.get_weights(), before, strict=True)]
    for scale, full, less in zip([0.25] * 2 + [0.5] * 2 + [1] * 2, *moved.values(), strict=True):
        assert np.abs(full).min() > 0
        np.testing.assert_allclose(less, scale * full, rtol=1e-3, atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, again):
        each.train_on_batch(*batch(seed=1))
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_averages_forget_the_start():
    optimizer = make_optimizer("adamw", 0.1, average=0.15)
    model, expected = make_model(optimizer), 0.0
    for step in range(4):
        model.train_on_batch(*batch())
        momentum = min(0.15, step / (step + 10))
        expected = momentum * expected + (1 - momentum) * model.get_weights()[0]
    np.testing.assert_allclose(optimizer._model_variables_moving_average[0], expected, atol=1e-6)


def test_training_ends_with_the_averages():
    model = make_model(make_optimizer("adamw", 0.1, average=0.9))
    model.fit(*batch(), epochs=3, verbose=0)
    averages = model.optimizer._model_variables_moving_average
    for variable, average in zip(model.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(variable, average)


def test_without_a_step_it_ends_with_the_weights():
    model = make_model(make_optimizer("adamw", 0.1, average=0.9))
    model.optimizer.build(model.trainable_variables)
    before = model.get_weights()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("setting", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_rows_are_summed_before_they_are_clipped(setting):
    """Two halves of a row's gradient are clipped as the whole is."""
    whole = tf.IndexedSlices(tf.constant([[3.0, 4.0]]), tf.constant([1]), tf.constant([2, 2]))
    halves = tf.IndexedSlices(
        tf.constant([[1.0, 1.0], [2.0, 3.0]]), tf.constant([1, 1]), tf.constant([2, 2])
    )
    moments = []
    for gradient in (whole, halves):
        table = keras.Variable(np.ones((2, 2)), name="table")
        optimizer = AdamW(0.1, **{setting: 2.0})
        optimizer.apply([gradient], [table])
        moments.append(optimizer._momentums[0].numpy())
    np.testing.assert_allclose(moments[1], moments[0], rtol=1e-6)
    expected = [2.0, 2.0] if setting == "clipvalue" else [1.2, 1.6]
    np.testing.assert_allclose(moments[0][1], 0.1 * np.array(expected), rtol=1e-5)
