"""The file `metrics.jsonl`: JSON objects, one per line, whose writer may be killed at any time."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfzoo.errors import DataError

_IN_EVERY_LINE = {"kind", "step", "epoch", "seconds"}


def as_line(metrics: Mapping[str, Any]) -> str:
    """Metrics as a line; numbers that are not finite become null, as JSON has none.

    Example:

    >>> as_line({"step": 1, "loss": float("nan")})
    '{"step": 1, "loss": null}\\n'
    """

    def known(value: Any) -> Any:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps({name: known(value) for name, value in metrics.items()}) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, none where there is no file; without a last one that has no end.

    Raises:
        DataError: another line holds no metrics.
    """
    if not path.exists():
        return []
    *complete, _ = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(complete, 1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or not line.keys() >= _IN_EVERY_LINE:
            raise DataError(
                f"Line {number} of {path} holds no metrics of a training; remove it, or the file."
            )
        lines.append(line)
    return lines


def write_metrics(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a file by one with these lines, at once."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("".join(map(as_line, lines)), encoding="utf-8")
    os.replace(partial, path)
