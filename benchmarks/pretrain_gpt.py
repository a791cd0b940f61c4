"""Pre-training of GPT-2 (124M), side by side with KerasHub: tokens per second, and memory.

    python benchmarks/pretrain_gpt.py --precision=bfloat16

Both train the same shape with AdamW on the same rows of 256 random tokens, which are full, and
predict every next one among 50,257. Each figure is the median of several new processes, which take
turns. Speed is that of a few steps behind the first one; memory is the peak of the process above
what it had after its imports. The aim is at least 1.2 times KerasHub's speed, and at most 60% of
its memory. Two minutes a round on two cores.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import keras
import keras_nlp
import numpy as np
import tensorflow as tf
from absl import app, flags
from strings import print_table, ratio

import tfzoo

_BATCH = flags.DEFINE_integer("batch_size", 8, "Rows of a step.")
_MEASURED = flags.DEFINE_enum(
    "measured", None, ["tfzoo", "KerasHub"], "Only measure this one; used inside."
)

SIZES = {
    "vocabulary_size": 50257,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}
LENGTH = 256
STEPS = 3

Train = Callable[[np.ndarray], object]  # takes rows of ids, one more than are trained on


def main(argv: list[str]) -> None:
    del argv
    precision, rounds = flags.FLAGS.precision, flags.FLAGS.rounds  # of strings.py
    if _MEASURED.value:
        print(json.dumps(measure(_MEASURED.value, precision)))
        return
    found = [{name: in_new_process(name) for name in PEERS} for _ in range(rounds)]
    seconds = {name: [each[name]["seconds"] for each in found] for name in PEERS}
    memory = {name: statistics.median(each[name]["megabytes"] for each in found) for name in PEERS}
    tokens = _BATCH.value * LENGTH
    print_table(
        f"{_BATCH.value} rows of {LENGTH} tokens, GPT-2 124M, {precision}",
        ("tokens/s", "tfzoo's ratio", "peak memory, MB", "tfzoo's share"),
        {
            name: (
                f"{tokens / statistics.median(times):.0f}",
                ratio(times, seconds["tfzoo"]),
                f"{memory[name]:.0f}",
                f"{memory['tfzoo'] / memory[name]:.0%}",
            )
            for name, times in seconds.items()
        },
    )


def in_new_process(name: str) -> dict[str, float]:
    command = [sys.executable, *sys.argv, f"--measured={name}"]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def measure(name: str, precision: str) -> dict[str, float]:
    """Seconds of a step, and peak megabytes, in this process."""
    before = peak_megabytes()
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]
    train = PEERS[name](policy)
    ids = np.random.default_rng(0).integers(
        0, SIZES["vocabulary_size"], (STEPS * _BATCH.value, LENGTH + 1), "int32"
    )
    train(ids[: _BATCH.value])  # is traced
    start = time.perf_counter()
    train(ids)
    return {
        "seconds": (time.perf_counter() - start) / STEPS,
        "megabytes": peak_megabytes() - before,
    }


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def ours(policy: str) -> Train:
    model = tfzoo.GPT2CausalLM(tfzoo.GPT2Backbone(dtype=policy, **SIZES))
    model.compile()

    def train(ids: np.ndarray) -> None:
        features = {
            "token_ids": ids[:, :-1],
            "padding_mask": np.ones_like(ids[:, 1:]),
            "labels": ids[:, 1:],
        }
        batches = tf.data.Dataset.from_tensor_slices(features).batch(_BATCH.value)
        model.fit(batches, verbose=0)

    return train


def theirs(policy: str) -> Train:
    models = keras_nlp.models
    backbone = models.GPT2Backbone(max_sequence_length=1024, dtype=policy, **SIZES)
    model = models.GPT2CausalLM(backbone, preprocessor=None)
    model.compile(
        optimizer=keras.optimizers.AdamW(5e-5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def train(ids: np.ndarray) -> None:
        features = {"token_ids": ids[:, :-1], "padding_mask": np.ones_like(ids[:, 1:])}
        model.fit(features, ids[:, 1:], batch_size=_BATCH.value, verbose=0)

    return train


PEERS = {"tfzoo": ours, "KerasHub": theirs}


if __name__ == "__main__":
    app.run(main)
