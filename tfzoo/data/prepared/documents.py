"""Corpora in files of any size, read document by document."""

import csv
import glob
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfzoo.data.records import Column, Record
from tfzoo.errors import ConfigError, DataError
from tfzoo.weights.resolve import resolve

DOCUMENTS = ("blank_lines", "headings", "lines")

_MAX_FIELD = 2**31 - 1  # characters; documents may be whole books
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON = (".json", ".jsonl")
_TITLE = re.compile(r"= [^=]+ =")  # "= = A section = =" is none
_SENTENCE_END = re.compile(
    r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”）]*"  # noqa: RUF001
)


@dataclass(frozen=True)
class Corpus:
    r"""The documents of some files.

    In `.jsonl` and `.json` each line is an object, whose text is a document; so is that of each row
    of a `.csv` or `.tsv`, or of any file if a delimiter is given. All others are plain text. Files
    that end in `.gz` are unpacked while they are read.

    Args:
        files: their paths, such as those of `find_files`.
        text: the column of the text; in files with columns a name of the header, or an index from 0
            where there is none.
        delimiter: what separates columns, whatever the file's name.
        documents: where those of plain text end: at "blank_lines"; before "headings" of the form
            `= Title =`, as in WikiText; or each of the "lines" is one.

    Raises:
        ConfigError: there is no such way to find documents.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "notes.txt")
        >>> _ = path.write_text("One. Two.\nThree.\n\nFour.\n")
        >>> list(Corpus([path]).read())
        [['One. Two.', 'Three.'], ['Four.']]
    """

    files: Sequence[Path]
    text: Column = "text"
    delimiter: str | None = None
    documents: str = "blank_lines"

    def __post_init__(self) -> None:
        if self.documents not in DOCUMENTS:
            raise ConfigError(
                f"Documents are found by {', '.join(DOCUMENTS)}, not by {self.documents!r}."
            )

    def read(self) -> Iterator[list[str]]:
        """The documents, each the list of its lines but for blank ones.

        Raises:
            DataError: a file cannot be read, is damaged, or lacks the column.
        """
        for path in self.files:
            lines = _lines(path)
            kind = Path(path.stem if _is_packed(path) else path.name).suffix.lower()
            if kind in _JSON and not self.delimiter:
                documents = self._texts(_json_records(path, lines))
            elif self.delimiter or kind in _DELIMITERS:
                delimiter = self.delimiter or _DELIMITERS[kind]
                header = isinstance(self.text, str)
                documents = self._texts(_column_records(path, lines, delimiter, header))
            else:
                documents = _plain_documents((line for _, line in lines), self.documents)
            yield from filter(None, (list(_stripped(document)) for document in documents))

    def _texts(self, records: Iterable[Record]) -> Iterator[list[str]]:
        return (record.text(self.text).split("\n") for record in records)


def find_files(inputs: Iterable[str]) -> list[Path]:
    """The files that paths, patterns, folders and handles stand for.

    Args:
        inputs: a path may be a pattern, such as `corpus/**/*.txt`, or a folder, which stands for
            all files below it; handles are those of `tfzoo.weights.resolve`.

    Raises:
        HandleError: there is nothing, or it cannot be reached.
        DataError: no file matches.
    """
    files = []
    for given in inputs:
        pattern = os.path.expanduser(given)
        if "://" not in given and glob.has_magic(given) and not os.path.exists(pattern):
            found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
        else:
            path = resolve(given)
            found = sorted(path.rglob("*")) if path.is_dir() else [path]
        found = [path for path in found if not path.is_dir()]
        if not found:
            raise DataError(f"No file matches {given}; check the path.")
        files += found
    return files


def split_sentences(text: str) -> list[str]:
    r"""Cuts a text into its sentences, which joined are the text again.

    A sentence ends at a mark such as . ! ? or … before white space, unless a small letter follows,
    and at those of Chinese and Japanese anywhere. So "Mr. Smith" is cut as well; corpora whose
    sentences matter come with one per line.

    Example:
        >>> split_sentences('He left ( i.e. went ) . "Why?" he asked. It rained.')
        ['He left ( i.e. went ) .', ' "Why?" he asked.', ' It rained.']
    """
    ends = []
    for match in _SENTENCE_END.finditer(text):
        rest = text[match.end() : match.end() + 8].lstrip()
        if rest and not rest[0].islower():
            ends.append(match.end())
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True) if a < b]


def _stripped(lines: Iterable[str]) -> Iterator[str]:
    return filter(None, (line.strip() for line in lines))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""The numbered lines of a text file; only "\n" and "\r\n" end one."""
    number = 0
    try:
        with (gzip.open if _is_packed(path) else open)(path, "rb") as file:
            for number, line in enumerate(file, 1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise DataError(f"{path}, line {number} is not UTF-8; convert the file to UTF-8.") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} cannot be read behind line {number} ({reason}); make or fetch the file again."
        ) from None


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _plain_documents(lines: Iterable[str], rule: str) -> Iterator[list[str]]:
    document: list[str] = []
    for line in lines:
        blank = not line.strip()
        starts = _TITLE.fullmatch(line.strip()) if rule == "headings" else blank or rule == "lines"
        if starts and document:
            yield document
            document = []
        if not blank:
            document.append(line)
    yield document


def _json_records(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Record]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number} is not valid JSON ({error}).") from None
        if not isinstance(fields, dict):
            raise DataError(f"{path}, line {number} is not a JSON object in braces.")
        yield Record(f"{path}, line {number}", fields)


def _column_records(
    path: Path, lines: Iterable[tuple[int, str]], delimiter: str, header: bool
) -> Iterator[Record]:
    names: Sequence[Column] | None = None
    for number, row in _rows(path, lines, delimiter):
        if names is None:
            names = row if header else range(len(row))
            if header:
                continue
        if len(row) != len(names):
            raise DataError(
                f"{path}, line {number} has {len(row)} columns instead of {len(names)}; is the "
                f"delimiter {delimiter!r} part of a text?"
            )
        yield Record(f"{path}, line {number}", dict(zip(names, row, strict=True)))


def _rows(
    path: Path, lines: Iterable[tuple[int, str]], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line; in comma-separated files alone, quotes mean something."""
    if delimiter != ",":
        yield from ((number, line.split(delimiter)) for number, line in lines if line)
        return
    reader = csv.reader((f"{line}\n" for _, line in lines), strict=True)
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num} is not valid CSV ({error}); double the quotes inside "
            "a quoted text."
        ) from None
    finally:
        csv.field_size_limit(limit)
