"""Scores a trained preset on labelled texts.

  python -m tfzoo.evaluate --preset=runs/spam/best --data=messages.csv --text=message --label=kind

The data are a local file (.csv, .tsv, .jsonl, .txt, .tfrecord), any handle that stands for one, or
a split of TFDS:

  ... --data=tfds:glue/sst2:validation --text=sentence

A classifier gets its accuracy, the F1 of each class and the confusion matrix; other tasks get
their loss and metrics.
"""

import json

from absl import flags

from tfzoo.binaries.common_flags import column, define_columns, define_model
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.run import require, run
from tfzoo.binaries.scores import as_text, score
from tfzoo.binaries.splits import read_source


def define_flags(values: flags.FlagValues) -> None:
    define_model(values, precision="auto")
    flags.DEFINE_string("data", None, "a file, a handle, or tfds:name/config:split", values)
    define_columns(values, "text", "text_pair", "label")
    flags.DEFINE_bool("json", False, "print the scores as JSON", values)
    require(values, preset="runs/spam/best", data="messages.csv")


def main(values: flags.FlagValues) -> None:
    examples = read_source(
        values.data,
        text=column(values.text),
        text_pair=column(values.text_pair),
        label=column(values.label),
        delimiter=values.delimiter,
    )
    scores = score(trained_task(values.preset, values.precision), examples)
    print(json.dumps(scores, ensure_ascii=False) if values.json else as_text(scores))


if __name__ == "__main__":
    run(main, define_flags)
