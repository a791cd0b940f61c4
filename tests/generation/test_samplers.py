"""Samplers: what is compiled for each, and whose logits must be numbers."""

import numpy as np
from keras import ops

from tfzoo.generation import Sampler
from tfzoo.generation.samplers import with_broken


def test_steps_of_the_last_samplers_are_kept(new_model):
    model = new_model()
    first = model.compiled_steps(Sampler(1.5))
    assert model.compiled_steps(Sampler(1.5)) is first
    for number in range(2, 18):
        last = model.compiled_steps(Sampler(number))
    assert len(model.__dict__["_compiled_steps"]) == 16
    assert model.compiled_steps(Sampler(17)) is last
    assert model.compiled_steps(Sampler(1.5)) is not first


def test_what_comes_behind_a_finished_text_cannot_break_it():
    state = {"broken": np.array([False, False]), "finished": np.array([True, False])}
    state = with_broken(ops.array([[np.nan, 0], [np.nan, 0]]), state)
    assert ops.convert_to_numpy(state["broken"]).tolist() == [False, True]
