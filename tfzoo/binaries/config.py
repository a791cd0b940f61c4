"""The configuration of an experiment: its fields, and the flag that reads it from a file."""

import difflib
import math
import re
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags
from ml_collections.config_dict import FieldReference, placeholder

from tfzoo.errors import ConfigError
from tfzoo.training import choose_precision

flags.disclaim_key_flags()  # --help lists --config under the binary that asks for it


def default_config() -> ConfigDict:
    """Every field of an experiment, with its default.

    A config file's `get_config()` starts from it and sets `preset`, `data.train` and whatever
    differs. It is locked, so that a misspelt field is an error; `model` alone takes new fields.

    Example:

    >>> config = default_config()
    >>> config.preset = "minilm_l6_en_uncased"
    >>> config.train.batch_size
    32
    """
    config = ConfigDict(
        {
            "preset": placeholder(str),  # weights to start from: a preset's name or any handle
            "task": "BertClassifier",  # a class of tfzoo
            "model": {"sequence_length": 128},  # what the task's from_preset takes
            "data": {
                "train": placeholder(str),  # a file, a handle of one, or tfds:name/config:split
                "validation": placeholder(str),  # the same; None splits it off from train
                "test": placeholder(str),
                "fractions": (0.8, 0.1, 0.1),  # of train, validation and test where they are split
                "drop_duplicates": False,  # keep the first of the examples with the same text
                "text": _column("text"),  # a name, or an index from 0 where there is no header
                "text_pair": _column(None),
                "label": _column("label"),
                "weight": _column(None),
                "delimiter": placeholder(str),  # None: as the file's name says
            },
            "train": {
                "epochs": 3,
                "batch_size": 32,
                "learning_rate": 5e-5,  # the peak
                "warmup": 0.1,  # share of the steps
                "weight_decay": 0.01,
                "clip_norm": 1.0,
                "last_layers": placeholder(int),  # train only so many of the last layers
            },
            "eval": {"batch_size": 32},
            "export": {"texts": ()},  # for the finished SavedModel to answer
            "seed": 0,
            "precision": "auto",  # auto, float32 or mixed_bfloat16
        }
    )
    config.lock()
    config.model.unlock()
    return config


def define_config(values: flags.FlagValues) -> None:
    """Defines `--config=FILE` and its overrides, `--config.train.epochs=2`."""
    config_flags.DEFINE_config_file(
        "config",
        help_string="Python file whose get_config() returns the experiment; "
        "--config.SECTION.FIELD=VALUE overrides a field of it",
        flag_values=values,
        lock_config=False,
        accept_new_attributes=True,  # those of `model`; others are turned down by our parser
    )
    values["config"].parser = _ConfigFileParser()


def load_config(path: str) -> ConfigDict:
    """Runs a config file's `get_config()` and checks that the fields are those of `default_config`.

    Raises:
        ConfigError: there is no such file, it fails, or its fields are others.
    """
    if not Path(path).is_file():
        raise ConfigError("there is no such file.")
    try:
        config = runpy.run_path(path)["get_config"]()
    except Exception as error:  # a file of the user's may raise anything
        raise ConfigError(
            f"{_line(error, path)}{type(error).__name__}: {_short(error)}."
        ) from error
    found = _fields(config) if isinstance(config, ConfigDict) else []
    if different := set(found).symmetric_difference(_fields(default_config())):
        raise ConfigError(
            "get_config() must return the fields of tfzoo.binaries.config.default_config(), and "
            f"differs in {', '.join(sorted(different))}."
        )
    return config


def check_values(config: ConfigDict) -> None:
    """Checks what can be checked before any work is done.

    Raises:
        ConfigError: a field that is needed is not set, or a number makes no sense.
    """
    for name, value in (("preset", config.preset), ("data.train", config.data.train)):
        if not value:
            raise ConfigError(f"config.{name} is not set; set it in the config file.")
    for name, value in (
        ("train.epochs", config.train.epochs),
        ("train.batch_size", config.train.batch_size),
        ("train.learning_rate", config.train.learning_rate),
        ("eval.batch_size", config.eval.batch_size),
    ):
        if not value > 0:
            raise ConfigError(f"config.{name} is {value}; it must be positive.")
    choose_precision(config.precision)
    if not 0 <= config.train.warmup <= 1:
        raise ConfigError(f"config.train.warmup is {config.train.warmup}; it is a share of 1.")
    if not 0 <= config.seed < 2**32:
        raise ConfigError(f"config.seed is {config.seed}; it must be between 0 and 2**32 - 1.")
    fractions = config.data.fractions
    numbers = [share for share in fractions if isinstance(share, int | float) and share > 0]
    if len(fractions) != 3 or len(numbers) != 3 or not math.isclose(sum(numbers), 1):
        raise ConfigError(
            f"config.data.fractions is {fractions}; it must be three positive numbers, of train, "
            "validation and test, whose sum is 1."
        )
    pairs = config.data.text_pair is not None
    for text in config.export.texts:
        if not isinstance(text, str) or (pairs and text.count("\t") != 1):
            raise ConfigError(
                f"config.export.texts holds {text!r}; give strings, and for pairs the two texts "
                "with a tab between them."
            )


class _ConfigFileParser(flags.ArgumentParser):
    """`config_flags` itself reports a mistake in a file or an override by a traceback."""

    def parse(self, path: str) -> ConfigDict:
        for argument in sys.argv:
            if override := re.match(r"--?(?:no)?config\.([^=]+)", argument):
                _check_override(override[1])
        return load_config(path)


def _check_override(field: str) -> None:
    known = _fields(default_config())
    if field not in known and not re.fullmatch(r"model\.\w+", field):
        close = difflib.get_close_matches(field, known, n=1)
        hint = f"did you mean config.{close[0]}?" if close else f"there are {', '.join(known)}."
        raise ConfigError(f"there is no field config.{field}; {hint}")


def _column(default: Any) -> FieldReference:
    """A field that takes a column's name or index, several of them, or None."""
    return FieldReference(default, field_type=object)


def _fields(config: ConfigDict) -> list[str]:
    """Dotted names of the fields; what lies in `model` is free."""
    names = []
    for name, value in config.items():
        if isinstance(value, ConfigDict) and name != "model":
            names += [f"{name}.{field}" for field in _fields(value)]
        else:
            names.append(name)
    return names


def _line(error: Exception, path: str) -> str:
    """Where in a config file an error arose, as the start of a message."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == path]
    return f"line {lines[-1]}: " if lines else ""


def _short(error: Exception) -> str:
    """An error's message in one line, without the dump that ml_collections puts into it."""
    message = str(error.args[0]) if error.args else ""
    message = re.sub(r'Other fields present: .*}"(\\n)?', "", message, flags=re.DOTALL)
    return " ".join(message.split()).strip("'.")
