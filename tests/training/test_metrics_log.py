"""What stays of a `fit` in its folder."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError, DataError
from tfzoo.training import metrics_log
from tfzoo.training.callback_state import callback_state
from tfzoo.training.metrics_log import MetricsLog

PER_EPOCH = 5
TIMES = {"seconds", "examples_per_second", "tokens_per_second"}


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    return model


@pytest.fixture(autouse=True)
def _no_picture(monkeypatch):
    monkeypatch.setattr(metrics_log, "draw_curves", lambda metrics, picture: picture.touch())


def fit(model, folder, last, first=0, restored=None, every_steps=2, val_loss=1.5):
    """Tells a log of the steps after `first` as the loop of `fit` does, and stops at `last`."""
    log = MetricsLog(folder, every_steps)
    log.set_model(model)
    log.on_train_begin()
    vars(log).update(restored or {})
    step = first
    while step < last:
        epoch = step // PER_EPOCH
        log.on_epoch_begin(epoch)
        while step < last:
            step += 1
            model.optimizer.iterations.assign(step)
            model.step_loss, model.step_work = 1 / step, np.array([4, 9, 20, 0], np.float32)
            log.on_train_batch_end((step - 1) % PER_EPOCH, {"loss": 9.0})
            if step % PER_EPOCH == 0:
                log.on_epoch_end(epoch, {"loss": np.float32(0.25), "val_loss": val_loss})
                break
    return log


def lines(folder):
    text = (folder / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def timeless(folder):
    return [{n: v for n, v in line.items() if n not in TIMES} for line in lines(folder)]


def test_lines_every_few_steps_and_after_epochs(model, tmp_path):
    fit(model, tmp_path / "run", 11).on_train_end()
    written = lines(tmp_path / "run")
    steps = [line for line in written if line["kind"] == "step"]
    assert [(line["step"], line["epoch"]) for line in steps] == [
        (2, 1), (4, 1), (6, 2), (8, 2), (10, 2)
    ]  # fmt: skip
    assert [line["loss"] for line in steps] == [1 / step for step in (2, 4, 6, 8, 10)]
    assert {line["learning_rate"] for line in steps} == {0.5}
    assert all(line["tokens_per_second"] > line["examples_per_second"] > 0 for line in steps)
    assert [line["seconds"] for line in written] == sorted(line["seconds"] for line in written)
    epochs = [line for line in timeless(tmp_path / "run") if line["kind"] == "epoch"]
    metrics = {"kind": "epoch", "loss": 0.25, "val_loss": 1.5}
    assert epochs == [{**metrics, "step": 5, "epoch": 1}, {**metrics, "step": 10, "epoch": 2}]
    assert (tmp_path / "run" / "curves.png").exists()


def test_steps_at_once_have_one_line(model, tmp_path):
    log = MetricsLog(tmp_path, every_steps=2)
    log.set_model(model)
    log.on_train_begin()
    log.on_epoch_begin(0)
    for step in (3, 4, 5):
        model.optimizer.iterations.assign(step)
        log.on_train_batch_end(step - 1, {"loss": 7.0})
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [(3, 7.0), (4, 7.0)]


@pytest.mark.parametrize("killed", [7, 10, 13])
@pytest.mark.parametrize("checkpoint", [0, 3, 4, 5, 7])
def test_killed_and_resumed_reads_as_if_nothing_had_happened(model, tmp_path, killed, checkpoint):
    fit(model, tmp_path / "whole", 14)
    log = fit(model, tmp_path / "killed", checkpoint)
    restored = callback_state([log])[0]["MetricsLog"]
    model.optimizer.iterations.assign(0)
    fit(model, tmp_path / "killed", killed)
    with (tmp_path / "killed" / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')  # the rest of the line is lost
    model.optimizer.iterations.assign(checkpoint)
    fit(model, tmp_path / "killed", 14, first=checkpoint, restored=restored)
    assert timeless(tmp_path / "killed") == timeless(tmp_path / "whole")
    seconds = [line["seconds"] for line in lines(tmp_path / "killed")]
    assert seconds == sorted(seconds)


def test_an_epoch_that_was_not_over_when_it_was_saved_ends_once(model, tmp_path):
    fit(model, tmp_path, 5)
    log = MetricsLog(tmp_path, every_steps=2)
    log.set_model(model)
    log.on_train_begin()
    log.on_epoch_begin(0)  # the checkpoint is that of its last step
    log.on_epoch_end(0, {"loss": 0.25})
    assert [line["kind"] for line in lines(tmp_path)] == ["step", "step", "epoch"]


def test_a_new_training_begins_the_file_anew(model, tmp_path):
    fit(model, tmp_path, 7)
    model.optimizer.iterations.assign(0)
    fit(model, tmp_path, 2)
    assert [line["step"] for line in lines(tmp_path)] == [2]


def test_not_a_number_is_null(model, tmp_path):
    fit(model, tmp_path, 5, val_loss=math.nan)
    assert lines(tmp_path)[-1]["val_loss"] is None


def test_tensorboard_gets_the_same_numbers(model, tmp_path):
    fit(model, tmp_path, 5).on_train_end()
    (file,) = (tmp_path / "tensorboard").iterdir()
    seen = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            seen[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert seen["step/loss", 4] == 0.25
    assert seen["epoch/loss", 5] == 0.25
    assert seen["validation/loss", 5] == 1.5
    assert {tag for tag, _ in seen} >= {"step/learning_rate", "step/tokens_per_second"}


def test_other_workers_write_nothing(model, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics_log, "is_chief", lambda strategy: False)
    fit(model, tmp_path / "run", 7).on_train_end()
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_a_warning_and_tried_again(model, tmp_path, monkeypatch):
    def full(line):
        raise OSError(28, "No space left on device")

    fit(model, tmp_path, 5)
    as_line = metrics_log.as_line
    monkeypatch.setattr(metrics_log, "as_line", full)
    with pytest.warns(UserWarning, match="No space left on device.*training goes on"):
        fit(model, tmp_path, 7, first=5)
    monkeypatch.setattr(metrics_log, "as_line", as_line)
    fit(model, tmp_path, 8, first=7)
    assert [line["step"] for line in lines(tmp_path)] == [2, 4, 5, 8]


def test_bad_input(model, tmp_path):
    with pytest.raises(ConfigError, match="every_steps is 0"):
        MetricsLog(tmp_path, every_steps=0)
    (tmp_path / "metrics.jsonl").write_text("mine\n")
    with pytest.raises(DataError, match=r"Line 1 of .* holds no metrics of a training"):
        fit(model, tmp_path, 1)
    assert (tmp_path / "metrics.jsonl").read_text() == "mine\n"
