"""Trains on one device and on two, and prints as JSON what came of it.

A program of its own: the logical devices of a process are made before it does anything else, and a
second `MirroredStrategy` in it fails.
"""

import json
import sys
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from tests.training.tiny import VOCABULARY, Losses, backbone, features, labels, weights
from tfzoo import BertClassifier, BertMaskedLM, BertPretrainer
from tfzoo.errors import ConfigError
from tfzoo.training import make_optimizer
from tfzoo.training.averaging import averaged_weights

ROWS, BATCH = 25, 8  # the last batch has a row for one replica and none for the other
OPTIMIZERS = ("adamw", "lamb", "adafactor")


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


def evaluated(strategy, batch_size):
    """The loss over tokens plus that over rows, of which the replicas have unequal numbers."""
    with strategy.scope():
        model = BertPretrainer(backbone())
        model.compile(run_eagerly=True)
    data = masked()
    weights = {"masked_lm": data["sample_weight"], "next_sentence": np.ones(ROWS, "float32")}
    y = {"masked_lm": data["y"], "next_sentence": labels(ROWS)}
    return model.evaluate(data["x"], y, batch_size, sample_weight=weights, verbose=0)[0]


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


def optimized(strategy, name):
    """Weights and averages after three steps, in which the replicas look up other rows."""
    with strategy.scope():
        keras.utils.set_random_seed(0)
        table = keras.layers.Embedding(4, 3, name="embeddings")
        dense = keras.layers.Dense(2, name="layer_0", bias_initializer="ones")
        table.build()
        dense.build((None, 3))
        optimizer = make_optimizer(
            name, 0.1, weight_decay=0.2, clip_norm=0.5, layer_decay=0.5, average=0.9
        )
        variables = [*table.weights, *dense.weights]
        optimizer.build(variables)
    pieces = strategy.num_replicas_in_sync

    def step(ids):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        mine = tf.reshape(ids, (pieces, -1))[replica]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(dense(table(mine)) ** 2 * tf.cast(1 + mine[:, None], "float32"))
        optimizer.apply(tape.gradient(loss, variables), variables)

    run = tf.function(lambda ids: strategy.run(step, args=(ids,)))
    for ids in ([0, 2, 2, 1], [2, 2, 2, 2], [3, 1, 0, 2]):
        run(tf.constant(ids))
    trained = [variable.numpy() for variable in variables]
    model = SimpleNamespace(optimizer=optimizer, trainable_variables=variables)
    with averaged_weights(model):
        averages = [strategy.experimental_local_results(v.value)[-1].numpy() for v in variables]
    for variable, weight in zip(variables, trained, strict=True):
        for copy in strategy.experimental_local_results(variable.value):
            np.testing.assert_array_equal(copy.numpy(), weight)
    assert np.abs(averages[-1] - trained[-1]).max() > 1e-3
    return [array.tolist() for array in trained + averages]


def main():
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # starts sooner
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    def classifier():
        return BertClassifier(backbone(), dropout=0.0)

    def masked_lm():
        return BertMaskedLM(backbone())

    rows = {"x": features(ROWS), "y": labels(ROWS)}
    one = tf.distribute.get_strategy()
    found = {
        "classifier": compared(two, classifier, rows, {}, {"accumulation_steps": 2}),
        "masked_lm": compared(two, masked_lm, masked(), {}, {"steps_per_execution": 3}),
        "evaluated": [evaluated(one, ROWS), evaluated(two, BATCH)],
        "masks": masks(two),
        "optimizers": {
            name: [optimized(strategy, name) for strategy in (one, two)] for name in OPTIMIZERS
        },
        "refused": refused(two),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
