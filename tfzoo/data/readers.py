"""Files and TFDS splits to examples in memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfzoo.data.examples import Examples
from tfzoo.data.formats import file_records, tfds_records
from tfzoo.data.records import Column, Record
from tfzoo.errors import DataError


def read_examples(
    source: str | os.PathLike,
    *,
    text: Column = "text",
    text_pair: Column | None = None,
    label: Column | Sequence[Column] | None = "label",
    weight: Column | None = None,
    delimiter: str | None = None,
) -> Examples:
    r"""Reads the examples of a file, or of a split of a TFDS dataset.

    The name says the format, and the format what a column is: in `.csv` and `.tsv` a name of the
    header line, or an index from 0 where there is no such line; in `.jsonl` a key of the object on
    each line; in `.tfrecord` a feature of the `tf.train.Example`s; in `tfds:name/config:split` a
    feature of the dataset. A `.txt` has one text per line, in the column "text".

    Args:
        source: path of a file, or `tfds:name/config:split`.
        text: column of the text.
        text_pair: column of the second text, of pairs.
        label: column of the label; or several columns of zeros and ones, one per class, which
            become lists of the columns' names; or None if there are no labels.
        weight: column of the weight of an example.
        delimiter: what separates columns, whatever the file's name. Quotes mean something only in
            comma-separated files; elsewhere they are characters like any other.

    Raises:
        DataError: if there is no such source, its format is unknown, it is empty or damaged, or a
            column is missing or holds the wrong thing; it names file, line and column.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "sms.csv")
        >>> _ = path.write_text('ham\tsee you "later"\nspam\twin now\n')
        >>> examples = read_examples(path, text=1, label=0, delimiter="\t")
        >>> examples.text, examples.label
        (['see you "later"', 'win now'], ['ham', 'spam'])
    """
    several = not isinstance(label, Column | None)
    class_names = list(map(str, label)) if several else None
    columns = [text, text_pair, weight, *(label if several else [label])]
    features, records = read_records(source, columns, delimiter)
    if not several:
        class_names = getattr(features.get(label), "names", None)

    texts, pairs, labels, weights = [], [], [], []
    for record in records:
        texts.append(record.text(text))
        if text_pair is not None:
            pairs.append(record.text(text_pair))
        if label is not None:
            labels.append(record.label(label))
        if weight is not None:
            weights.append(record.weight(weight))
    if not texts:
        raise DataError(f"{source} is empty: it holds no examples.")
    return Examples(texts, pairs or None, labels or None, weights or None, class_names)


def read_records(
    source: str | os.PathLike, columns: Iterable[Column | None], delimiter: str | None = None
) -> tuple[dict[str, Any], Iterator[Record]]:
    """Reads the records of a file, or of a split of a TFDS dataset, as `read_examples` does.

    Args:
        source: path of a file, or `tfds:name/config:split`.
        columns: those that will be asked for: by names, if a file with columns has a header.
        delimiter: what separates columns, whatever the file's name.

    Returns:
        The features of a TFDS dataset, of a file none; and the records.

    Raises:
        DataError: there is no such source, or its format is unknown.
    """
    if str(source).startswith("tfds:"):
        return tfds_records(str(source))
    by_name = any(isinstance(column, str) for column in columns)
    return {}, file_records(Path(source), delimiter, header=by_name)
