"""Small tasks on random features, and what a `fit` leaves of itself."""

import keras
import numpy as np

from tfzoo import BertBackbone, BertClassifier
from tfzoo.training import make_optimizer

VOCABULARY, LENGTH = 23, 7


def backbone(cls=BertBackbone, **changes):
    """The same each time, with weights so large that outputs depend on inputs."""
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    made = cls(VOCABULARY, **{**sizes, "max_sequence_length": 24, "dropout": 0.0, **changes})
    for variable in made.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)
    return made


def classifier(dropout=0.0, average=None, learning_rate=0.01, **options):
    """A compiled BertClassifier, by default run eagerly, which spares the tracing."""
    model = BertClassifier(backbone(dropout=dropout), dropout=dropout)
    optimizer = make_optimizer("adamw", learning_rate, average=average)
    model.compile(optimizer, **{"run_eagerly": True, **options})
    return model


def features(rows):
    """Token ids (rows, 7), of which a random number is real."""
    rng = np.random.default_rng(0)
    ids = rng.integers(5, VOCABULARY, (rows, LENGTH))
    mask = np.arange(LENGTH) < rng.integers(3, LENGTH + 1, (rows, 1))
    return {"token_ids": np.where(mask, ids, 0), "padding_mask": mask.astype("int32")}


def labels(rows):
    return np.random.default_rng(1).integers(0, 2, rows)


class Losses(keras.callbacks.Callback):
    """Keeps the loss of each step.

    Attributes:
        losses: of the whole training, which a checkpoint gives back.
        here: of this `fit`, which none does, as it has the name of an argument.
    """

    def __init__(self, here=()):
        super().__init__()
        self.losses, self.here = [], list(here)

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(self.model.step_loss)
        self.here.append(self.model.step_loss)


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.weights]


def assert_same(ours, theirs):
    """Compares lists of arrays to the bit."""
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, its)
