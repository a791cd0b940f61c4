"""Dropout: how much, how scaled, and the same again for the same seed."""

import keras
import numpy as np
import pytest
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers.backend import stateless_dropout
from tfzoo.layers.dropout import DropoutSeeds, draw_seed

ONES = ops.ones((101, 99))  # an odd number of elements
SEED = ops.array([3, 4])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_share_and_scale(dtype):
    dropped = stateless_dropout(ops.cast(ONES, dtype), 0.25, SEED)
    assert dropped.dtype == dtype
    dropped = ops.convert_to_numpy(ops.cast(dropped, "float32"))
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(dropped[dropped != 0], 4 / 3, rtol=0.01)


def test_each_use_of_a_seed_draws_its_own_mask_and_a_second_run_the_same_ones():
    def run():
        drop = DropoutSeeds(SEED)
        return [ops.convert_to_numpy(drop(ONES, 0.5)) for _ in range(3)]

    first, second = run(), run()
    np.testing.assert_array_equal(first, second)
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        agree = (first[a] == first[b]).mean()
        assert agree == pytest.approx(0.5, abs=0.03)  # independent, not only different


def test_successive_seeds_of_a_layer_draw_independent_masks():
    generator = keras.random.SeedGenerator(0)
    masks = []
    for _ in range(4):
        drop = DropoutSeeds(draw_seed(generator, training=True))
        masks += [ops.convert_to_numpy(drop(ONES, 0.5)) for _ in range(3)]
    agreement = [(a == b).mean() for i, a in enumerate(masks) for b in masks[:i]]
    np.testing.assert_allclose(agreement, 0.5, atol=0.04)


def test_nothing_is_dropped_without_seed_or_rate():
    assert DropoutSeeds()(ONES, 0.5) is ONES
    assert DropoutSeeds(SEED)(ONES, 0.0) is ONES
    assert draw_seed(keras.random.SeedGenerator(0), training=False) is None
    assert draw_seed(keras.random.SeedGenerator(0), training=None) is None


def test_unknown_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ConfigError, match="'torch'; set KERAS_BACKEND"):
        stateless_dropout(ONES, 0.5, SEED)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2])
def test_rate_out_of_range(rate):
    with pytest.raises(ConfigError, match=f"dropout is {rate}"):
        stateless_dropout(ONES, rate, SEED)
