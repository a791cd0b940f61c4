"""Token classifiers in the programs, from a CoNLL file to answers."""

import json
import random

import pytest

from tfzoo import BertTokenClassifier
from tfzoo.binaries import ask_export, experiment
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.models import trained_task
from tfzoo.data import WordExamples
from tfzoo.data.records import Record
from tfzoo.errors import ConfigError, DataError

WORDS = KINDS["TokenClassifier"]
TAGS = {"film": "B-ART", "play": "B-ART", "great": "B-ART", "good": "B-ART"}
SENTENCE = ["we", "saw", "the", "film"]


@pytest.fixture(scope="module")
def config(config_of, tmp_path_factory):
    """Sentences in which some words are works of art wherever they stand."""
    path = tmp_path_factory.mktemp("data") / "train.conll"
    draw, words = random.Random(0), ["we", "saw", "it", "the", "very", *TAGS]
    sentences = [draw.choices(words, k=6) for _ in range(150)]
    lines = [[f"{word} X {TAGS.get(word, 'O')}" for word in each] for each in sentences]
    path.write_text("-DOCSTART- -X- O\n\n" + "\n\n".join(map("\n".join, lines)))
    return config_of("TokenClassifier", path)


@pytest.fixture(scope="module")
def finished(config, trained):
    return trained(config)


@pytest.fixture(scope="module")
def model(finished):
    return trained_task(finished.best, "float32")


def test_a_family_free_task_is_trained_and_scored(finished, model):
    assert finished.test["f1"] > 0.95
    assert finished.test["f1_of"].keys() == {"ART"}
    assert finished.test["accuracy"] > 0.95
    assert type(model) is BertTokenClassifier
    assert model.class_names == ["B-ART", "O"]


def test_answers_are_labels_and_entities(model):
    records = [Record("1", {"text": " ".join(SENTENCE)}), Record("2", {"text": ""})]
    examples = WORDS.from_records(records, {"text": "text"})
    first, empty = WORDS.answers(model, examples)
    entity = first["entities"][0]
    assert first["words"] == SENTENCE
    assert first["labels"] == ["O", "O", "O", "B-ART"]
    assert (entity["text"], entity["label"], entity["start_word"]) == ("film", "ART", 3)
    assert empty == {"words": [], "labels": [], "entities": []}
    assert WORDS.answers(model, examples.take([1])) == [empty]


def test_files_of_texts_and_of_words_are_asked(tmp_path):
    for name, content, column in (
        ("a.txt", "we saw it\n", "tokens"),
        ("a.csv", "sms,x\nwe saw it,1\n", "sms"),
        ("a.conll", "we O\nsaw O\nit O\n", "tokens"),
        ("a.jsonl", '{"tokens": ["we", "saw", "it"]}', "tokens"),
    ):
        (tmp_path / name).write_text(content)
        asked = WORDS.read_asked(str(tmp_path / name), {"text": column}, None)
        assert asked == WordExamples([["we", "saw", "it"]])


def test_the_export_labels_words(finished, capsys):
    ask_export.main(str(finished.export), " ".join(SENTENCE))
    assert json.loads(capsys.readouterr().out) == {
        "text": " ".join(SENTENCE),
        "words": SENTENCE,
        "labels": ["O", "O", "O", "B-ART"],
    }


def test_other_labels_are_scored_by_words(tiny_bert, preprocessor):
    model = BertTokenClassifier(tiny_bert(), preprocessor=preprocessor, class_names=["N", "V"])
    examples = WordExamples([["we", "saw"]], [["N", "V"]])
    assert WORDS.score(model, examples, batch_size=32).keys() == {"examples", "accuracy"}
    assert WORDS.answers(model, examples)[0].keys() == {"words", "labels"}


def test_an_unknown_label_is_named_with_its_example(model):
    examples = WordExamples([["we"], ["the", "film"]], [["O"], ["O", "I-ART"]])
    with pytest.raises(DataError, match="Example 1, word 1 has the label 'I-ART'; the classes"):
        WORDS.score(model, examples, batch_size=32)


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("model.class_names", ("O", "B-PER"), DataError, "train split: Example .* 'B-ART'"),
        ("data.text_pair", 1, ConfigError, "config.data.text_pair is 1, but data for this kind"),
        ("data.label", 3, DataError, r"train.conll, line 3 has 3 columns, and none with the ind"),
        ("data.label", "ner", DataError, r"train.conll has no column 'ner', for"),
        ("export.texts", (3,), ConfigError, "give strings"),
    ],
)
def test_mistakes_are_found_before_training(config, tmp_path, field, value, error, message):
    wrong = config.copy_and_resolve_references()
    section, name = field.split(".")
    with wrong.unlocked():
        wrong[section][name] = value
    with pytest.raises(error, match=message):
        experiment.train(wrong, str(tmp_path))
    assert not (tmp_path / "best").exists()
