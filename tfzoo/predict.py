r"""Answers texts by a trained preset: lines in, JSON lines out, in the same order.

  python -m tfzoo.predict --preset=runs/spam/best < messages.txt
  tail -f messages.log | python -m tfzoo.predict --preset=runs/spam/best | grep spam

Each line of standard input is a text, and is answered as soon as it has been read. With
--format=tsv or --format=jsonl the texts are columns or fields of the lines:

  ... --format=tsv --text=0 --text_pair=1
  ... --format=jsonl --text=question --text_pair=answer

A file is read by its name (.csv, .tsv, .jsonl, .txt, .tfrecord), and so is a handle or tfds:...:

  ... --input=messages.csv --text=message

What an answer is depends on the task, and so does what is read by default:

  classifier          text [, text_pair]   label, probabilities
  token classifier    a text, or tokens    words, labels, entities
  question answerer   question, context    answer
  embedder            text                 embedding
  masked LM           text with masks      masks: the likeliest tokens of each
  causal LM           text                 prompt, text: what follows it
  multiple choice     context, choices     choice, text, probabilities

Where several things are read, lines have columns, or fields of these names:

  printf 'Who wrote it?\tAda wrote it.\n' |
    python -m tfzoo.predict --preset=runs/squad/best --format=tsv

Words may come from a CoNLL file, and questions from one of SQuAD. (--input=test.conll, dev.json)
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from absl import flags

from tfzoo.binaries.common_flags import columns, define_columns, define_model
from tfzoo.binaries.kinds import Kind, kind_of
from tfzoo.binaries.kinds.kind import chosen
from tfzoo.binaries.models import saved_class, trained_task
from tfzoo.binaries.results import complete_file
from tfzoo.binaries.run import require, run
from tfzoo.binaries.splits import local
from tfzoo.binaries.texts import FORMATS, present, read_stream, stream_columns
from tfzoo.data import Columns
from tfzoo.errors import DataError

_CHUNK = 8192  # texts of a file that are answered at once


def define_flags(values: flags.FlagValues) -> None:
    define_model(values, precision="auto")
    flags.DEFINE_string("input", None, "file, handle or tfds:...; else standard input", values)
    flags.DEFINE_enum("format", "text", FORMATS, "of the lines of standard input", values)
    define_columns(values, "text", "text_pair")
    flags.DEFINE_string("output", None, "file to write to; else standard output", values)
    require(values, preset="runs/spam/best")


def main(values: flags.FlagValues) -> None:
    kind = kind_of(saved_class(values.preset))
    chunks = _chunks(values, kind)
    model = trained_task(values.preset, values.precision)
    answered = 0
    with _opened(values.output) as output:
        for examples in chunks:
            try:
                answers = kind.answers(model, examples)
            except DataError as error:
                raise DataError(f"behind the first {answered:,} of the input: {error}") from None
            for answer in answers:
                output.write(json.dumps(answer, ensure_ascii=False) + "\n")
            output.flush()
            answered += len(examples)


def _opened(path: str | None) -> contextlib.AbstractContextManager[TextIO]:
    if path:
        return complete_file(Path(path))
    # An escape of a lone surrogate, which no UTF-8 can hold, is just what JSON wants.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return contextlib.nullcontext(sys.stdout)


def _chunks(values: flags.FlagValues, kind: Kind) -> Iterator[Columns]:
    given = columns(values, "text", "text_pair")
    if values.input is None:
        names = stream_columns(kind.asked, values.format, given)
        records = read_stream(sys.stdin.buffer, values.format)
        return (kind.from_records(chunk, names) for chunk in records)
    names = present(chosen(kind.asked, given, "--"))
    examples = kind.read_asked(local(values.input), names, values.delimiter)
    starts = range(0, len(examples), _CHUNK)
    return (examples.take(range(len(examples))[start : start + _CHUNK]) for start in starts)


if __name__ == "__main__":
    run(main, define_flags)
