"""Warm-up and decay, and how `fit` spreads them over its steps."""

import keras
import numpy as np
import pytest

from tfzoo import BertClassifier
from tfzoo.errors import ConfigError
from tfzoo.training import AdamW, WarmupDecay, plan_schedule


def rates(schedule, count):
    return [float(schedule(step)) for step in range(count)]


def test_rises_to_the_peak_and_falls_to_zero():
    schedule = WarmupDecay(peak=2.0, total_steps=10, warmup=0.4)
    expected = [0.5, 1.0, 1.5, 2.0, 2.0, 5 / 3, 4 / 3, 1.0, 2 / 3, 1 / 3, 0.0, 0.0]
    np.testing.assert_allclose(rates(schedule, 12), expected, atol=1e-6)


def test_without_warmup():
    schedule = WarmupDecay(peak=1.0, total_steps=5, warmup=0.0)
    assert rates(schedule, 6)[0] == 1.0
    assert rates(schedule, 6)[-1] == 0.0
    assert (np.diff(rates(schedule, 6)) <= 0).all()


@pytest.mark.parametrize("total", [1, 2, 3])
def test_every_step_of_a_short_training_learns(total):
    for warmup in (0.0, 0.1, 1.0):
        schedule = WarmupDecay(peak=1.0, total_steps=total, warmup=warmup)
        assert min(rates(schedule, total)) > 0
        assert max(rates(schedule, total)) <= 1


def test_starts_at_its_first_step():
    schedule = WarmupDecay(peak=1.0, total_steps=10, warmup=0.2, first_step=100)
    later = [float(schedule(step)) for step in range(100, 110)]
    np.testing.assert_allclose(later, rates(WarmupDecay(1.0, 10, 0.2), 10), atol=1e-6)


def test_decays_by_their_formulas():
    settings = {"peak": 2.0, "total_steps": 12, "warmup": 2, "final": 0.5}
    left = np.clip((12 - np.arange(14)) / 10, 0, 1)
    expected = {
        "linear": 0.5 + 1.5 * left,
        "polynomial": 0.5 + 1.5 * left**3,
        "cosine": 0.5 + 1.5 * (1 + np.cos(np.pi * (1 - left))) / 2,
        "constant": np.full(14, 2.0),
    }
    for decay, values in expected.items():
        values[0] = 1.0  # of the warm-up
        schedule = WarmupDecay(**settings, decay=decay, power=3.0)
        np.testing.assert_allclose(rates(schedule, 14), values, rtol=1e-6)


def test_inverse_root_is_that_of_the_transformer():
    """Section 5.3 of the paper, whose steps count from 1."""
    width, warmup = 512, 40
    schedule = WarmupDecay((width * warmup) ** -0.5, warmup=warmup, decay="inverse_sqrt")
    steps = np.arange(1, 201)
    expected = width**-0.5 * np.minimum(steps**-0.5, steps * warmup**-1.5)
    np.testing.assert_allclose(rates(schedule, 200), expected, rtol=1e-5)


@pytest.mark.parametrize("warmup", [3, 3.0, 0.3])
def test_warmup_is_a_share_or_a_number(warmup):
    schedule = WarmupDecay(1.0, total_steps=10, warmup=warmup)
    np.testing.assert_allclose(rates(schedule, 4), [1 / 3, 2 / 3, 1, 1], rtol=1e-6)


def test_one_step_is_no_whole():
    assert rates(WarmupDecay(1.0, total_steps=4, warmup=1), 1) == [1.0]
    assert rates(WarmupDecay(1.0, total_steps=4, warmup=1.0), 1) == [0.25]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": "exponential"}, "There is no decay 'exponential'"),
        ({"warmup": -1}, "warmup is -1"),
        ({"warmup": float("nan")}, "warmup is nan"),
        ({"power": 0.0}, "power is 0.0"),
        ({"peak": -1.0}, "peak is -1.0"),
        ({"peak": float("inf")}, "peak is inf"),
        ({"final": 1.5}, "final is 1.5; .* final is not above peak"),
        ({"final": -0.5}, "final is -0.5"),
        ({"total_steps": 0}, "total_steps is 0; it must be positive"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        WarmupDecay(**{"peak": 1.0, **settings})


@pytest.mark.parametrize("settings", [{}, {"warmup": 0.1, "decay": "constant"}, {"warmup": 5}])
def test_length_must_be_known(settings):
    with pytest.raises(ConfigError, match="give WarmupDecay total_steps"):
        WarmupDecay(peak=1.0, **settings)(0)


def test_some_need_no_length(tiny_bert):
    model = BertClassifier(tiny_bert(num_layers=1))
    schedule = WarmupDecay(1.0, warmup=2, decay="constant")
    model.compile(AdamW(schedule))
    model.optimizer._iterations.assign(7)
    plan_schedule(model, None, epochs=1)
    assert [float(schedule(step)) for step in (7, 8, 9)] == [0.5, 1.0, 1.0]
    model.optimizer._iterations.assign(9)
    plan_schedule(model, None, epochs=2, initial_epoch=1)  # goes on
    assert schedule.first_step == 7


def test_configs_of_old_are_read():
    old = {"peak": 0.1, "total_steps": 7, "warmup": 0.3, "first_step": 2}
    assert rates(WarmupDecay.from_config(old), 10) == rates(WarmupDecay(0.1, 7, 0.3, 2), 10)


def test_config():
    schedule = WarmupDecay(0.1, 7, warmup=3, first_step=2, decay="cosine", power=2.0, final=0.01)
    serialized = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(serialized)
    assert again.get_config() == schedule.get_config()
    assert rates(again, 10) == rates(schedule, 10)


def test_plan_needs_a_length(tiny_bert):
    model = BertClassifier(tiny_bert(num_layers=1))
    model.compile()
    with pytest.raises(ConfigError, match="give fit steps_per_epoch"):
        plan_schedule(model, None, epochs=1)


def test_plan_leaves_other_learning_rates_alone(tiny_bert):
    model = BertClassifier(tiny_bert(num_layers=1))
    model.compile(AdamW(0.25))
    plan_schedule(model, None, epochs=1)
    assert float(model.optimizer.learning_rate) == 0.25


def test_each_fit_plans_its_own_length(tiny_bert):
    features, y = {"token_ids": np.ones((6, 4), int)}, np.array([0, 1] * 3)
    model = BertClassifier(tiny_bert(num_layers=1))
    seen = []

    def record(batch, logs):
        seen.append(float(model.optimizer.learning_rate))

    callback = keras.callbacks.LambdaCallback(on_train_batch_begin=record)
    model.compile(AdamW(WarmupDecay(1e-3, warmup=0.5)))
    for epochs in (2, 1):
        model.fit(features, y, batch_size=2, epochs=epochs, verbose=0, callbacks=[callback])
    expected = [1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 1 / 1.5, 1, 1 / 1.5]
    np.testing.assert_allclose(seen, 1e-3 * np.array(expected), rtol=1e-5)


def test_the_trained_step_uses_the_new_plan(tiny_bert):
    """Not only what the optimizer reports: a second `fit` moves the weights."""
    features, y = {"token_ids": np.ones((2, 4), int)}, np.array([0, 1])
    model = BertClassifier(tiny_bert(num_layers=1))
    model.fit(features, y, verbose=0)
    before = model.get_weights()
    model.fit(features, y, verbose=0)
    moved = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert max(moved) > 1e-6


def test_plan_goes_on_where_it_stopped(tiny_bert):
    model = BertClassifier(tiny_bert(num_layers=1))
    model.compile()
    optimizer = model.optimizer
    plan_schedule(model, 10, epochs=3)
    whole = [float(optimizer._learning_rate(step)) for step in range(30)]
    optimizer._iterations.assign(20)
    plan_schedule(model, 10, epochs=3, initial_epoch=2)
    assert [float(optimizer._learning_rate(step)) for step in range(30)] == whole
