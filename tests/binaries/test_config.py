"""Config files, overrides on the command line, and every way to get them wrong."""

import sys

import pytest
from absl import flags

from tfzoo.binaries.config import (
    check_values,
    default_config,
    define_config,
    load_config,
    new_optimizer,
)
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError
from tfzoo.training import Lamb

FILE = """
from tfzoo.binaries.config import default_config

def get_config():
    config = default_config()
    config.preset = "weights"
    config.data.train = "train.csv"
    config.model.class_names = ("ham", "spam")
    return config
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "config.py"
    path.write_text(FILE)
    return path


@pytest.fixture
def parsed(monkeypatch, path):
    """A function from overrides to the configuration."""

    def parsed(*arguments):
        argv = ["program", f"--config={path}", *arguments]
        monkeypatch.setattr(sys, "argv", argv)
        values = flags.FlagValues()
        define_config(values)
        parse(values, argv)
        return values.config

    return parsed


def test_a_file_changes_the_defaults(parsed):
    config = parsed()
    assert config.preset == "weights"
    assert config.train.batch_size == 32
    assert config.model.to_dict() == {"sequence_length": 128, "class_names": ("ham", "spam")}


def test_overrides_have_the_types_of_their_fields(parsed):
    config = parsed(
        "--config.train.batch_size=16",
        "--config.train.learning_rate=1",
        "--config.data.text=1",
        "--config.data.label=kind",
        "--config.data.validation=valid.csv",
        "--config.data.drop_duplicates",
        "--config.data.fractions=(0.5, 0.25, 0.25)",
        "--config.train.last_layers=2",
        "--config.model.dropout=0.5",
    )
    assert config.train.batch_size == 16
    assert config.train.learning_rate == 1.0
    assert (config.data.text, config.data.label) == (1, "kind")
    assert config.data.validation == "valid.csv"
    assert config.data.drop_duplicates is True
    assert config.data.fractions == (0.5, 0.25, 0.25)
    assert config.train.last_layers == 2
    assert config.model.dropout == 0.5


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--config.train.bach_size=3", "no field config.train.bach_size; did you mean config.tra"),
        ("--config.trian.epochs=3", r"did you mean config.train.epochs\?$"),
        ("--config.qqqqq=3", "there are data.delimiter, .*, train.weight_decay"),
        ("--config.train.batch_size.x=3", "no field config.train.batch_size.x"),
        ("--config.train=3", "no field config.train;"),
        ("--config.model.a.b=3", "no field config.model.a.b"),
        ("--config.train.batch_size=many", "--config.train.batch_size=many: invalid literal"),
        ("--config.train.batch_size=1.5", "invalid literal"),
        ("--config.train.batch_size", "Missing value for flag --config.train.batch_size"),
        ("--confg=3", "Unknown command line flag 'confg'. Did you mean: config"),
        ("three", "'three' is no flag"),
    ],
)
def test_a_wrong_override_is_named(parsed, override, message):
    with pytest.raises(ConfigError, match=message) as error:
        parsed(override)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "config.preset",
            "config.prset",
            r'line 6: .*"prset" does .*mean "preset" instead of "prs',
        ),
        ('"weights"', "3.5", "line 6: TypeError: .*'preset'"),
        ("def get_config():", "def get_config()", "line 4: SyntaxError"),
        ("def get_config", "def other", "KeyError: get_config"),
        ("return config", "pass", "must return the fields of .*default_config"),
        ("default_config()", "ConfigDict()", "line 5: NameError"),
    ],
)
def test_a_wrong_file_is_explained_in_one_line(path, old, new, message):
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ConfigError, match=message) as error:
        load_config(str(path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def test_a_missing_file_is_an_error(parsed, path):
    path.unlink()
    with pytest.raises(ConfigError, match=r"config.py: there is no such file\.$"):
        parsed("--config.train.epochs=2")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("data.train", None, "config.data.train is not set"),
        ("train.epochs", 0, "config.train.epochs is 0; it must be positive"),
        ("train.batch_size", -1, "must be positive"),
        ("train.learning_rate", float("nan"), "must be positive"),
        ("train.warmup", -1.0, "a share of the steps up to 1, or their number above 1"),
        ("train.steps_per_epoch", 0, "train.steps_per_epoch is 0; it must be positive"),
        ("train.accumulation_steps", 0, "train.accumulation_steps is 0"),
        ("train.steps_per_execution", -1, "train.steps_per_execution is -1"),
        ("train.checkpoint_seconds", 0.0, "train.checkpoint_seconds is 0.0"),
        ("train.checkpoint_steps", 0, "train.checkpoint_steps is 0"),
        ("train.optimizer", "adam", "no optimizer 'adam'; there are adamw, lamb, adafactor"),
        ("train.decay", "linaer", "no decay 'linaer'; there are linear, .*cosine"),
        ("train.power", 0.0, "power must be positive"),
        ("train.layer_decay", 0.0, "layer_decay is 0.0; it must be above 0"),
        ("train.average", 1.0, "average is 1.0; it must be from 0 on and below 1"),
        ("seed", -1, "between 0 and"),
        ("precision", "float16", "choose one of auto"),
        ("data.fractions", (0.8, 0.2), "three positive numbers"),
        ("data.fractions", (0.8, 0.1, 0.2), "whose sum is 1"),
        ("data.fractions", ("a", "b", "c"), "three positive numbers"),
    ],
)
def test_values_are_checked_before_any_work(field, value, message):
    config = default_config()
    config.preset, config.data.train = "weights", "train.csv"
    check_values(config)
    config.update_from_flattened_dict({field: value})
    with pytest.raises(ConfigError, match=message):
        check_values(config)


def test_the_optimizer_is_the_one_that_is_described(parsed):
    optimizer = new_optimizer(
        parsed(
            "--config.train.optimizer=lamb",
            "--config.train.learning_rate=1e-3",
            "--config.train.warmup=1000",
            "--config.train.decay=polynomial",
            "--config.train.power=0.5",
            "--config.train.final=1e-4",
            "--config.train.layer_decay=0.9",
            "--config.train.weight_decay=0.1",
            "--config.train.clip_norm=2",
            "--config.train.average=0.99",
        ).train
    )
    assert type(optimizer) is Lamb
    assert (optimizer.layer_decay, optimizer.weight_decay) == (0.9, 0.1)
    assert (optimizer.global_clipnorm, optimizer.ema_momentum) == (2.0, 0.99)
    schedule = optimizer._learning_rate
    schedule.plan(0, 5000)
    rates = [float(schedule(step)) for step in (0, 999, 4000, 5000)]
    assert rates == pytest.approx([1e-6, 1e-3, 1e-4 + 9e-4 * 0.5, 1e-4])


@pytest.fixture
def path_with_argument(path):
    content = FILE.replace("get_config()", "get_config(preset)").replace('"weights"', "preset")
    path.write_text(content)
    return path


def test_what_follows_a_colon_is_handed_to_the_file(path_with_argument):
    assert load_config(f"{path_with_argument}:a:b").preset == "a:b"
    with pytest.raises(ConfigError, match="missing 1 required positional argument: 'preset'"):
        load_config(str(path_with_argument))
    path_with_argument.write_text(FILE)
    with pytest.raises(ConfigError, match="takes 0 positional arguments but 1 was given"):
        load_config(f"{path_with_argument}:mrpc")


def test_an_argument_on_the_command_line(monkeypatch, path_with_argument):
    argv = ["program", f"--config={path_with_argument}:mrpc", "--config.train.epochs=7"]
    monkeypatch.setattr(sys, "argv", argv)
    values = flags.FlagValues()
    define_config(values)
    parse(values, argv)
    assert (values.config.preset, values.config.train.epochs) == ("mrpc", 7)
