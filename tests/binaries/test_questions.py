"""Question answerers in the programs, from SQuAD's JSON to answers."""

import json
import random

import pytest

from tfzoo.binaries import ask_export, experiment
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.splits import read_splits
from tfzoo.data import QuestionExamples
from tfzoo.data.records import Record
from tfzoo.errors import ConfigError, DataError

QUESTIONS = KINDS["QuestionAnswerer"]
ANSWERS = ["film", "play"]


@pytest.fixture(scope="module")
def config(config_of, tmp_path_factory):
    """Contexts of which each has one word that could be the answer, and two questions of each."""
    path = tmp_path_factory.mktemp("data") / "train.json"
    draw, paragraphs = random.Random(0), []
    for number in range(80):
        words = draw.choices(["we", "it", "the", "very"], k=4)
        words.insert(draw.randint(0, 4), draw.choice(ANSWERS))
        context = " ".join(words)
        word = next(word for word in words if word in ANSWERS)
        answer = {"text": word, "answer_start": context.index(word)}
        qas = [
            {"id": f"{number}{name}", "question": name, "answers": [answer]}
            for name in ("was good", "was bad")
        ]
        paragraphs.append({"context": context, "qas": qas})
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return config_of("BertQuestionAnswerer", path)


@pytest.fixture(scope="module")
def finished(config, trained):
    return trained(config)


@pytest.fixture(scope="module")
def model(finished):
    return trained_task(finished.best, "float32")


def test_it_is_trained_and_scored(finished):
    assert 0.9 < finished.test["exact"] <= finished.test["f1"] <= 1
    assert "start_logits_accuracy" in finished.validation


def test_no_context_is_on_both_sides_of_a_split(config):
    parts = read_splits(QUESTIONS, config.data)
    contexts = [set(part.context) for part in parts.values()]
    assert min(map(len, contexts)) > 0
    assert len(set.union(*contexts)) == sum(map(len, contexts))
    assert sum(map(len, parts.values())) == 160


def test_answers(model):
    records = [Record("line 1", {0: "good", 1: "we it very film"})]
    examples = QUESTIONS.from_records(records, {"text": 0, "text_pair": 1})
    [answer] = QUESTIONS.answers(model, examples)
    assert answer["question"] == "good"
    assert answer["answer"]["text"] == "film"
    with pytest.raises(DataError, match="line 2: the context is empty"):
        QUESTIONS.from_records([Record("line 2", {0: "a", 1: " "})], {"text": 0, "text_pair": 1})


def test_a_file_of_squad_and_other_files_are_asked(config, tmp_path):
    names = dict(QUESTIONS.asked)
    assert len(QUESTIONS.read_asked(config.data.train, names, None)) == 160
    (tmp_path / "asked.csv").write_text("question,context\nwho,we\n")
    asked = QUESTIONS.read_asked(str(tmp_path / "asked.csv"), names, None)
    assert (asked.question, asked.context) == (["who"], ["we"])


def test_the_export_answers(finished, capsys):
    ask_export.main(str(finished.export), "good\twe it very film")
    answer = json.loads(capsys.readouterr().out)
    assert list(answer)[:5] == ["question", "context", "text", "start", "end"]
    assert (answer["question"], answer["text"], answer["start"]) == ("good", "film", 11)


def test_a_span_outside_of_the_context_is_named_with_its_example(model):
    answers = [[{"text": "we", "answer_start": 0}], [{"text": "we", "answer_start": 50}]]
    examples = QuestionExamples(["1", "2"], ["good"] * 2, ["we saw it"] * 2, answers)
    with pytest.raises(DataError, match="Answer 1 starts at 50"):
        QUESTIONS.check(model, examples)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data.text": "question"}, ConfigError, "config.data.text is 'question', but data for"),
        ({"export.texts": ("one text",)}, ConfigError, "a tab between them"),
        (
            {"model.sequence_length": 5},
            DataError,
            "train split: Question 0 has 2 tokens, and rows of 5 have no room",
        ),
    ],
)
def test_mistakes_are_found_before_training(config, tmp_path, changes, error, message):
    wrong = config.copy_and_resolve_references()
    wrong.update_from_flattened_dict(changes)
    with pytest.raises(error, match=message):
        experiment.train(wrong, str(tmp_path))
    assert not (tmp_path / "best").exists()
