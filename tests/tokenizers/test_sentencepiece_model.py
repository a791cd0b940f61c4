"""SentencePiece models from strangers: refused before native code can be led astray."""

import io
import random

import pytest
import sentencepiece
from sentencepiece.sentencepiece_model_pb2 import ModelProto

from tfzoo import AlbertTokenizer
from tfzoo.errors import TfzooError, WeightsError
from tfzoo.tokenizers.sentencepiece_model import checked_pieces

WORDS = ["we saw a good film", "it was a bad play, not a film"]
TEXTS = ["We saw, ①½ é ﷺ a\u0301b", "", "中文 ``q'' \x07 \ufeff x"]


@pytest.fixture(scope="module")
def model():
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS),
        model_writer=written,
        vocab_size=40,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return written.getvalue()


def changed(model, change):
    proto = ModelProto.FromString(model)
    change(proto)
    return proto.SerializeToString()


def with_replacements(model, table):
    def change(proto):
        proto.normalizer_spec.precompiled_charsmap = bytes(table)

    return changed(model, change)


def replacements(model):
    return bytearray(ModelProto.FromString(model).normalizer_spec.precompiled_charsmap)


def test_pieces(model):
    pieces = checked_pieces(model)
    assert pieces[:5] == ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert pieces == [processor.id_to_piece(i) for i in range(len(processor))]
    assert len(replacements(model)) > 200_000  # Unicode's, which pass the checks


def piece(**values):
    return lambda proto: [setattr(proto.pieces[7], name, value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda proto: proto.ClearField("pieces"), "it has 0 pieces"),
        (piece(piece=""), "a piece is no text"),
        (piece(piece="a\0b"), "a piece is no text"),
        (piece(piece="<pad>"), "a piece more than once"),
        (piece(score=float("nan")), "score of a piece is no number"),
        (piece(type=ModelProto.SentencePiece.UNKNOWN), "does not have one unknown piece"),
        (lambda p: setattr(p.trainer_spec, "model_type", 2), "not of the kind 'unigram'"),
        (
            lambda p: setattr(p.normalizer_spec, "remove_extra_whitespaces", False),
            "treats spaces in another way",
        ),
        (lambda p: setattr(p.normalizer_spec, "add_dummy_prefix", False), "treats spaces in"),
    ],
)
def test_models_that_cannot_be_used(model, change, message):
    with pytest.raises(WeightsError, match=message):
        checked_pieces(changed(model, change))


def test_texts_that_are_not_utf8(model):
    with pytest.raises(WeightsError, match="a piece is no text"):
        checked_pieces(model.replace("▁".encode(), b"\xff\x96\x81"))


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\x0a\xff\xff\xff\xff\x07"])
def test_other_files(content):
    with pytest.raises(WeightsError, match="cannot be read"):
        checked_pieces(content)


def test_files_that_are_too_large(model, tmp_path):
    with pytest.raises(WeightsError, match="larger than 8 MiB"):
        checked_pieces(model + bytes(8 * 2**20))
    with (tmp_path / "spiece.model").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(WeightsError, match="larger than 8 MiB, so it is no SentencePiece model"):
        AlbertTokenizer(tmp_path / "spiece.model")


def test_replacements_that_lead_out_of_their_table(model):
    table = replacements(model)
    size = int.from_bytes(table[:4], "little")
    astray = {
        "root": (4, b"\x00\x02\xf0\x7f"),  # an offset far behind the end
        "last": (size, b"\x61\x02\xf0\x7f"),
    }
    for at, unit in astray.values():
        with pytest.raises(WeightsError, match="leads out of itself"):
            checked_pieces(with_replacements(model, table[:at] + unit + table[at + 4 :]))
    for cut in (3, 4, 1000, size + 3, len(table) - 1):
        with pytest.raises(WeightsError, match="is cut off"):
            checked_pieces(with_replacements(model, table[:cut]))
    with pytest.raises(WeightsError, match="leads out of itself"):  # a text behind the end
        checked_pieces(with_replacements(model, table[: 4 + size] + b"\0"))
    with pytest.raises(WeightsError, match="by more than 256 bytes"):
        checked_pieces(with_replacements(model, table + 300 * b"a" + b"\0"))


def test_mutated_files(model):
    """Each is refused, or tokenizes; a crash would end the tests."""
    chance = random.Random(0)
    table = replacements(model)
    usable = 0
    for _ in range(300):
        if chance.random() < 0.5:
            mutated = bytearray(model)
            for _ in range(chance.choice([1, 3, 10])):
                mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        else:
            mutated = bytearray(table)
            for _ in range(chance.choice([1, 10, 100])):
                mutated[chance.randrange(len(mutated))] = chance.randrange(256)
            mutated = with_replacements(model, mutated)
        try:
            AlbertTokenizer(bytes(mutated))(TEXTS)
            usable += 1
        except TfzooError:
            pass
    assert 10 < usable < 290
