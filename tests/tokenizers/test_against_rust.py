"""WordPiece and SentencePiece in the graph, against Hugging Face's `tokenizers`, on real lines.

`benchmarks/tokenization.py` does it on thousands of lines, and `test_byte_pair.py` for RoBERTa.
"""

import io
import math
from pathlib import Path

import pytest
import sentencepiece
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.implementations import BertWordPieceTokenizer

from tfzoo import AlbertTokenizer, BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FILES = sorted(Path(__file__).parents[2].glob("*.md"))
LINES = [line for path in FILES for line in path.read_text("utf-8").splitlines() if line.strip()]
LINES += [
    "Crème brûlée, ÉTÉ, Ångström",
    "日本語のテキスト",
    "Привіт, Київ!",
    "no\u00a0break\tneither",
]


@pytest.mark.parametrize("lowercase", [True, False])
def test_word_pieces(lowercase):
    rust = BertWordPieceTokenizer(lowercase=lowercase)
    rust.train_from_iterator(LINES, 1000, special_tokens=SPECIAL, show_progress=False)
    ids = rust.get_vocab()
    tokenizer = BertTokenizer(sorted(ids, key=ids.get), lowercase)
    expected = [each.ids for each in rust.encode_batch(LINES, add_special_tokens=False)]
    assert tokenizer(LINES).to_list() == expected
    assert len(LINES) > 200


def test_sentence_pieces():
    """Equal but for spellings of one likelihood, among which the rounding of numbers decides."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line.lower() for line in LINES),
        model_writer=written,
        vocab_size=600,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        user_defined_symbols='","',  # so that no number has one in its piece
        minloglevel=2,
    )
    proto = ModelProto.FromString(written.getvalue())
    scores = [each.score for each in proto.pieces]
    rust = Tokenizer(models.Unigram([(each.piece, each.score) for each in proto.pieces], unk_id=1))
    rust.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        ]
    )
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer = AlbertTokenizer(written.getvalue())
    theirs = [each.ids for each in rust.encode_batch(LINES, add_special_tokens=False)]
    same = 0
    for ours, their, line in zip(tokenizer(LINES).to_list(), theirs, LINES, strict=True):
        likelihoods = [math.fsum(scores[i] for i in ids) for ids in (ours, their)]
        assert likelihoods[0] == pytest.approx(likelihoods[1], rel=1e-6), line
        spelt = ["".join(map(tokenizer.id_to_token, ids)) for ids in (ours, their)]
        assert spelt[0] == spelt[1], line
        same += ours == their
    assert same > 0.95 * len(LINES)
