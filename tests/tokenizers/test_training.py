"""Vocabularies learnt from texts: published formats, the same each time, and what cannot be."""

import sys
from pathlib import Path

import pytest

from tfzoo import AlbertTokenizer, BertTokenizer, RobertaTokenizer
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers import training

LINES = [
    line
    for path in sorted(Path(__file__).parents[2].glob("*.md"))
    for line in path.read_text("utf-8").splitlines()
]
TRAINERS = {
    training.train_wordpiece: (600, ["vocab.txt"]),
    training.train_byte_pair: (600, ["vocab.json", "merges.txt"]),
    training.train_sentencepiece: (300, ["30k-clean.model"]),
}


@pytest.fixture(scope="module", params=TRAINERS, ids=lambda train: train.__name__)
def learnt(request):
    """A trainer, the size that it was given, the files, and the tokenizer."""
    size, files = TRAINERS[request.param]
    return request.param, size, files, request.param(LINES, size)


def test_the_size_and_what_it_is_for(learnt):
    _, size, _, tokenizer = learnt
    assert tokenizer.vocabulary_size == size
    texts = ["Masked language models are trained.", "tfzoo"]
    ids = tokenizer(texts)
    assert tokenizer.unk_id not in ids.flat_values.numpy()
    spelled = [text.decode().replace(" .", ".") for text in tokenizer.detokenize(ids).numpy()]
    assert [text.lower() for text in spelled] == [text.lower() for text in texts]
    assert len(ids[0]) < 20  # so it has learnt pieces of words


def test_the_files_are_those_of_the_published_models(learnt, tmp_path):
    _, _, files, tokenizer = learnt
    tokenizer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
    again = type(tokenizer)(*(tmp_path / file for file in files))
    assert again.get_config() == tokenizer.get_config()


def test_it_is_the_same_each_time(learnt):
    train, size, _, tokenizer = learnt
    assert train(iter(LINES), size).get_config() == tokenizer.get_config()


def test_special_pieces_have_the_ids_of_the_published_models():
    def ids(tokenizer):
        names = ("pad_id", "unk_id", "cls_id", "sep_id", "mask_id")
        return type(tokenizer), *(getattr(tokenizer, name) for name in names)

    texts = 3 * ["we play", "we played chess"]
    assert ids(training.train_wordpiece(texts, 40)) == (BertTokenizer, 0, 1, 2, 3, 4)
    assert ids(training.train_byte_pair(texts, 265)) == (RobertaTokenizer, 1, 3, 0, 2, 4)
    assert ids(training.train_sentencepiece(texts, 40)) == (AlbertTokenizer, 0, 1, 2, 3, 4)


def test_case_and_little_text():
    texts = 3 * ["We Play"]
    cased = training.train_wordpiece(texts, 100, lowercase=False)
    assert (cased.lowercase, cased.vocabulary[-1]) == (False, "Play")
    assert cased.vocabulary_size < 100
    assert training.train_wordpiece(texts, 100).vocabulary[-1] == "play"
    albert = training.train_sentencepiece(texts, 100, lowercase=False)
    assert (albert.lowercase, albert.vocabulary_size < 100) == (False, True)
    assert "▁Play" in albert.vocabulary


def test_rare_characters_have_no_piece(monkeypatch):
    monkeypatch.setattr(training, "_CHARACTERS", 2)
    tokenizer = training.train_wordpiece(["aab aab aac aab b"], 50)
    assert "c" not in "".join(tokenizer.vocabulary[5:])
    assert "aab" in tokenizer.vocabulary


@pytest.mark.parametrize("train", TRAINERS)
def test_what_cannot_be_learnt(train):
    for texts in ([], [" ", ""]):
        with pytest.raises(DataError, match="to learn a vocabulary from"):
            train(texts, 300)
    with pytest.raises(ConfigError, match=r"choose (a larger one|another size)"):
        train(LINES, 20)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match=r"run `pip install tfzoo\[vocabulary\]`"):
        training.train_byte_pair(LINES, 300)
