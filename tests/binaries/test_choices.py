"""Multiple choice in the programs, from JSON lines to answers."""

import json
import random

import pytest

from tfzoo.binaries import ask_export, experiment
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.models import trained_task
from tfzoo.data.choices import ChoiceExamples
from tfzoo.data.records import Record
from tfzoo.errors import ConfigError, DataError

CHOICES = KINDS["MultipleChoice"]


@pytest.fixture(scope="module")
def config(config_of, tmp_path_factory):
    """The right choice is the one that is good, whatever the context."""
    path = tmp_path_factory.mktemp("data") / "data.jsonl"
    draw, rows = random.Random(0), []
    for _ in range(120):
        choices = [f"{draw.choice(['bad', 'awful'])} {draw.choice(['film', 'play'])}" for _ in "ab"]
        label = draw.randint(0, 2)
        choices.insert(label, f"good {draw.choice(['film', 'play'])}")
        context = " ".join(draw.choices(["we", "saw", "it"], k=4))
        rows.append(json.dumps({"context": context, "choices": choices, "label": label}))
    path.write_text("\n".join(rows))
    config = config_of("BertMultipleChoice", path)
    config.train.epochs = 4
    return config


@pytest.fixture(scope="module")
def finished(config, trained):
    return trained(config)


@pytest.fixture(scope="module")
def model(finished):
    return trained_task(finished.best, "float32")


def test_it_is_trained_and_scored(finished):
    assert finished.test.keys() == {"examples", "accuracy"}
    assert finished.test["accuracy"] > 0.9


def test_answers(model):
    records = [Record("1", {"context": "we saw", "choices": ["bad film", "good film"]})]
    [answer] = CHOICES.answers(model, CHOICES.from_records(records, CHOICES.asked))
    assert (answer["context"], answer["choice"], answer["text"]) == ("we saw", 1, "good film")
    with pytest.raises(DataError, match="line 3: column 'choices' holds 'bad' instead of a list"):
        CHOICES.from_records([Record("line 3", {"context": "a", "choices": "bad"})], CHOICES.asked)


def test_a_file_is_asked(config):
    assert len(CHOICES.read_asked(config.data.train, CHOICES.asked, None)) == 120


def test_the_export_chooses(finished, capsys):
    ask_export.main(str(finished.export), "we saw\tbad film\tgood film")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["context"], answer["choices"]) == ("we saw", ["bad film", "good film"])
    assert answer["probabilities"][1] > 0.5


def test_mistakes_are_found_before_training(config, tmp_path, model):
    wrong = config.copy_and_resolve_references()
    wrong.export.texts = ("we saw\tone choice",)
    with pytest.raises(ConfigError, match="a tab between them"):
        experiment.train(wrong, str(tmp_path))
    examples = ChoiceExamples(["we"] * 2, [["a", "b"]] * 2, [1, 2])
    with pytest.raises(DataError, match="Example 1 has the label 2"):
        CHOICES.check(model, examples)
