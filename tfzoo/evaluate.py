"""Scores a trained preset on labelled texts.

  python -m tfzoo.evaluate --preset=runs/spam/best --data=messages.csv --text=message --label=kind

The data are a local file (.csv, .tsv, .jsonl, .txt, .tfrecord), any handle that stands for one, or
a split of TFDS:

  ... --data=tfds:glue/sst2:validation --text=sentence

A classifier gets its accuracy, the F1 of each class and the confusion matrix; a token classifier
precision, recall and F1 of entities by seqeval, or the accuracy of words; a question answerer the
exact match and the F1 of SQuAD; other tasks their loss and metrics. All scores are shares of 1,
none is in percent. The data are those that tfzoo.train takes:

  ... --preset=runs/ner/best --data=test.conll
  ... --preset=runs/squad/best --data=dev-v1.1.json
  ... --preset=runs/bert/best --data=prepared/test
"""

import json

from absl import flags

from tfzoo.binaries.common_flags import columns, define_columns, define_model
from tfzoo.binaries.kinds import kind_of
from tfzoo.binaries.kinds.kind import chosen
from tfzoo.binaries.models import saved_class, trained_task
from tfzoo.binaries.run import require, run
from tfzoo.binaries.scores import as_text
from tfzoo.binaries.splits import read_source

_BATCH_SIZE = 32


def define_flags(values: flags.FlagValues) -> None:
    define_model(values, precision="auto")
    flags.DEFINE_string("data", None, "a file, a handle, or tfds:name/config:split", values)
    define_columns(values, "text", "text_pair", "label")
    flags.DEFINE_bool("json", False, "print the scores as JSON", values)
    require(values, preset="runs/spam/best", data="messages.csv")


def main(values: flags.FlagValues) -> None:
    kind = kind_of(saved_class(values.preset))
    given = columns(values, "text", "text_pair", "label", "delimiter")
    examples = read_source(kind, values.data, **chosen(kind.columns, given, "--"))
    scores = kind.score(trained_task(values.preset, values.precision), examples, _BATCH_SIZE)
    print(json.dumps(scores, ensure_ascii=False) if values.json else as_text(scores))


if __name__ == "__main__":
    run(main, define_flags)
