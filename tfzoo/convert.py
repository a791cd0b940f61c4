"""Tells what lies behind a handle, and writes it in another format.

  python -m tfzoo.convert --inspect=hf://google-bert/bert-base-uncased
  python -m tfzoo.convert --from=https://tfhub.dev/tensorflow/bert_en_uncased_L-12_H-768_A-12/4 \\
      --to=bert --format=huggingface

Handles are those of from_preset: a preset's name, a folder or archive, a URL, kaggle://, hf:// or
pypi://. Weights of any format that tfzoo reads are written as

  tfzoo         a preset, for from_preset of tfzoo's classes
  huggingface   config.json and model.safetensors, for from_pretrained of transformers
  keras_hub     a preset of KerasHub, for from_preset of keras_nlp's or keras_hub's classes
  google        the original authors' checkpoint of TensorFlow 1
  openai        the same for GPT and GPT-2

A task is written with its heads, which --task may leave out.
"""

import ast

from absl import flags

from tfzoo.binaries.conversion import convert, describe
from tfzoo.binaries.run import run
from tfzoo.errors import ConfigError
from tfzoo.weights.formats import WRITERS


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string("inspect", None, "a handle, of which to tell what it holds", values)
    flags.DEFINE_string("from", None, "a handle, of what to convert", values)
    flags.DEFINE_string("to", None, "a new folder for the result", values)
    flags.DEFINE_enum("format", "tfzoo", ["tfzoo", *WRITERS], "of the result", values)
    flags.DEFINE_string(
        "task",
        None,
        "Backbone, or a kind of task such as MaskedLM, whose heads are kept; by default all are",
        values,
    )
    flags.DEFINE_multi_string(
        "override",
        [],
        "an argument of the backbone that the weights do not state or state wrongly, such as "
        "num_heads=12",
        values,
    )


def main(values: flags.FlagValues) -> None:
    handle = values["from"].value
    overrides = dict(map(_override, values.override))
    if values.inspect and not handle and not values.to:
        report, fits = describe(values.inspect, overrides)
        print(report)
        if not fits:
            raise ConfigError(f"tfzoo cannot load {values.inspect}; what is amiss stands above.")
    elif handle and values.to and not values.inspect:
        name = convert(handle, values.to, values.format, values.task, overrides)
        print(f"{values.to}: {name}, written as {values.format}.")
    else:
        raise ConfigError(
            "Give either --inspect=HANDLE, or --from=HANDLE and --to=FOLDER (--help tells more)."
        )


def _override(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    if not value:
        raise ConfigError(f"--override={text} is not of the form name=value, as num_heads=12 is.")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    run(main, define_flags)
