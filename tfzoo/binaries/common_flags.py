"""Flags that several binaries have: a trained preset, the columns of a file, the precision."""

from absl import flags

from tfzoo.data.records import Column

flags.disclaim_key_flags()  # --help lists them under the binary that asks for them

_COLUMNS = {
    "text": ("text", "column of the text: a name, or an index from 0 where there is no header"),
    "text_pair": (None, "column of the second text, of pairs"),
    "label": ("label", "column of the label; empty where there are none"),
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
        default, description = _COLUMNS[name]
        flags.DEFINE_string(name, default, description, flag_values=values)
    flags.DEFINE_string(
        "delimiter",
        None,
        "what separates a file's columns, such as $'\\t'; by default as its name says",
        flag_values=values,
    )


def column(flag: str | None) -> Column | None:
    """A column as the readers take it: digits are an index, nothing is none.

    Example:

    >>> column("sentence"), column("1"), column("")
    ('sentence', 1, None)
    """
    if not flag:
        return None
    return int(flag) if flag.isdecimal() else flag
