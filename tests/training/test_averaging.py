"""The averages in place of the weights, and the weights back in their place."""

import keras
import numpy as np
import pytest

from tfzoo.training.averaging import averaged_weights
from tfzoo.training.optimizers import make_optimizer

X, Y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0], [0.0]])


def make_model(**settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(make_optimizer("adamw", 0.1, **settings), "mse")
    return model


@pytest.fixture
def model():
    model = make_model(average=0.9)
    for _ in range(3):
        model.train_on_batch(X, Y)
    return model


def test_the_averages_are_evaluated_and_saved(model, tmp_path):
    averages = [each.numpy() for each in model.optimizer._model_variables_moving_average]
    with averaged_weights(model):
        loss = model.evaluate(X, Y, verbose=0)
        model.save(tmp_path / "model.keras")
    assert abs(model.evaluate(X, Y, verbose=0) - loss) > 1e-3
    saved = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(saved.get_weights(), averages, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_goes_on_as_if_nothing_had_been_swapped(model):
    other = make_model(average=0.9)
    for _ in range(3):
        with averaged_weights(other):
            pass
        other.train_on_batch(X, Y)
    for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_are_back_after_an_error(model):
    before = model.get_weights()
    with pytest.raises(KeyError), averaged_weights(model):
        raise KeyError
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_are_back_where_averages_are_not_all_there(model, monkeypatch):
    before = model.get_weights()
    averages = model.optimizer._model_variables_moving_average
    monkeypatch.setattr(model.optimizer, "_model_variables_moving_average", [averages[0], None])
    with pytest.raises((TypeError, ValueError)), averaged_weights(model):
        raise AssertionError("the block is not reached")
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_checkpoints_hold_the_averages(model):
    held = {id(variable) for variable in model.optimizer.variables}
    assert {id(each) for each in model.optimizer._model_variables_moving_average} <= held


def test_without_averages_nothing_changes():
    fresh, plain = make_model(average=0.9), make_model()
    plain.train_on_batch(X, Y)
    fresh.optimizer.build(fresh.trainable_variables)
    for model in (fresh, plain):
        before = model.get_weights()
        with averaged_weights(model):
            np.testing.assert_array_equal(model.get_weights()[0], before[0])
