"""Rows filled with whole sentences or with several texts: nothing is lost, and nothing mixed."""

import itertools
import random

import keras
import numpy as np
import pytest
from tokenizers.pre_tokenizers import ByteLevel

from tfzoo import BertMaskedLM, BertTokenizer, RobertaTokenizer, TextPreprocessor
from tfzoo.data import rows as rows_module
from tfzoo.data.rows import empty_rows, fill_share, sentence_rows, text_rows
from tfzoo.errors import ConfigError, DataError
from tfzoo.layers.embeddings import positions

WORDS = [f"w{i}" for i in range(200)]
TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
BYTES = sorted(ByteLevel.alphabet(), key=lambda each: (each not in "abc", each))
ROBERTA = RobertaTokenizer(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTES], merges=[])
PAD, CLS, SEP = 0, 2, 3


def sentence(chance, most):
    return " ".join(chance.choices(WORDS, k=chance.randrange(most)))


def make_documents(count, seed=0):
    """Documents of up to nine sentences of up to 29 words; some of both are empty."""
    chance = random.Random(seed)
    return [[sentence(chance, 30) for _ in range(chance.randrange(10))] for _ in range(count)]


def joined(blocks):
    blocks = list(blocks)
    return {name: np.concatenate([rows[name] for rows in blocks]) for name in blocks[0]}


def full_sentences_in_python(documents, length):
    """The rows, one sentence after the other, as lists of ids without padding."""
    rows, row, last = [], [], None
    for number, document in enumerate(documents):
        for each in document:
            ids = TOKENIZER([each]).to_list()[0]
            for start in range(0, len(ids), length - 2):
                part = ids[start : start + length - 2]
                between = [SEP] if row and last != number else []
                if len(row) + len(between) + len(part) > length - 2:
                    rows.append(row)
                    row, between = [], []
                row, last = row + between + part, number
    return [[CLS, *row, SEP] for row in [*rows, row]]


@pytest.mark.parametrize("length", [12, 40])
@pytest.mark.parametrize("at_once", [3, 8192])
def test_full_sentences(monkeypatch, length, at_once):
    monkeypatch.setattr(rows_module, "_TEXTS", at_once)
    documents = make_documents(40)
    rows = joined(sentence_rows(TOKENIZER, iter(documents), length))
    lengths = rows["padding_mask"].sum(axis=1)
    found = [row[:n].tolist() for row, n in zip(rows["token_ids"], lengths, strict=True)]
    assert found == full_sentences_in_python(documents, length)
    assert {column.shape for column in rows.values()} == {(len(found), length)}
    assert {column.dtype for column in rows.values()} == {np.dtype("int32")}
    for row, mask, n in zip(rows["token_ids"], rows["padding_mask"], lengths, strict=True):
        assert (row[n:] == PAD).all()
        assert mask[:n].all()
    assert not rows["segment_ids"].any()


@pytest.mark.parametrize("length", [16, 40])
def test_packed_texts_are_all_there_each_by_itself(monkeypatch, length):
    monkeypatch.setattr(rows_module, "_TEXTS", 100)
    preprocessor = TextPreprocessor(TOKENIZER, length)
    chance = random.Random(0)
    texts = [sentence(chance, 30) for _ in range(250)]
    rows = joined(text_rows(preprocessor, iter(texts)))
    assert {column.dtype for column in rows.values()} == {np.dtype("int32")}
    np.testing.assert_array_equal(rows["padding_mask"], rows["sequence_ids"] > 0)
    found = []
    for ids, numbers in zip(rows["token_ids"], rows["sequence_ids"], strict=True):
        real = numbers[numbers > 0]
        assert (np.diff(real) >= 0).all()
        assert set(real) == set(range(1, real.max() + 1))
        assert not numbers[len(real) :].any()  # padding stands behind
        assert (ids[len(real) :] == PAD).all()
        found += [ids[numbers == number].tolist() for number in range(1, real.max() + 1)]
    assert sorted(found) == sorted(preprocessor.encode(texts)["token_ids"].to_list())
    assert fill_share([rows]) > 0.9


def test_no_two_texts_that_would_fit_are_left_in_rows_of_their_own():
    chance = random.Random(1)
    preprocessor = TextPreprocessor(TOKENIZER, 32)
    (rows,) = text_rows(preprocessor, [sentence(chance, 30) for _ in range(100)])
    left = np.sort((rows["padding_mask"] == 0).sum(axis=1))
    longest_left = 32 - left[-1]  # the emptiest row fits into no other
    assert (left[:-1] < longest_left).all()


def test_positions_start_again_in_a_packed_row_of_roberta():
    (rows,) = text_rows(TextPreprocessor(ROBERTA, 12), ["abc", "ab", ""])
    assert rows["token_ids"].tolist() == [[0, 5, 6, 7, 2, 0, 5, 6, 2, 0, 2, 1]]
    found = positions(rows["token_ids"], rows["sequence_ids"], padding_id=ROBERTA.pad_id)
    assert np.asarray(found).tolist() == [[2, 3, 4, 5, 6, 2, 3, 4, 5, 2, 3, 1]]


def test_a_separator_between_documents_in_roberta():
    (rows,) = sentence_rows(ROBERTA, [["ab", "c"], ["a"]], 10)
    assert rows["token_ids"].tolist() == [[0, 5, 6, 7, 2, 5, 2, 1, 1, 1]]
    assert rows["padding_mask"].sum() == 7


def test_logits_of_packed_texts_equal_those_alone(tiny_bert, preprocessor):
    texts = ["we saw it", "a good film .", "", "it was awful !"]
    (rows,) = text_rows(preprocessor, texts)
    assert len(rows["token_ids"]) == 2 < len(texts)
    model = BertMaskedLM(tiny_bert(), preprocessor)
    logits = keras.ops.convert_to_numpy(model(rows))
    seen = set()
    for text in texts:
        alone = keras.ops.convert_to_numpy(model(preprocessor([text]))[0])
        ids = preprocessor([text])["token_ids"].numpy()[0].tolist()
        for row, number in itertools.product(range(2), range(1, 4)):
            here = rows["sequence_ids"][row] == number
            if rows["token_ids"][row, here].tolist() == ids:
                np.testing.assert_allclose(logits[row, here], alone, atol=1e-4)
                seen.add(text)
    assert seen == set(texts)


def test_empty_rows():
    (rows,) = text_rows(TextPreprocessor(ROBERTA, 12), ["abc"])
    empty = empty_rows(rows, 2, ROBERTA.pad_id)
    assert empty.keys() == rows.keys()
    assert empty["token_ids"].tolist() == [[1] * 12] * 2
    assert not any(empty[name].any() for name in empty.keys() - {"token_ids"})


@pytest.mark.parametrize("documents", [[], [[]], [["", " "], [""]]])
def test_no_words(documents):
    assert list(sentence_rows(TOKENIZER, documents, 8)) == []


def test_what_is_no_text():
    for document in ("w2", None):
        message = f"Document 1 is {document!r}; give the list of its sentences"
        with pytest.raises(DataError, match=message):
            list(sentence_rows(TOKENIZER, [["w1"], document], 8))
    with pytest.raises(DataError, match="A sentence of document 2 is not a string but NoneType"):
        list(sentence_rows(TOKENIZER, [["w1"], [], ["w2", None]], 8))
    with pytest.raises(DataError, match=r"Text 1 is not a string but int \(7\)"):
        list(text_rows(TextPreprocessor(TOKENIZER, 8), ["w1", 7]))
    with pytest.raises(ConfigError, match="sequence_length must be at least 3, not 2"):
        list(sentence_rows(TOKENIZER, [["w1"]], 2))
