"""`python -m tfzoo.prepare`, from text to batches."""

import json
import sys
from pathlib import Path

import pytest
from absl import flags

from tfzoo import ElectraMaskedLM, prepare
from tfzoo.binaries.run import parse
from tfzoo.data.masking import ELECTRA
from tfzoo.data.prepared import load_tokenizer, prepared_batches
from tfzoo.data.prepared.folder import read_description
from tfzoo.errors import ConfigError, DataError

TEXT = "We saw a good film. It was great!\n\nThe film was bad.\nVery bad.\n\n" * 20


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A function that runs the binary's main in this process."""
    (tmp_path / "in.txt").write_text(TEXT)

    def call(**arguments):
        arguments = {"input": tmp_path / "in.txt", "output": tmp_path / "out", **arguments}
        argv = ["program", *(f"--{name}={value}" for name, value in arguments.items())]
        monkeypatch.setattr(sys, "argv", argv)
        values = flags.FlagValues()
        prepare.define_flags(values)
        parse(values, argv)
        prepare.main(values)
        return arguments["output"]

    return call


def test_from_text_to_batches(call, tmp_path, capsys):
    vocabulary = call(
        train_vocabulary="wordpiece", vocabulary_size=60, output=tmp_path / "vocabulary"
    )
    assert sorted(path.name for path in vocabulary.iterdir()) == ["tfzoo.json", "vocab.txt"]
    count = load_tokenizer(vocabulary).vocabulary_size
    assert capsys.readouterr().out == f"{vocabulary}: BertTokenizer, {count} pieces.\n"
    folder = call(
        tokenizer=vocabulary,
        format="sop",
        sequence_length=16,
        masking="static",
        mask_unit="whole_word",
        seed=7,
    )
    recipe = read_description(folder).recipe
    assert (recipe.duplicates, recipe.seed, recipe.masking.unit) == (10, 7, "whole_word")
    out = capsys.readouterr().out
    assert out.startswith(f"{folder}: {read_description(folder).rows:,} rows of 16 tokens, ")
    assert out.endswith("of 40 documents.\n")
    features, labels, _ = next(iter(prepared_batches(folder, batch_size=4)))
    assert features["token_ids"].shape == (4, 16)
    assert labels["next_sentence"].shape == (4,)


@pytest.mark.parametrize(
    ("kind", "name"), [("bpe", "Roberta"), ("gpt2_bpe", "GPT2"), ("sentencepiece", "Albert")]
)
def test_other_vocabularies(call, kind, name, capsys):
    folder = call(train_vocabulary=kind, vocabulary_size=280, lowercase=False)
    assert capsys.readouterr().out.startswith(f"{folder}: {name}Tokenizer, ")
    assert type(load_tokenizer(folder)).__name__ == f"{name}Tokenizer"


def test_a_json_corpus_with_the_tokenizer_of_weights(call, tmp_path):
    weights = Path(__file__).parents[1] / "artifacts" / "electra_masked_lm" / "model"
    lines = [json.dumps({"body": text}) for text in ["one\ntwo", "three", ""]]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    folder = call(
        input=tmp_path / "in.jsonl",
        text="body",
        tokenizer=weights,
        format="lines",
    )
    description = read_description(folder)
    assert description.rows == 2
    assert description.recipe.masking == ELECTRA
    expected = ElectraMaskedLM.from_preset(weights).preprocessor.tokenizer
    assert load_tokenizer(folder).get_config() == expected.get_config()


def test_mistakes_are_told_in_a_sentence(call, tmp_path):
    for arguments, message in (
        ({}, "Give --tokenizer=FOLDER or a handle"),
        ({"format": "mlm"}, "flag --format=mlm: value should be one of <nsp|sop|full_sentences"),
        ({"mask_unit": "words"}, "flag --mask_unit=words: value should be one of"),
        ({"sequence_length": "long"}, "flag --sequence_length=long"),
    ):
        with pytest.raises(ConfigError, match=message):
            call(**arguments)
    with pytest.raises(DataError, match=r"No file matches .*\.md"):
        call(input=f"{tmp_path}/*.md")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(DataError, match="There are no words to learn"):
        call(input=tmp_path / "empty.txt", train_vocabulary="wordpiece")
    assert not (tmp_path / "out").exists()
