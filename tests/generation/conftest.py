"""A language model of six tokens, for which everything can be computed by brute force."""

import keras
import numpy as np
import pytest

from tfzoo import GPT2Backbone, GPT2CausalLM
from tfzoo.layers.backend import compiled
from tfzoo.tasks import generation


@pytest.fixture(scope="session")
def new_model():
    """A function that makes such a model, whose texts depend on its seed."""

    def new_model(seed=0, vocabulary_size=6, num_layers=1, scale=0.4, **settings):
        backbone = GPT2Backbone(
            vocabulary_size, num_layers, 2, 8, 16, max_sequence_length=96, **settings
        )
        random = np.random.default_rng(seed)
        for variable in backbone.weights:
            if variable.name in ("kernel", "embeddings"):
                variable.assign(random.normal(size=variable.shape) * scale)
        return GPT2CausalLM(backbone)

    return new_model


@pytest.fixture(scope="session")
def outputs_of():
    """A function: of a model and rows (B, S) of ids, hidden states and logits of all tokens."""

    def outputs_of(model, rows):
        hidden = model.backbone({"token_ids": np.array(rows, "int32")})["sequence_output"]
        convert = keras.ops.convert_to_numpy
        return convert(hidden).astype("float64"), convert(model.logits(hidden)).astype("float64")

    return outputs_of


@pytest.fixture(autouse=True)
def no_xla(monkeypatch):
    """Compiles in a third of the time; `test_generate.py` has XLA."""
    monkeypatch.setattr(
        generation, "compiled", lambda f, variables, xla: compiled(f, variables, xla=False)
    )
