"""The models under KERAS_BACKEND=jax."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tfzoo import BertClassifier

PROGRAM = """
import sys
import numpy as np
import keras
import tfzoo

assert keras.backend.backend() == "jax"
model = tfzoo.BertClassifier(
    tfzoo.BertBackbone(
        vocabulary_size=23, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=32,
        max_sequence_length=24, rematerialize=True, dropout=0.5,
    ),
    num_classes=3,
)
case = np.load(sys.argv[1])
features = {name: case[name] for name in ("token_ids", "padding_mask", "sequence_ids")}
model.set_weights([case[f"weight_{i}"] for i in range(len(model.weights))])
np.testing.assert_allclose(model(features), case["logits"], atol=1e-5)
assert not np.allclose(model(features, training=True), case["logits"], atol=1e-3)
model.compile("adam", "sparse_categorical_crossentropy")
assert np.isfinite(model.fit(features, np.array([0, 1]), verbose=0).history["loss"][0])
print("tensorflow" in sys.modules)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed; pip install jax"
)
def test_forward_and_training_step(tiny_bert, tmp_path):
    features = {
        "token_ids": np.array([[2, 7, 8, 3, 2, 9, 3, 0], [2, 10, 11, 12, 13, 14, 15, 3]]),
        "padding_mask": np.array([[1] * 7 + [0], [1] * 8]),
        "sequence_ids": np.array([[1] * 4 + [2] * 3 + [0], [1] * 8]),
    }
    model = BertClassifier(tiny_bert(), num_classes=3)
    weights = {f"weight_{i}": variable.numpy() for i, variable in enumerate(model.weights)}
    case = tmp_path / "case.npz"
    np.savez(case, logits=model(features), **features, **weights)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, case],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["False"]  # TensorFlow is not imported
