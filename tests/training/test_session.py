"""What is written of a `fit` that runs, when, and what comes of trouble."""

import errno
import json
import os
import random
import signal

import keras
import numpy as np
import pytest
import safetensors.numpy

from tests.training.tiny import Losses, assert_same, classifier, features, labels, weights
from tfzoo.errors import ConfigError, TrainingStoppedError
from tfzoo.training import Checkpoints
from tfzoo.training.callback_state import callback_state, restore_callbacks
from tfzoo.training.snapshots import snapshot_steps

X, Y = features(20), labels(20)


class AfterStep(keras.callbacks.Callback):
    """Does something after a step."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.step:
            self.action(self.model)


def terminate(model):
    os.kill(os.getpid(), signal.SIGTERM)


def fit(checkpoints, *callbacks, epochs=2, validation_data=None, **options):
    """A model after 5 steps an epoch, and their losses."""
    model, losses = classifier(**options), Losses()
    random.seed(3)
    callbacks = [losses, *callbacks]
    model.fit(
        X,
        Y,
        4,
        epochs,
        checkpoints=checkpoints,
        callbacks=callbacks,
        validation_data=validation_data,
        verbose=0,
    )
    return model, losses.here


def test_the_last_and_the_best_are_kept(tmp_path, monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(keras.Model, "evaluate", lambda *_, **__: {"loss": next(losses)})
    checkpoints = Checkpoints(tmp_path, every_steps=2, keep=2)
    fit(checkpoints, epochs=4, validation_data=(X, Y))
    assert snapshot_steps(tmp_path) == [10, 18, 20]


@pytest.mark.parametrize(
    ("every", "steps"),
    [
        ({"every_steps": 4}, [4, 5, 8, 10]),
        ({"every_steps": None}, [5, 10]),
        ({"every_seconds": 1e-9}, list(range(1, 11))),
    ],
)
def test_every_so_many_steps_or_seconds_and_after_each_epoch(tmp_path, every, steps):
    fit(Checkpoints(tmp_path, keep=99, **every))
    assert snapshot_steps(tmp_path) == steps


def test_sigterm_saves_and_ends(tmp_path):
    _, losses = fit(None)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(
        TrainingStoppedError, match=r"by SIGTERM after step 7, .* goes on from there"
    ):
        fit(Checkpoints(tmp_path), AfterStep(7, terminate))
    assert signal.getsignal(signal.SIGTERM) is before
    assert fit(Checkpoints(tmp_path))[1] == losses[7:]


def full_disk(monkeypatch, from_step):
    """Makes writing fail from a step on."""
    write = safetensors.numpy.save_file

    def save_file(arrays, path):
        if int(path.parent.parent.name.split("-")[1]) >= from_step:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(arrays, path)

    monkeypatch.setattr(safetensors.numpy, "save_file", save_file)


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    model, losses = fit(None)
    full_disk(monkeypatch, from_step=6)
    with pytest.warns(UserWarning, match="No space left on device.*Training goes on without"):
        other, same = fit(Checkpoints(tmp_path, every_steps=3))
    assert same == losses
    assert_same(weights(other), weights(model))
    assert snapshot_steps(tmp_path) == [3, 5]
    assert not list(tmp_path.glob(".*"))
    monkeypatch.undo()
    assert fit(Checkpoints(tmp_path))[1] == losses[5:]


def test_sigterm_on_a_full_disk_says_so(tmp_path, monkeypatch):
    full_disk(monkeypatch, from_step=0)
    with pytest.raises(ConfigError, match="No space left on device"):
        fit(Checkpoints(tmp_path), AfterStep(2, terminate))


def test_a_truncated_newest_one_is_skipped(tmp_path):
    _, losses = fit(None)
    fit(Checkpoints(tmp_path, every_steps=4), epochs=2)
    newest = tmp_path / "step-000000010" / "arrays.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="step-000000010 is damaged"):
        assert fit(Checkpoints(tmp_path))[1] == losses[8:]


@pytest.mark.parametrize(
    "change",
    [{"average": 0.9}, {"weighted_metrics": ["mse"]}],
)
def test_checkpoints_of_another_model(tmp_path, change):
    fit(Checkpoints(tmp_path), epochs=1)
    with pytest.raises(ConfigError, match=r"are of another model, in which .* other shapes"):
        fit(Checkpoints(tmp_path), **change)


def test_a_new_process_that_draws_another_seed(tmp_path):
    _, losses = fit(None, dropout=0.2)
    with pytest.raises(TrainingStoppedError):
        fit(Checkpoints(tmp_path), AfterStep(5, terminate), dropout=0.2)
    model, resumed = classifier(dropout=0.2), Losses()
    random.seed(99)
    model.fit(X, Y, 4, 2, checkpoints=Checkpoints(tmp_path), callbacks=[resumed], verbose=0)
    assert resumed.here == losses[5:]


def test_callbacks_of_one_class_are_kept_apart():
    def make():
        return [keras.callbacks.EarlyStopping(patience=n) for n in (1, 2)]

    first, second = make()
    first.wait, first.best = 3, np.float32(0.5)
    second.wait, second.best_weights = 4, [np.ones((2, 3)), np.zeros(())]
    plain, arrays = callback_state([first, second])
    others = make()
    restore_callbacks(others, json.loads(json.dumps(plain)), dict(reversed(arrays.items())))
    assert [each.wait for each in others] == [3, 4]
    assert [each.patience for each in others] == [1, 2]
    assert (others[0].best, others[0].best_weights) == (0.5, None)
    assert_same(others[1].best_weights, second.best_weights)


def test_what_cannot_be_kept_stays_as_it_is():
    class Odd(keras.callbacks.Callback):
        def __init__(self, given):
            super().__init__()
            self.given, self.count, self.function, self.names = given, 1, print, []

    old, new = Odd("old"), Odd("new")
    old.count, old.function, old.names = 2, repr, ["a"]
    restore_callbacks([new], *callback_state([old]))
    assert (new.given, new.count, new.function, new.names) == ("new", 2, print, ["a"])
