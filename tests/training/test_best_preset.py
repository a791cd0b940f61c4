"""Which epoch's model is kept."""

import math

from tfzoo.training.best_preset import BestPreset


class Model:
    def __init__(self):
        self.saved = []

    def save_to_preset(self, folder):
        self.saved.append(folder)


def losses(*values):
    callback, model = BestPreset("best"), Model()
    callback.set_model(model)
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value})
    return callback.saved.get("epoch"), len(model.saved)


def test_the_lowest_validation_loss_is_kept():
    assert losses(0.5, 0.3, 0.4, 0.3, 0.2) == (5, 3)


def test_a_loss_that_is_not_finite_is_never_kept():
    assert losses(math.nan, math.inf) == (None, 0)
    assert losses(math.nan, 0.5, math.nan) == (2, 1)
