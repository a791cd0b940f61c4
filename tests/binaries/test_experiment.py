"""One experiment from its data to an export, and what an interruption leaves."""

import contextlib
import io
import json
import os
import random
import shutil
import signal

import pytest

from tfzoo import BertClassifier, BertMaskedLM
from tfzoo.binaries import experiment, fitting
from tfzoo.binaries.config import default_config
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.splits import read_splits
from tfzoo.errors import ConfigError, DataError, TfzooError, TrainingStoppedError
from tfzoo.training import MetricsLog, session
from tfzoo.training.best_preset import BestPreset


@pytest.fixture(scope="module")
def config(tiny_bert, preprocessor, tmp_path_factory):
    """Texts of two classes with words of their own, and a model that has seen none of them."""
    folder = tmp_path_factory.mktemp("experiment")
    BertMaskedLM(tiny_bert(num_layers=1), preprocessor).save_to_preset(folder / "preset")
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
        "curves.png",
        "export",
        "metrics.json",
        "metrics.jsonl",
        "tensorboard",
    }
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["train"] == config.train.to_dict()
    assert saved["data"]["train"] == config.data.train


def test_the_scores_are_those_of_the_best_preset_on_the_test_split(finished, config):
    workdir, printed = finished
    metrics = json.loads((workdir / "metrics.json").read_text())
    kind = KINDS["Classifier"]
    test = read_splits(kind, config.data)["test"]
    assert metrics["test"] == kind.score(trained_task(str(workdir / "best"), "float32"), test, 32)
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


@pytest.fixture(scope="module")
def stopped_once(config, tmp_path_factory):
    """The workdir of a run that SIGTERM has stopped in its second epoch."""
    workdir, log = tmp_path_factory.mktemp("stopped"), MetricsLog.on_epoch_begin

    def on_epoch_begin(callback, epoch, logs=None):
        log(callback, epoch, logs)
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetricsLog, "on_epoch_begin", on_epoch_begin)
        with pytest.raises(TrainingStoppedError, match="stopped by SIGTERM"):
            experiment.train(config, str(workdir))
    return workdir


@pytest.fixture
def stopped(stopped_once, tmp_path):
    return shutil.copytree(stopped_once, tmp_path / "workdir")


def test_a_stopped_run_goes_on_to_the_same_end(finished, stopped, config, capsys):
    experiment.train(config, str(stopped))
    printed = capsys.readouterr().out
    assert "going on after step 1 of epoch 2; --restart would begin anew" in printed
    runs = (finished[0], stopped)
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in runs]
    assert metrics[0]["validation"] == metrics[1]["validation"]
    assert metrics[0]["test"] == metrics[1]["test"]
    assert not (stopped / "checkpoints").exists()
    steps = [[(line["step"], line["loss"]) for line in of_steps(folder)] for folder in runs]
    assert steps[0] == steps[1]


def of_steps(workdir):
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "step"]


def test_a_changed_config_does_not_go_on_unless_told(stopped, config, monkeypatch, capsys):
    monkeypatch.setattr(experiment, "fit", lambda *_: 1 / 0)
    changed = config.copy_and_resolve_references()
    changed.train.learning_rate = 2e-2
    before = {path: path.stat().st_mtime_ns for path in stopped.rglob("*")}
    message = r"train.learning_rate was 0.01 and is 0.02\); .* \(--allow_changes\), or .*--restart"
    with pytest.raises(ConfigError, match=message):
        experiment.train(changed, str(stopped))
    assert {path: path.stat().st_mtime_ns for path in stopped.rglob("*")} == before
    with pytest.raises(ZeroDivisionError):
        experiment.train(changed, str(stopped), allow_changes=True)
    assert "going on after step 1 of epoch 2" in capsys.readouterr().out
    with pytest.raises(ZeroDivisionError):
        experiment.train(changed, str(stopped), restart=True)
    assert "going on" not in capsys.readouterr().out
    left = {str(path.relative_to(stopped)) for path in stopped.rglob("*")}
    assert left == {"config.json", "tensorboard"}


def test_a_worker_that_is_not_the_chief_only_trains(config, tmp_path, monkeypatch, capfd):
    for module in (experiment, fitting):
        monkeypatch.setattr(module, "is_chief", lambda _: False)
    monkeypatch.setattr(session, "is_chief", lambda _: False)
    trained = []
    fit = BertClassifier.fit
    monkeypatch.setattr(BertClassifier, "fit", lambda *a, **k: trained.append(fit(*a, **k)))
    capfd.readouterr()
    short = config.copy_and_resolve_references()
    short.train.epochs = 1
    experiment.train(short, str(tmp_path))
    assert len(trained[0].history["val_loss"]) == 1
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().out == ""


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
