"""How a binary ends."""

import sys

import pytest
from absl import flags

from tfzoo.binaries.run import clear_exit, parse, require
from tfzoo.errors import ConfigError, DataError, TrainingError, TrainingStoppedError


def ending(error, capsys):
    with pytest.raises(SystemExit) as caught, clear_exit("tfzoo.train"):
        raise error
    return caught.value.code, capsys.readouterr().err


def test_a_users_mistake_is_one_sentence(capsys):
    assert ending(DataError("The file is empty."), capsys)[0] == "tfzoo.train: The file is empty."


def test_training_that_sigterm_stopped_can_be_told_from_a_mistake(capsys):
    message = "Training was stopped by SIGTERM after step 7."
    assert ending(TrainingStoppedError(message), capsys) == (75, f"tfzoo.train: {message}\n")
    assert ending(TrainingError("The loss is nan."), capsys)[0] == "tfzoo.train: The loss is nan."


def test_an_interruption(capsys):
    assert ending(KeyboardInterrupt(), capsys) == (130, "\ntfzoo.train: interrupted.\n")
    message = "\ntfzoo.train: interrupted; the best so far is here.\n"
    assert ending(KeyboardInterrupt("the best so far is here"), capsys) == (130, message)


def test_a_reader_that_has_left(capsys, monkeypatch, tmp_path):
    with (tmp_path / "pipe").open("w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert ending(BrokenPipeError(), capsys) == (141, "")
        pipe.write("lost")
    assert (tmp_path / "pipe").read_text() == ""


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), clear_exit("tfzoo.train"):
        1 / 0  # noqa: B018


def test_required_flags_are_named_all_at_once():
    values = flags.FlagValues()
    flags.DEFINE_string("preset", None, "help", values)
    flags.DEFINE_string("data", None, "help", values)
    require(values, preset="runs/spam/best", data="messages.csv")
    with pytest.raises(ConfigError, match=r"--preset=runs/spam/best .*; .*--data=messages.csv"):
        parse(values, ["program"])
    parse(values, ["program", "--preset=a", "--data=b"])
    assert (values.preset, values.data) == ("a", "b")
