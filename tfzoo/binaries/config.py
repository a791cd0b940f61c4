"""The configuration of an experiment: its fields, and the flag that reads it from a file."""

import difflib
import math
import re
import runpy
import sys
import traceback
from pathlib import Path

import keras
from absl import flags
from ml_collections import ConfigDict, config_flags
from ml_collections.config_dict import FieldReference, placeholder

from tfzoo.errors import ConfigError
from tfzoo.training import WarmupDecay, choose_precision, make_optimizer
from tfzoo.weights.tensors import listed

flags.disclaim_key_flags()  # --help lists --config under the binary that asks for it

_POSITIVE = (
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "accumulation_steps",
    "steps_per_execution",
    "learning_rate",
    "checkpoint_seconds",
    "checkpoint_steps",
)  # of `train`, where they are not None


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
            "preset": placeholder(str),  # a preset's name or any handle; None starts from nothing,
            # which takes rows of tfzoo.prepare and the sizes of the backbone in `model`
            "task": "BertClassifier",  # a class of tfzoo; "Classifier" takes that of the weights
            "model": {"sequence_length": 128},  # what the task's from_preset takes
            "data": {
                # A file, a handle of one, tfds:name/config:split, or a folder of tfzoo.prepare.
                "train": placeholder(str),
                "validation": placeholder(str),  # the same; None splits it off from train
                "test": placeholder(str),
                "fractions": (0.8, 0.1, 0.1),  # of train, validation and test where they are split
                "drop_duplicates": False,  # keep the first of the examples with the same text
                # Columns: names, or indices from 0 where there is no header; None: as is usual for
                # the kind of task, see tfzoo/binaries/kinds.
                "text": _column(),
                "text_pair": _column(),
                "label": _column(),
                "weight": _column(),
                "delimiter": placeholder(str),  # None: as the file's name says
            },
            "train": {
                "epochs": 3,
                "steps_per_epoch": placeholder(int),  # None: as many as go once through the data
                "batch_size": 32,  # examples of an optimizer step, of all devices together
                "accumulation_steps": 1,  # parts of a batch, one after the other, to save memory
                "steps_per_execution": 1,  # steps between two looks at callbacks; saves time
                "optimizer": "adamw",  # or lamb, adafactor
                "learning_rate": 5e-5,  # the peak
                "warmup": 0.1,  # share of the steps up to 1; above 1, their number
                "decay": "linear",  # or polynomial, cosine, inverse_sqrt, constant
                "power": 1.0,  # of the polynomial
                "final": 0.0,  # the learning rate at the end
                "layer_decay": 1.0,  # each layer's learning rate by that of the one above
                "weight_decay": 0.01,
                "clip_norm": 1.0,
                "beta_2": 0.999,  # of adamw and lamb, and
                "epsilon": 1e-6,
                "average": placeholder(float),  # momentum of averaged weights, such as 0.999
                "last_layers": placeholder(int),  # train only so many of the last layers
                "checkpoint_seconds": _number(600),  # from one to the next; None: after epochs only
                "checkpoint_steps": placeholder(int),  # the same, in steps
            },
            "distil": {  # see tfzoo.training.Distiller
                "num_layers": placeholder(int),  # of a student, which `preset` teaches; None: none
                "temperature": 2.0,
                "label_weight": 0.5,
                "hidden_weight": 0.0,
                "attention_weight": 0.0,
                "cache": placeholder(str),  # a folder for the logits of a classifier
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
    """Defines `--config=FILE[:ARGUMENT]` and its overrides, `--config.train.epochs=2`."""
    config_flags.DEFINE_config_file(
        "config",
        help_string="Python file whose get_config() returns the experiment, given "
        "what may follow a colon; --config.SECTION.FIELD=VALUE overrides a field of it",
        flag_values=values,
        lock_config=False,
        accept_new_attributes=True,  # those of `model`; others are turned down by our parser
    )
    values["config"].parser = _ConfigFileParser()


def load_config(path: str) -> ConfigDict:
    """Runs a config file's `get_config()` and checks that the fields are those of `default_config`.

    Args:
        path: of the file; in `FILE:ARGUMENT`, what `get_config` is given follows the file.

    Raises:
        ConfigError: there is no such file, it fails, or its fields are others.
    """
    argument = []
    if not Path(path).is_file():
        path, *argument = path.split(":", 1)
    if not Path(path).is_file():
        raise ConfigError("there is no such file.")
    try:
        config = runpy.run_path(path)["get_config"](*argument)
    except ConfigError:
        raise
    except Exception as error:  # a file of the user's may raise anything
        raise ConfigError(
            f"{_line(error, path)}{type(error).__name__}: {_short(error)}."
        ) from error
    found = _fields(config) if isinstance(config, ConfigDict) else []
    if different := set(found).symmetric_difference(_fields(default_config())):
        raise ConfigError(
            "get_config() must return the fields of tfzoo.binaries.config.default_config(), and "
            f"differs in {listed(sorted(different))}."
        )
    return config


def check_values(config: ConfigDict) -> None:
    """Checks what can be checked before any work is done.

    Raises:
        ConfigError: a field that is needed is not set, or a number makes no sense.
    """
    if not config.data.train:
        raise ConfigError("config.data.train is not set; set it in the config file.")
    numbers = {f"train.{name}": config.train[name] for name in _POSITIVE}
    for name, value in {**numbers, "eval.batch_size": config.eval.batch_size}.items():
        if value is not None and not value > 0:
            raise ConfigError(f"config.{name} is {value}; it must be positive.")
    choose_precision(config.precision)
    if not config.train.warmup >= 0:
        raise ConfigError(
            f"config.train.warmup is {config.train.warmup}; give a share of the steps up to 1, or "
            "their number above 1."
        )
    new_optimizer(config.train)  # has errors of its own
    if not 0 <= config.seed < 2**32:
        raise ConfigError(f"config.seed is {config.seed}; it must be between 0 and 2**32 - 1.")
    fractions = config.data.fractions
    numbers = [share for share in fractions if isinstance(share, int | float) and share > 0]
    if len(fractions) != 3 or len(numbers) != 3 or not math.isclose(sum(numbers), 1):
        raise ConfigError(
            f"config.data.fractions is {fractions}; it must be three positive numbers, of train, "
            "validation and test, whose sum is 1."
        )


def new_optimizer(train: ConfigDict) -> keras.optimizers.Optimizer:
    """An optimizer, whose schedule `fit` plans.

    Args:
        train: the section of this name in `default_config`.

    Raises:
        ConfigError: there is no such optimizer or decay, or a number of theirs makes no sense.

    Example:

    >>> type(new_optimizer(default_config().train)).__name__
    'AdamW'
    """
    schedule = WarmupDecay(
        train.learning_rate,
        warmup=train.warmup,
        decay=train.decay,
        power=train.power,
        final=train.final,
    )
    return make_optimizer(
        train.optimizer,
        schedule,
        weight_decay=train.weight_decay,
        clip_norm=train.clip_norm,
        layer_decay=train.layer_decay,
        average=train.average,
        beta_2=train.beta_2,
        epsilon=train.epsilon,
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


def _column() -> FieldReference:
    """A field that takes a column's name or index, several of them, or None."""
    return FieldReference(None, field_type=object)


def _number(value: float) -> FieldReference:
    """A field that takes a number, or None."""
    return FieldReference(value, field_type=float)


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
    return " ".join(message.split()).rstrip(".")
