"""Trains on one device and on two, and prints as JSON what came of it.

A program of its own: the logical devices of a process are made before it does anything else, and a
second `MirroredStrategy` in it fails.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.training.tiny import VOCABULARY, Losses, backbone, features, labels, weights
from tfzoo import BertClassifier, BertMaskedLM
from tfzoo.errors import ConfigError
from tfzoo.training import make_optimizer

ROWS, BATCH = 25, 8  # the last batch has a row for one replica and none for the other


def fit(strategy, make, data, **options):
    """A model, and all numbers that two replicas have in common with one."""
    with strategy.scope():
        model = make()
        model.compile(make_optimizer("adamw", 0.01), **options)
    losses = Losses()
    keras.utils.set_random_seed(1)
    history = model.fit(**data, batch_size=BATCH, epochs=2, callbacks=[losses], verbose=0).history
    numbers = {"step": losses.here, **history}
    evaluated = model.evaluate(**data, batch_size=BATCH, return_dict=True, verbose=0)
    numbers |= {f"val_{name}": value for name, value in evaluated.items()}
    return model, numbers, weights(model)


def compared(strategy, make, data, here, there):
    """Largest relative difference of losses and metrics, and absolute one of weights."""
    one, expected, theirs = fit(tf.distribute.get_strategy(), make, data, **here)
    two, found, ours = fit(strategy, make, data, **there)
    metrics = max(
        np.abs(np.array(found[name]) / np.maximum(expected[name], 1e-9) - 1).max()
        for name in expected
        if name != "step" or len(expected[name]) == len(found[name])
    )
    apart = max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))
    predicted = [model.predict(data["x"], batch_size=BATCH, verbose=0) for model in (one, two)]
    return {
        "steps": len(found["step"]),
        "metrics": float(metrics),
        "weights": float(apart),
        "predictions": float(np.abs(predicted[0] - predicted[1]).max()),
        "scale": float(np.abs(predicted[0]).max()),
    }


def masked():
    rng = np.random.default_rng(2)
    positions = np.stack([np.ones(ROWS, int), 2 * rng.integers(0, 2, ROWS)], axis=1)
    x = {**features(ROWS), "masked_positions": positions}
    ids = rng.integers(5, VOCABULARY, (ROWS, 2))
    return {"x": x, "y": ids, "sample_weight": (positions > 0).astype("float32")}


class Recorded(BertClassifier):
    """Keeps what each replica's dropout makes of the same row."""

    def heads(self, outputs, inputs, training=None):
        logits = super().heads(outputs, inputs, training)
        if training:
            self.seen.append(logits[0, 0].numpy())
        return logits


def masks(strategy):
    """The first logits of two replicas in two steps, whose rows are all the same."""
    with strategy.scope():
        model = Recorded(backbone(dropout=0.3), dropout=0.3)
        model.seen = []
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    same = {name: np.repeat(value[:1], 8, axis=0) for name, value in features(1).items()}
    model.fit(same, np.zeros(8), batch_size=4, verbose=0)
    return [float(each) for each in model.seen]


def refused(strategy):
    with strategy.scope():
        model = BertClassifier(backbone())
        try:
            model.compile(jit_compile=True)
        except ConfigError as error:
            return str(error)


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    def classifier():
        return BertClassifier(backbone(), dropout=0.0)

    def masked_lm():
        return BertMaskedLM(backbone())

    rows = {"x": features(ROWS), "y": labels(ROWS)}
    found = {
        "classifier": compared(two, classifier, rows, {}, {"accumulation_steps": 2}),
        "masked_lm": compared(two, masked_lm, masked(), {}, {"steps_per_execution": 3}),
        "masks": masks(two),
        "refused": refused(two),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
