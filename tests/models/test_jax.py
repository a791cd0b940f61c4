"""The models under KERAS_BACKEND=jax, compared with themselves under TensorFlow."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzoo

FAMILIES = ["Albert", "Bert", "DistilBert", "Electra", "Roberta"]
SIZES = {
    "vocabulary_size": 23,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 24,
}
FEATURES = {
    "token_ids": np.array([[2, 7, 8, 3, 2, 9, 3, 0], [2, 10, 11, 12, 13, 14, 15, 3]]),
    "padding_mask": np.array([[1] * 7 + [0], [1] * 8]),
    "sequence_ids": np.array([[1] * 4 + [2] * 3 + [0], [1] * 8]),
}
CHECKS = Path(__file__).with_name("jax_backend.py")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed; pip install jax"
)


def saved(folder, name, model):
    model.save_to_preset(folder / name)
    return np.asarray(model(FEATURES))


def new_task(family, kind):
    keras.utils.set_random_seed(0)
    backbone = getattr(tfzoo, f"{family}Backbone")(**SIZES)
    for variable in backbone.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)
    return getattr(tfzoo, f"{family}{kind}")(backbone)


def test_under_jax(tmp_path):
    kinds = [(family, kind) for family in FAMILIES for kind in ("Classifier", "MaskedLM")]
    outputs = {"".join(each): saved(tmp_path, "".join(each), new_task(*each)) for each in kinds}
    int8 = new_task("Bert", "Classifier")
    int8.quantize("int8")
    outputs["int8"] = saved(tmp_path, "int8", int8)
    np.savez(tmp_path / "case.npz", **FEATURES, **outputs)
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    settings = {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "TFZOO_JAX_CASE": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", CHECKS],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^\d\d passed", run.stdout, re.MULTILINE), run.stdout

    # What was trained there is exported here.
    model = tfzoo.BertClassifier.from_preset(tmp_path / "trained")
    model.export(tmp_path / "export")
    answer = tf.saved_model.load(tmp_path / "export").signatures["serving_default"]
    logits = answer(text=tf.constant(["the film was good", "bad film !"]))["logits"]
    np.testing.assert_allclose(logits, np.load(tmp_path / "trained.npy")[:2], atol=1e-5)
