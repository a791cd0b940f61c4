"""One experiment from its data to an export, and what an interruption leaves."""

import contextlib
import io
import json
import random

import pytest

from tfzoo import BertClassifier, BertMaskedLM
from tfzoo.binaries import experiment
from tfzoo.binaries.config import default_config
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.scores import score
from tfzoo.binaries.splits import read_splits
from tfzoo.errors import ConfigError, DataError, TfzooError
from tfzoo.training.best_preset import BestPreset


@pytest.fixture(scope="module")
def config(tiny_bert, preprocessor, tmp_path_factory):
    """Texts of two classes with words of their own, and a model that has seen none of them."""
    folder = tmp_path_factory.mktemp("experiment")
    BertMaskedLM(tiny_bert(), preprocessor).save_to_preset(folder / "preset")
    words = {"ham": ["we", "saw", "it", "the"], "spam": ["great", "good", "very", "!"]}
    draw = random.Random(0)
    rows = ["label,text"]
    for _ in range(120):
        label = draw.choice(list(words))
        rows.append(f"{label},{' '.join(draw.choices(words[label], k=draw.randint(2, 12)))}")
    (folder / "data.csv").write_text("\n".join(rows))
    config = default_config()
    config.preset = str(folder / "preset")
    config.data.train = str(folder / "data.csv")
    config.model.sequence_length = 16
    config.train.epochs = 5
    config.train.learning_rate = 1e-2
    config.precision = "float32"
    return config


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    """The workdir of a finished experiment, and what it printed."""
    workdir = tmp_path_factory.mktemp("finished")
    config.export.texts = ("very good !", "we saw it")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        experiment.train(config, str(workdir))
    config.export.texts = ()
    return workdir, printed.getvalue()


def test_what_lies_in_the_workdir(finished, config):
    workdir, _ = finished
    assert {path.name for path in workdir.iterdir()} == {
        "best",
        "config.json",
        "export",
        "metrics.json",
    }
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["train"] == config.train.to_dict()
    assert saved["data"]["train"] == config.data.train


def test_the_scores_are_those_of_the_best_preset_on_the_test_split(finished, config):
    workdir, printed = finished
    metrics = json.loads((workdir / "metrics.json").read_text())
    test = read_splits(config.data)["test"]
    assert metrics["test"] == score(trained_task(str(workdir / "best"), "float32"), test)
    assert metrics["test"]["accuracy"] > 0.9
    assert metrics["validation"]["epoch"] in range(1, 6)
    assert f"{len(test)} examples, accuracy {metrics['test']['accuracy']:.4f}" in printed


def test_the_export_answers_as_the_best_preset_does(finished):
    workdir, printed = finished
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    model = BertClassifier.from_preset(workdir / "best")
    assert [answer["text"] for answer in answers] == ["very good !", "we saw it"]
    for answer, expected in zip(answers, model.classify(["very good !", "we saw it"]), strict=True):
        assert answer["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-4)


def test_the_same_seed_gives_the_same_model(finished, config, tmp_path):
    experiment.train(config, str(tmp_path))
    metrics = [
        json.loads((folder / "metrics.json").read_text()) for folder in (finished[0], tmp_path)
    ]
    assert metrics[0]["validation"] == metrics[1]["validation"]
    assert metrics[0]["test"] == metrics[1]["test"]


def test_an_interruption_leaves_the_best_preset(config, tmp_path, monkeypatch):
    def interrupted(model, *_, callbacks, **__):
        for callback in callbacks:
            if isinstance(callback, BestPreset):
                callback.set_model(model)
                callback.on_epoch_end(0, {"val_loss": 0.5})
        raise KeyboardInterrupt

    monkeypatch.setattr(BertClassifier, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"the best preset so far is .*best$"):
        experiment.train(config, str(tmp_path))
    assert trained_task(str(tmp_path / "best"), "float32").class_names == ["ham", "spam"]
    assert {path.name for path in tmp_path.iterdir()} == {"best", "config.json"}


def test_training_that_never_had_a_finite_loss_says_so(config, tmp_path, monkeypatch):
    monkeypatch.setattr(BertClassifier, "fit", lambda *_, **__: None)
    with pytest.raises(ConfigError, match=r"Training diverged: .* lower config\.train\.learning_"):
        experiment.train(config, str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train.epochs": 0}, ConfigError, "train.epochs"),
        ({"task": "BertClasifier"}, ConfigError, "no task"),
        ({"preset": "nowhere"}, TfzooError, "no file or folder 'nowhere'"),
        ({"data.text": "message"}, DataError, "no column 'message'"),
        ({"model.class_names": ("ham", "eggs")}, DataError, "train split: .* label 'spam'"),
        ({"model.dropot": 0.1}, ConfigError, "no argument dropot"),
        ({"train.last_layers": 9}, ConfigError, "last 9 layers"),
    ],
)
def test_mistakes_are_found_before_training(config, tmp_path, monkeypatch, changes, error, message):
    monkeypatch.setattr(BertClassifier, "fit", None)
    wrong = config.copy_and_resolve_references()
    for name, value in changes.items():
        section, _, field = name.rpartition(".")
        with wrong.unlocked():
            (wrong[section] if section else wrong)[field] = value
    with pytest.raises(error, match=message):
        experiment.train(wrong, str(tmp_path))
    assert not (tmp_path / "best").exists()
