"""A picture of a training: losses, a validation metric and the learning rate over the steps."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfzoo.errors import DataError
from tfzoo.training.metrics_file import read_metrics

_SMOOTHED = 50  # windows that a smoothed curve has
_FAR_APART = 20  # times the smallest loss is the largest, and the scale is logarithmic
_MOST_MARKS = 50  # points or epochs that are marked


def draw_curves(metrics: str | os.PathLike[str], picture: str | os.PathLike[str]) -> None:
    """Draws the training that `MetricsLog` has written down.

    Args:
        metrics: its `metrics.jsonl`.
        picture: the PNG file, replaced at once.

    Raises:
        DataError: the file holds no metrics.
    """
    from matplotlib.figure import Figure  # without pyplot nothing stays, and no window opens
    from matplotlib.ticker import MaxNLocator

    lines = read_metrics(Path(metrics))
    if not lines:
        raise DataError(f"{metrics} holds no metrics to draw.")
    steps = [line for line in lines if line["kind"] == "step"]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    metric = _main_metric(epochs)
    heights = [3.0, *([2.0] if metric else []), *([1.0] if steps else [])]
    figure = Figure(figsize=(8, 1 + 1.1 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    figure.suptitle(_title(Path(metrics), lines), fontsize=11)
    _draw_losses(panels[0], steps, epochs)
    if metric:
        _plot(panels[1], epochs, metric, color="tab:orange")
        panels[1].set_ylabel(metric.removeprefix("val_").replace("_", " ") + ",\nvalidation")
    if steps:
        _plot(panels[-1], steps, "learning_rate", color="tab:gray")
        panels[-1].set(ylabel="learning rate", ylim=(0, None))
        panels[-1].ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    panels[-1].set(xlabel="optimizer step", xlim=(0, 1.02 * lines[-1]["step"]))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in panels:
        panel.grid(alpha=0.3)
        for line in epochs if len(epochs) <= _MOST_MARKS else ():
            panel.axvline(line["step"], color="black", alpha=0.15, linewidth=0.8)
    picture = Path(picture)
    partial = picture.with_name(f".{picture.name}.partial")
    figure.savefig(partial, format="png", dpi=120)
    os.replace(partial, picture)


def _draw_losses(panel: Any, steps: Sequence[dict], epochs: Sequence[dict]) -> None:
    training = _column(steps or epochs, "loss")
    smoothed = _smoothed(training)
    if smoothed is training:
        label = "training, single steps" if steps else "training, epochs"
        _plot(panel, steps or epochs, "loss", color="tab:blue", label=label)
    else:
        _plot(panel, steps, "loss", color="tab:blue", alpha=0.3, label="training, single steps")
        at = [line["step"] for line in steps]
        panel.plot(at, smoothed, color="tab:blue", label="training, smoothed")
    if any("val_loss" in line for line in epochs):
        _plot(panel, epochs, "val_loss", color="tab:orange", label="validation")
    finite = [v for v in (*smoothed, *_column(epochs, "val_loss")) if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > _FAR_APART * min(finite):
        panel.set_yscale("log")
    lost = [line["step"] for line in epochs if line.get("val_loss", 0.0) is None]
    for index, step in enumerate(lost):
        label = None if index else "validation not finite"
        panel.axvline(step, color="tab:red", linestyle=":", label=label)
    panel.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=9)
    panel.set_ylabel("loss")


def _plot(panel: Any, lines: Sequence[dict], name: str, **style: Any) -> None:
    marker = "o" if len(lines) <= _MOST_MARKS else ""
    at = [line["step"] for line in lines]
    panel.plot(at, _column(lines, name), marker=marker, markersize=4, **style)


def _column(lines: Sequence[dict], name: str) -> list[float]:
    """A field of all lines; NaN, which is not drawn, where it has no value."""
    values = (line.get(name) for line in lines)
    return [math.nan if value is None else value for value in values]


def _smoothed(values: list[float]) -> list[float]:
    """Averages over windows around each value; the values themselves where they are few."""
    reach = len(values) // _SMOOTHED // 2
    if not reach:
        return values
    window, known = np.ones(2 * reach + 1), np.isfinite(values)
    sums = np.convolve(np.where(known, values, 0.0), window, "same")
    return (sums / np.maximum(np.convolve(known, window, "same"), 1)).tolist()


def _main_metric(epochs: Sequence[dict]) -> str | None:
    """The first validation metric that is no loss."""
    names = (name for line in epochs for name in line)
    return next((n for n in names if n.startswith("val_") and not n.endswith("loss")), None)


def _title(path: Path, lines: Sequence[dict]) -> str:
    """The name of the folder, how long the training was, and how fast."""
    last = lines[-1]
    epochs = f"{last['epoch']} epoch{'s' if last['epoch'] > 1 else ''}"
    parts = [f"{last['step']:,} steps", epochs, _duration(last["seconds"])]
    for name, text in (("tokens_per_second", "{:,.0f} tokens/s"), ("peak_share", "{:.0%} of peak")):
        values = sorted(line[name] for line in lines if name in line)
        if values:
            parts.append(text.format(values[len(values) // 2]))
    return f"{path.resolve().parent.name}: {', '.join(parts)}"


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
