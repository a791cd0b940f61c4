"""The configs that train on files: their fields are valid, and what is made for them is right."""

import importlib.util
import json
import math
from pathlib import Path

import pytest

from tfzoo import GPT2Backbone
from tfzoo.binaries.config import check_values, load_config, new_optimizer
from tfzoo.binaries.kinds import kind_of
from tfzoo.binaries.models import task_class
from tfzoo.data import read_squad
from tfzoo.weights.resolve import resolve
from tfzoo.weights.shapes import shapes_of

CONFIGS = Path(__file__).parents[1] / "configs"
FIRST = "Tom owns a small farm near Leeds."
NEXT = "A year passes in which nobody of them hears of him."
LAST = "At last Ada finds Tom on a small farm"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bert_sms_spam.py", "Classifier"),
        ("minilm_conll2003_ner.py", "TokenClassifier"),
        ("minilm_narrative_qa.py", "QuestionAnswerer"),
    ],
)
def test_fields_are_valid(name, kind):
    config = load_config(str(CONFIGS / name))
    task = task_class(config.task)
    assert task.kind == kind
    check_values(config)
    kind_of(task).check_config(config)
    assert config.export.texts


@pytest.mark.parametrize(
    ("size", "tokens", "rate"),
    [
        ("125m", 0.5e6, 6e-4),
        ("350m", 0.5e6, 3e-4),
        ("760m", 0.5e6, 2.5e-4),
        ("1.3b", 1e6, 2e-4),
        ("2.7b", 1e6, 1.6e-4),
        ("6.7b", 2e6, 1.2e-4),
        ("13b", 2e6, 1e-4),
        ("175b", 3.2e6, 0.6e-4),
    ],
)
def test_gpt3_is_trained_as_in_its_paper(size, tokens, rate):
    config = load_config(str(CONFIGS / f"gpt3_pretrain.py:{size}"))
    check_values(config)
    kind_of(task_class(config.task)).check_config(config)
    train, batch = config.train, config.train.batch_size * config.model.max_sequence_length
    assert batch == pytest.approx(tokens, rel=0.05)
    assert batch * train.warmup == pytest.approx(375e6, rel=0.01)
    assert batch * train.epochs * train.steps_per_epoch == pytest.approx(260e9, rel=0.01)
    assert (train.learning_rate, train.final) == (rate, pytest.approx(rate / 10))
    optimizer = new_optimizer(train)
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.9, 0.95, 1e-8)
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.1, 1.0)


@pytest.mark.parametrize(("size", "count"), [("small", 10.3e6), ("124m", 124.4e6)])
def test_gpt2_has_the_size_that_is_told(size, count):
    config = load_config(str(CONFIGS / f"gpt2_pretrain.py:{size}"))
    check_values(config)
    kind_of(task_class(config.task)).check_config(config)
    sizes = {"vocabulary_size": 8000 if size == "small" else 50257, **config.model.to_dict()}
    del sizes["sequence_length"]
    shapes = shapes_of(lambda: GPT2Backbone(**sizes))
    assert sum(map(math.prod, shapes.values())) == pytest.approx(count, rel=0.005)


@pytest.fixture(scope="module")
def narrative_qa():
    spec = importlib.util.spec_from_file_location("nqa", CONFIGS / "data" / "narrative_qa.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def written(narrative_qa, tmp_path, monkeypatch):
    """The files that are made of 101 stories with two questions each."""
    asked = {
        "Where does Ada find Tom at last?": ["A small farm.", "under a tree"],
        "Why does Tom leave?": ["nobody knows", "for love"],
    }
    records = [
        {"question": question, "answer": answers, "passage": " ".join([FIRST, *[NEXT] * 9, ending])}
        for ending in (f"{LAST} in chapter {number}." for number in range(101))
        for question, answers in asked.items()
    ]
    source = tmp_path / "test.jsonl"
    source.write_text("\n".join(map(json.dumps, records)))
    monkeypatch.setattr(narrative_qa, "resolve", lambda handle: resolve(str(source)))
    narrative_qa.main(str(tmp_path / "made"))
    return {path.stem: read_squad(path) for path in (tmp_path / "made").iterdir()}


def test_no_story_is_in_two_files(written):
    assert {part: len(examples) for part, examples in written.items()} == {
        "train": 81,
        "validation": 10,
        "test": 10,
    }
    stories = [context.split()[-1] for examples in written.values() for context in examples.context]
    assert len(set(stories)) == 101


def test_an_answer_stands_where_the_question_leads(written):
    examples = written["test"]
    assert {answer["text"] for answer in examples.first_answers} == {"small farm"}
    for context in examples.context:
        assert LAST in context
        assert FIRST not in context
        assert len(context.split()) <= 100
