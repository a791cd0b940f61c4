"""A `fit` that was interrupted anywhere ends as one that was not, to the bit."""

import contextlib
import math
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.tiny import Losses, assert_same, classifier, features, labels, weights
from tfzoo.errors import TrainingError
from tfzoo.training import Checkpoints

ROWS, BATCH, EPOCHS = 36, 8, 3
STEPS = 5  # of a pass, the last one of 4 rows
X, Y = features(ROWS), labels(ROWS)


class Killed(BaseException):
    """What nobody catches."""


class Killer(keras.callbacks.Callback):
    """Ends the process, as it were, after so many steps, or in a later epoch's validation."""

    def __init__(self, steps=None, validation=None):
        super().__init__()
        self.steps, self.validation = steps, validation

    def on_train_begin(self, logs=None):
        self.__dict__["epochs"] = 0

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.steps:
            raise Killed

    def on_test_begin(self, logs=None):
        if self.validation and int(self.model.optimizer.iterations) == self.validation:
            raise Killed


def stopping():
    """Stops early, in the third epoch at the latest, and gives the best weights back."""
    return keras.callbacks.EarlyStopping(
        patience=1, min_delta=100.0, restore_best_weights=True, start_from_epoch=0
    )


CASES = {
    "plain": {"average": 0.9},
    "spans passes": {"steps_per_epoch": 7},
    "several steps a call": {"steps_per_execution": 2, "run_eagerly": False},
    "stops early": {"epochs": 6, "callbacks": stopping},
}


def fit(folder=None, killer=None, average=None, callbacks=None, epochs=EPOCHS, **options):
    """Losses of all steps that were run, the history, the weights and the callbacks' state."""
    steps = options.pop("steps_per_epoch", None)
    model, losses = classifier(dropout=0.2, average=average, **options), Losses()
    extra = [callbacks()] if callbacks else []
    random.seed(3 if folder is None or not any(folder.glob("step-*")) else 4)
    try:
        history = model.fit(
            X,
            Y,
            BATCH,
            epochs,
            validation_data=(X, Y),
            callbacks=[losses, *extra, *([killer] if killer else [])],
            checkpoints=folder and Checkpoints(folder, every_steps=2),
            steps_per_epoch=steps,
            verbose=0,
        )
    except Killed:
        return losses.here, None, None, None
    told = [{name: vars(each)[name] for name in ("best", "wait", "best_epoch")} for each in extra]
    told.append(losses.losses)
    return losses.here, (history.history, history.epoch), weights(model), told


@pytest.fixture(scope="module")
def uninterrupted():
    found = {}

    def get(case):
        if case not in found:
            found[case] = fit(**CASES[case])
        return found[case]

    return get


@pytest.mark.parametrize(
    ("case", "killers"),
    [
        ("plain", [{"steps": 7}, {"steps": 9}]),
        ("plain", [{"steps": STEPS}, {"validation": 2 * STEPS}]),
        ("spans passes", [{"steps": 6}, {"steps": 13}]),
        ("several steps a call", [{"steps": 4}, {"validation": STEPS}]),
        ("stops early", [{"validation": 2 * STEPS}]),
    ],
)
def test_interrupted_and_resumed(uninterrupted, tmp_path, case, killers):
    losses, history, expected, told = uninterrupted(case)
    for killer in killers:
        part, ended, *_ = fit(tmp_path, Killer(**killer), **CASES[case])
        assert ended is None
        assert part
        assert _is_part(part, losses)
    part, ours, mine, says = fit(tmp_path, **CASES[case])
    assert len(part) < len(losses)
    assert part == losses[len(losses) - len(part) :]
    assert ours == history
    assert says == told
    assert_same(mine, expected)
    # It is over, and is found so.
    again, ours, mine, says = fit(tmp_path, **CASES[case])
    assert (again, ours, says) == ([], history, told)
    assert_same(mine, expected)


def _is_part(part, losses):
    return any(losses[i : i + len(part)] == part for i in range(len(losses) - len(part) + 1))


def test_early_stopping_did_stop(uninterrupted):
    losses, (history, epochs), *_ = uninterrupted("stops early")
    assert len(history["loss"]) == len(epochs) == 2
    assert len(losses) == 2 * STEPS


def test_checkpoints_change_nothing(uninterrupted, tmp_path):
    losses, history, expected, _ = fit(tmp_path, **CASES["plain"])
    assert (losses, history) == uninterrupted("plain")[:2]
    assert_same(expected, uninterrupted("plain")[2])


def test_data_of_unknown_length_are_gone_on_with_too(tmp_path):
    def run(folder, killer=None):
        model, losses = classifier(dropout=0.2), Losses()
        model.optimizer.learning_rate = 0.01
        keras.utils.set_random_seed(3)
        data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(ROWS, seed=1).batch(BATCH)
        data = data.filter(lambda x, y: True)
        callbacks = [losses, *([killer] if killer else [])]
        checkpoints = folder and Checkpoints(folder, every_steps=3)
        with contextlib.suppress(Killed):
            model.fit(data, epochs=2, callbacks=callbacks, checkpoints=checkpoints, verbose=0)
        return losses.here, weights(model)

    losses, expected = run(None)
    assert len(losses) == 2 * STEPS
    run(tmp_path, Killer(steps=8))
    part, mine = run(tmp_path)
    assert part == losses[6:]
    assert_same(mine, expected)


@pytest.mark.parametrize("every_steps", [None, 1, 2])
def test_a_loss_that_is_no_number_ends_the_training(tmp_path, every_steps):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 8:
                self.model.trainable_weights[0].assign(math.nan * self.model.trainable_weights[0])

    model = classifier()
    checkpoints = Checkpoints(tmp_path, every_steps=every_steps) if every_steps else None
    last = {
        None: r"look at that batch\.$",
        1: "After step 8 the weight .*embeddings.* is not finite.* is that of step 7",
        2: "After step 8 the weight .*embeddings.* is not finite.* is that of step 6",
    }[every_steps]
    with pytest.raises(TrainingError, match=last) as caught:
        model.fit(X, Y, BATCH, 2, callbacks=[Poison()], checkpoints=checkpoints, verbose=0)
    if every_steps is None:
        assert "The loss is nan at step 4 of epoch 2" in str(caught.value)
    else:
        good = fit_weights(tmp_path)
        assert all(np.isfinite(each).all() for each in good)


def fit_weights(folder):
    _, arrays = Checkpoints(folder).newest()
    return [array for name, array in arrays.items() if name.startswith("model/")]


def test_the_last_checkpoint_is_named_where_the_loss_is_no_number(tmp_path):
    weights = np.full(ROWS, math.nan, "float32")
    for first in (True, False):
        model = classifier()
        checkpoints = Checkpoints(tmp_path / str(first), every_steps=1)
        if not first:
            model.fit(X, Y, BATCH, 1, checkpoints=checkpoints, verbose=0)
        told = "There is no checkpoint yet" if first else "The last checkpoint is that of step 5"
        with pytest.raises(TrainingError, match=rf"nan at step 1 of epoch .*{told}\.$"):
            model.fit(X, Y, BATCH, 2, sample_weight=weights, checkpoints=checkpoints, verbose=0)
