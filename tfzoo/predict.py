"""Classifies texts: lines in, JSON lines out, in the same order.

  python -m tfzoo.predict --preset=runs/spam/best < messages.txt
  tail -f messages.log | python -m tfzoo.predict --preset=runs/spam/best | grep spam

Each line of standard input is a text, and is answered as soon as it has been read. With
--format=tsv or --format=jsonl the texts are columns or fields of the lines:

  ... --format=tsv --text=0 --text_pair=1
  ... --format=jsonl --text=question --text_pair=answer

A file is read by its name (.csv, .tsv, .jsonl, .txt, .tfrecord), and so is a handle or tfds:...:

  ... --input=messages.csv --text=message
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from absl import flags

from tfzoo.binaries.common_flags import column, define_columns, define_model
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.results import complete_file
from tfzoo.binaries.run import require, run
from tfzoo.binaries.splits import read_source
from tfzoo.binaries.texts import FORMATS, read_stream
from tfzoo.data import Examples
from tfzoo.errors import ConfigError
from tfzoo.tasks import Classifier

_CHUNK = 8192  # texts of a file that are answered at once


def define_flags(values: flags.FlagValues) -> None:
    define_model(values, precision="auto")
    flags.DEFINE_string("input", None, "file, handle or tfds:...; else standard input", values)
    flags.DEFINE_enum("format", "text", FORMATS, "of the lines of standard input", values)
    define_columns(values, "text", "text_pair")
    flags.DEFINE_string("output", None, "file to write to; else standard output", values)
    require(values, preset="runs/spam/best")


def main(values: flags.FlagValues) -> None:
    chunks = _chunks(values)
    model = trained_task(values.preset, values.precision)
    if not isinstance(model, Classifier):
        raise ConfigError(f"{values.preset} holds a {type(model).__name__}, not a classifier.")
    with _opened(values.output) as output:
        for examples in chunks:
            _answer(model, examples, output)


def _opened(path: str | None) -> contextlib.AbstractContextManager[TextIO]:
    if path:
        return complete_file(Path(path))
    # An escape of a lone surrogate, which no UTF-8 can hold, is just what JSON wants.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return contextlib.nullcontext(sys.stdout)


def _chunks(values: flags.FlagValues) -> Iterator[Examples]:
    columns = {"text": column(values.text), "text_pair": column(values.text_pair)}
    if values.input is None:
        return read_stream(sys.stdin.buffer, values.format, **columns)
    examples = read_source(values.input, label=None, delimiter=values.delimiter, **columns)
    starts = range(0, len(examples), _CHUNK)
    return (examples.take(range(len(examples))[start : start + _CHUNK]) for start in starts)


def _answer(model: Classifier, examples: Examples, output: TextIO) -> None:
    pairs = examples.text_pair or [None] * len(examples)
    for text, pair, answer in zip(
        examples.text, pairs, model.classify(examples.texts), strict=True
    ):
        question = {"text": text} if pair is None else {"text": text, "text_pair": pair}
        output.write(json.dumps({**question, **answer}, ensure_ascii=False) + "\n")
    output.flush()


if __name__ == "__main__":
    run(main, define_flags)
