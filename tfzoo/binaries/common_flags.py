"""Flags that several binaries have: a trained preset, the columns of a file, the precision."""

from absl import flags

from tfzoo.data.records import Column

flags.disclaim_key_flags()  # --help lists them under the binary that asks for them

_COLUMNS = {
    "text": "column of the text: a name, or an index from 0 where there is no header",
    "text_pair": "column of the second text, of pairs; of the context, of questions",
    "label": "column of the label",
}


def define_model(values: flags.FlagValues, precision: str) -> None:
    """Defines `--preset` and `--precision`."""
    flags.DEFINE_string(
        "preset",
        None,
        "a trained task: the folder `best` of a workdir, or any handle of such a folder",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "precision",
        precision,
        ["auto", "float32", "mixed_bfloat16"],
        "of the computations; auto decides from the device",
        flag_values=values,
    )


def define_columns(values: flags.FlagValues, *names: str) -> None:
    """Defines flags for columns of a data file, and `--delimiter`."""
    for name in names:
        flags.DEFINE_string(
            name, None, f"{_COLUMNS[name]}; by default as is usual for the task", flag_values=values
        )
    flags.DEFINE_string(
        "delimiter",
        None,
        "what separates a file's columns, such as $'\\t'; by default as its name says",
        flag_values=values,
    )


def columns(values: flags.FlagValues, *names: str) -> dict[str, Column | None]:
    """The columns that flags name; None for the default.

    Example:

    >>> values = flags.FlagValues()
    >>> define_columns(values, "text", "label")
    >>> _ = values(["program", "--text=sentence", "--label=-1"])
    >>> columns(values, "text", "label")
    {'text': 'sentence', 'label': -1}
    """
    return {name: _column(values[name].value) for name in names}


def _column(flag: str | None) -> Column | None:
    """A column as the readers take it: digits are an index."""
    return int(flag) if flag and flag.removeprefix("-").isdecimal() else flag or None
