"""Decoding with a GPT-2 of 124M random weights, side by side with KerasHub and Hugging Face.

    python benchmarks/generate.py

prints a table: generated tokens per second, prompts included, greedy, prompts of 32 tokens and 128
new ones, for batches of 1 and 8 and weights in float32, bfloat16 and int8. The peers take turns,
and a figure is the median of the rounds. Beside them stand

  bare products  the matrix products of a step and nothing else, in the fastest of four ways: with
                 XLA or without, kernels as (inputs, outputs) or (outputs, inputs)
  memory bound   the bytes of the weights over the bandwidth of a maximum over 1 GiB in the same run

Hugging Face is left out where torch and transformers are not installed. Ten minutes on two cores.
"""

import importlib.util
import itertools
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags

import tfzoo

SIZES = {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072}
VOCABULARY, PROMPT, NEW = 50257, 32, 128
KERNELS = ((768, 2304), (768, 768), (768, 3072), (3072, 768))
DTYPES = ("float32", "bfloat16", "int8")
PEERS = ("KerasHub", "Hugging Face")
COLUMNS = (
    "weights",
    "batch",
    "tfzoo",
    *PEERS,
    "to the best peer",
    "bare products",
    "of bare products",
    "memory bound",
)

flags.DEFINE_integer("rounds", 3, "of each row, of which the median is shown")
flags.DEFINE_multi_enum("dtype", list(DTYPES), DTYPES, "of the weights")
flags.DEFINE_multi_integer("batch", [1, 8], "rows")

Generate = Callable[[np.ndarray], object]


def main(argv: list[str]) -> None:
    del argv
    bandwidth = memory_bandwidth()
    print(f"bandwidth: {bandwidth / 1e9:.1f} GB/s\n")
    print(f"| {' | '.join(COLUMNS)} |\n|" + "---|" * len(COLUMNS))
    for dtype in flags.FLAGS.dtype:
        peers: dict[str, Generate] = {"tfzoo": ours(dtype)}
        if dtype != "int8":
            peers["KerasHub"] = keras_hub(dtype)
            if importlib.util.find_spec("transformers") and importlib.util.find_spec("torch"):
                peers["Hugging Face"] = hugging_face(dtype)
        for batch in flags.FLAGS.batch:
            print_row(dtype, batch, peers, bandwidth)


def print_row(dtype: str, batch: int, peers: dict[str, Generate], bandwidth: float) -> None:
    ids = np.random.default_rng(0).integers(0, VOCABULARY, (batch, PROMPT)).astype("int32")
    bare = None if dtype == "int8" else bare_steps(dtype, batch)
    times = {name: [] for name in peers}
    for generate in peers.values():
        generate(ids)  # compiles
    for _ in range(flags.FLAGS.rounds):
        for name, generate in peers.items():
            times[name].append(timed(generate, ids))
    rates = {name: batch * NEW / np.median(each) for name, each in times.items()}
    own, others = rates["tfzoo"], [rate for name, rate in rates.items() if name != "tfzoo"]
    figures = [
        dtype,
        str(batch),
        f"{own:.0f}",
        *(f"{rates[name]:.0f}" if name in rates else "" for name in PEERS),
        f"{own / max(others):.2f}" if others else "",
        f"{batch * bare:.0f}" if bare else "",
        f"{own / batch / bare:.0%}" if bare else "",
        f"{batch * bandwidth / weight_bytes(dtype):.0f}",
    ]
    print(f"| {' | '.join(figures)} |", flush=True)


def ours(dtype: str) -> Generate:
    policy = "float32" if dtype == "int8" else dtype
    backbone = tfzoo.GPT2Backbone(VOCABULARY, **SIZES, dtype=policy)
    model = tfzoo.GPT2CausalLM(backbone)
    if dtype == "int8":
        model.quantize("int8")
    return lambda ids: model.generate(ids, max_new_tokens=NEW)


def keras_hub(dtype: str) -> Generate:
    """KerasHub compiles with XLA or without, whichever it takes for better."""
    from keras_nlp.models import GPT2Backbone, GPT2CausalLM

    backbone = GPT2Backbone(VOCABULARY, max_sequence_length=1024, dtype=dtype, **SIZES)
    model = GPT2CausalLM(backbone, preprocessor=None)
    model.compile(sampler="greedy")

    def generate(ids: np.ndarray) -> object:
        room = np.zeros((len(ids), NEW), "int32")
        features = {
            "token_ids": np.concatenate([ids, room], axis=1),
            "padding_mask": np.concatenate([np.ones_like(ids), room], axis=1),
        }
        return model.generate(features, stop_token_ids=None)

    return generate


def hugging_face(dtype: str) -> Generate:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config()).to(getattr(torch, dtype)).eval()

    def generate(ids: np.ndarray) -> object:
        ids = torch.tensor(ids, dtype=torch.long)
        with torch.inference_mode():
            return model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=False,
                pad_token_id=0,
            )

    return generate


def bare_steps(dtype: str, rows: int) -> float:
    """Steps per second of the matrix products alone."""
    ways = itertools.product((True, False), repeat=2)
    return max(_bare_steps(dtype, rows, *way) for way in ways)


def _bare_steps(dtype: str, rows: int, xla: bool, turned: bool) -> float:
    def matrix(inputs: int, outputs: int) -> tf.Variable:
        shape = (outputs, inputs) if turned else (inputs, outputs)
        return tf.Variable(tf.cast(tf.random.normal(shape, stddev=0.02), dtype))

    width = SIZES["hidden_dim"]
    kernels = [matrix(*shape) for _ in range(SIZES["num_layers"]) for shape in KERNELS]
    head = matrix(width, VOCABULARY)

    @tf.function(jit_compile=xla)
    def run(x: tf.Tensor) -> tf.Tensor:
        def step(index: tf.Tensor, x: tf.Tensor) -> tuple:
            for kernel in kernels:
                x = tf.matmul(x[:, : kernel.shape[int(turned)]], kernel, transpose_b=turned)
            logits = tf.matmul(x, head, transpose_b=turned)
            return index + 1, x + logits[:, :1] * tf.cast(1e-9, x.dtype)

        return tf.while_loop(lambda index, _: index < NEW, step, (0, x))[1]

    x = tf.cast(tf.random.normal((rows, width)), dtype)
    run(x)
    return NEW / np.median([timed(run, x) for _ in range(flags.FLAGS.rounds)])


def memory_bandwidth() -> float:
    """Bytes per second of the fastest of several maxima over 1 GiB."""
    numbers = tf.Variable(tf.ones(2**28))
    run = tf.function(lambda: tf.reduce_max(numbers))
    run()
    return numbers.shape[0] * 4 / min(timed(lambda _: run(), None) for _ in range(9))


def weight_bytes(dtype: str) -> int:
    layers = SIZES["num_layers"] * sum(inputs * outputs for inputs, outputs in KERNELS)
    return (layers + VOCABULARY * SIZES["hidden_dim"]) * tf.as_dtype(dtype).size


def timed(call: Callable[[object], object], argument: object) -> float:
    begin = time.perf_counter()
    result = call(argument)
    if tf.is_tensor(result):
        result.numpy()
    return time.perf_counter() - begin


if __name__ == "__main__":
    app.run(main)
