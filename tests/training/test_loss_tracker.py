"""Means of their own, and what Keras asks of a metric."""

import keras

from tfzoo.training.loss_tracker import LossTracker


def test_parts_have_weights_of_their_own():
    tracker = LossTracker([None, "b"])
    tracker.update_state(10.0, sample_weight=4)
    tracker.update_state(20.0, sample_weight=1)
    assert tracker.result() == 12  # parts without weight add nothing
    tracker.update_parts({None: 1.0, "b": 100.0, "c": 9.0}, {None: 1.0, "b": 0.0, "c": 9.0})
    tracker.update_parts({None: 5.0, "b": 300.0, "c": 9.0}, {None: 3.0, "b": 2.0, "c": 9.0})
    assert tracker.result() == 12 + 4 + 300
    tracker.reset_state()
    assert [float(variable) for variable in tracker.variables] == [0] * 6


def test_it_is_made_from_its_config():
    config = keras.saving.serialize_keras_object(LossTracker([None, "b"]))
    same = keras.saving.deserialize_keras_object(config)
    assert (same.name, list(same.parts)) == ("loss", [None, "b"])
