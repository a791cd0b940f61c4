"""Masked-LM pre-training of BERT-mini, side by side with KerasHub: real tokens per second.

    python benchmarks/pretrain.py --precision=bfloat16

prints two tables, for texts that fill a fifth of 128 tokens, and for texts that fill them.
Each way to train goes from strings to updated weights, tokenization, packing and masking included,
in batches of 32 rows of at most 128 tokens, 15% of which are predicted:

  packed     rows of `tfzoo.data.packing.packed_rows`, in which several texts lie side by side
  by length  `fit(texts)`, which sorts them and cuts batches of similar length
  padded     a text in a row, padded to the full length
  KerasHub   `keras_nlp.models.BertMaskedLM.fit(texts)` with its preprocessor

They take turns, and a figure is the median of the rounds. A packed row has about five of the short
texts, so that an epoch takes a fifth of the steps. Four minutes on two cores.
"""

from collections.abc import Callable, Sequence

import keras
import keras_nlp
import numpy as np
import tensorflow as tf
from absl import app, flags
from peers import LENGTH
from strings import long_texts, print_table, rate, read_data, timed

import tfzoo
from tfzoo.data.packing import packed_rows
from tfzoo.data.rows import fill_share

SIZES = {"num_layers": 4, "num_heads": 4, "hidden_dim": 256, "intermediate_dim": 1024}
BATCH = 32
FULL = 12  # batches of full rows

Ways = dict[str, Callable[[Sequence[str]], object]]


def main(argv: list[str]) -> None:
    del argv
    precision, rounds = flags.FLAGS.precision, flags.FLAGS.rounds  # of strings.py
    texts, _, vocabulary = read_data()
    preprocessor = tfzoo.TextPreprocessor(tfzoo.BertTokenizer(vocabulary), LENGTH)
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]
    ways = {**ours(preprocessor, policy), "KerasHub": theirs(vocabulary, policy)}
    compare("short", texts, preprocessor, ways, rounds)
    compare("full", long_texts(texts, FULL * BATCH), preprocessor, ways, rounds)


def ours(preprocessor: tfzoo.TextPreprocessor, policy: str) -> Ways:
    """One model in all three ways."""
    vocabulary_size = preprocessor.tokenizer.vocabulary_size
    backbone = tfzoo.BertBackbone(vocabulary_size=vocabulary_size, dtype=policy, **SIZES)
    model = tfzoo.BertMaskedLM(backbone, preprocessor=preprocessor)
    model.compile()

    def packed(texts: Sequence[str]) -> None:
        model.fit(packed_rows(preprocessor, texts, batch_size=BATCH), verbose=0)

    def by_length(texts: Sequence[str]) -> None:
        model.fit(texts, batch_size=BATCH, verbose=0)

    def padded(texts: Sequence[str]) -> None:
        model.fit(padded_rows(preprocessor, texts), verbose=0)

    return {"packed": packed, "by length": by_length, "padded": padded}


def padded_rows(preprocessor: tfzoo.TextPreprocessor, texts: Sequence[str]) -> tf.data.Dataset:
    """Batches of features, a text in a row of full length."""
    batches = tf.data.Dataset.from_tensor_slices(list(texts)).shuffle(len(texts)).batch(BATCH)
    return batches.map(lambda some: preprocessor(some, LENGTH), tf.data.AUTOTUNE)


def theirs(vocabulary: list[str], policy: str) -> Callable[[Sequence[str]], None]:
    """KerasHub's model; its preprocessor would have 96 tokens of a row predicted, or zeros."""
    models = keras_nlp.models
    backbone = models.BertBackbone(
        vocabulary_size=len(vocabulary), max_sequence_length=512, dtype=policy, **SIZES
    )
    tokenizer = models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
    preprocessor = models.BertMaskedLMPreprocessor(
        tokenizer, sequence_length=LENGTH, mask_selection_length=round(0.15 * LENGTH)
    )
    model = models.BertMaskedLM(backbone, preprocessor=preprocessor)
    model.compile(
        optimizer=keras.optimizers.AdamW(5e-5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    return lambda texts: model.fit(np.array(texts), batch_size=BATCH, verbose=0)


def compare(
    name: str,
    texts: Sequence[str],
    preprocessor: tfzoo.TextPreprocessor,
    ways: Ways,
    rounds: int,
) -> None:
    """Prints the real tokens of texts that each way trains on per second."""
    lengths = preprocessor.encode(tf.constant(texts))["token_ids"].row_lengths().numpy()
    for train in ways.values():  # is traced
        train(texts[: 2 * BATCH])
    times = {way: [] for way in ways}
    for _ in range(rounds):
        for way, train in ways.items():
            times[way].append(timed(lambda train=train: train(texts)))
    fills = {
        "packed": fill_share(packed_rows(preprocessor, texts, batch_size=BATCH)),
        "padded": lengths.mean() / LENGTH,
    }
    print_table(
        f"{len(texts)} {name} texts of {lengths.mean():.0f} tokens, BERT-mini, "
        f"{flags.FLAGS.precision}",
        ("tokens/s", "packed's ratio", "rows filled"),
        {
            way: (
                *rate(lengths.sum(), seconds, times["packed"]),
                f"{fills[way]:.0%}" if way in fills else "",
            )
            for way, seconds in times.items()
        },
    )


if __name__ == "__main__":
    app.run(main)
