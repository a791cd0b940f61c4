"""How much work a step is, and how fast it is done."""

import types

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import AlbertBackbone, AlbertClassifier, BertClassifier, BertMaskedLM
from tfzoo.training import device_peak, throughput
from tfzoo.training.throughput import Throughput, step_costs, step_work


def test_work_of_packed_rows_choices_and_strangers():
    ids = tf.constant([[[2, 7, 3, 0], [2, 3, 0, 0]]])  # (1, 2, 4), as of multiple choice
    masked = {"token_ids": ids, "padding_mask": tf.sign(ids)}
    assert step_work(masked).numpy().tolist() == [1, 5, 13, 5]
    assert step_work({"token_ids": ids}).numpy().tolist() == [1, 8, 32, 8]
    positions = {"masked_positions": tf.constant([[1, 3, 0]])}
    assert step_work({**masked, **positions}).numpy().tolist() == [1, 5, 13, 2]
    assert step_work((tf.zeros((3, 5)),)).numpy().tolist() == [3, 0, 0, 0]


def test_costs_of_bert_are_those_of_palm(tiny_bert):
    backbone = tiny_bert()  # 2 layers of width 16 with 2 heads, intermediate size 32
    matrices = 2 * (4 * 16 * 16 + 2 * 16 * 32)
    expected = [0, 6 * matrices, 12 * 2 * 16, 0]
    assert step_costs(BertClassifier(backbone)).tolist() == expected
    head = 6 * (16 * 16 + 16 * backbone.token_embedding.input_dim)
    assert step_costs(BertMaskedLM(backbone)).tolist() == [*expected[:3], head]
    backbone.train_last_layers(1)
    assert step_costs(BertClassifier(backbone)).tolist() == [0, 4 * matrices, 8 * 2 * 16, 0]


def test_shared_layers_cost_each_time():
    sizes = {"vocabulary_size": 9, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    once, thrice = (
        step_costs(AlbertClassifier(AlbertBackbone(num_layers=layers, **sizes)))
        for layers in (1, 3)
    )
    assert once.any()
    np.testing.assert_array_equal(3 * once, thrice)


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(throughput.time, "monotonic", lambda: clock.now)
    return clock


def test_rates_leave_the_first_step_out_and_begin_anew(tiny_bert, clock, monkeypatch):
    peaks = {"float32": 1e6}
    monkeypatch.setattr(device_peak, "peak_of", lambda strategy, dtype: peaks[dtype])
    model = BertClassifier(tiny_bert())
    _, token, pair, _ = step_costs(model)
    measured = Throughput(model)

    def step(seconds, *work):
        clock.now += seconds
        model.step_work = np.array(work, np.float32)
        measured.add_step()

    step(100, 4, 9, 9, 0)
    assert measured.rates() == {}
    step(1, 4, 10, 20, 0)
    step(1, 4, 20, 30, 0)
    assert measured.rates() == {
        "examples_per_second": 4,
        "tokens_per_second": 15,
        "peak_share": float(f"{(30 * token + 50 * pair) / 2 / 1e6:.4g}"),
    }
    assert measured.rates() == {}
    clock.now += 50  # of validation, say
    measured.restart()
    step(2, 4, 10, 20, 0)
    assert measured.rates()["examples_per_second"] == 2


def test_a_model_that_says_nothing_has_no_rates(tiny_bert, clock):
    measured = Throughput(BertClassifier(tiny_bert()))
    for _ in range(3):
        clock.now += 1
        measured.add_step()
    assert measured.rates() == {}
