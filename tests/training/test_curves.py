"""The picture of a training."""

import json
import math

import pytest
from matplotlib.figure import Figure

from tfzoo.errors import DataError
from tfzoo.training.curves import draw_curves


def written(folder, steps, per_epoch, every=10, val_loss=lambda step: 1 / step):
    lines = []
    for step in range(1, steps + 1):
        line = {"step": step, "epoch": (step - 1) // per_epoch + 1, "loss": 9 / step, "seconds": 90}
        if step % every == 0:
            lines.append({"kind": "step", **line, "learning_rate": 1e-4, "tokens_per_second": 5.0})
        if step % per_epoch == 0:
            metrics = {"val_loss": val_loss(step), "val_f1": 0.5}
            lines.append({"kind": "epoch", **line, **metrics})
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "st')
    return path


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A function that draws metrics and returns the panels, and the figure's title."""
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *args, **kw: (figures.append(self), savefig(self, *args, **kw)),
    )

    def draw(*args, **kwargs):
        draw_curves(written(tmp_path, *args, **kwargs), tmp_path / "curves.png")
        assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "metrics.jsonl"]
        return figures[-1].axes, figures[-1].get_suptitle()

    return draw


def labels(panel):
    return [text.get_text() for text in panel.get_legend().get_texts()]


def test_a_long_training(drawn, tmp_path):
    (loss, metric, rate), title = drawn(2000, 500)
    assert title == f"{tmp_path.name}: 2,000 steps, 4 epochs, 90 s, 5 tokens/s"
    assert labels(loss) == ["training, single steps", "training, smoothed", "validation"]
    assert loss.get_yscale() == "log"
    raw, smoothed, validation = loss.lines[:3]
    assert list(raw.get_xdata()) == list(range(10, 2001, 10))
    assert raw.get_ydata()[100] == 9 / 1010
    window = [9 / (10 * i) for i in range(99, 104)]
    assert smoothed.get_ydata()[100] == pytest.approx(sum(window) / 5)
    assert list(validation.get_xdata()) == [500, 1000, 1500, 2000]
    assert metric.get_ylabel() == "f1,\nvalidation"
    assert (rate.get_ylabel(), rate.get_xlabel()) == ("learning rate", "optimizer step")


def test_a_single_point(drawn):
    (loss, _, rate), title = drawn(10, 10)
    assert "10 steps, 1 epoch, " in title
    assert labels(loss) == ["training, single steps", "validation"]
    assert [line.get_marker() for line in loss.lines[:2]] == ["o", "o"]
    assert list(rate.lines[0].get_ydata()) == [1e-4]


def test_losses_that_are_not_finite_are_marked(drawn):
    (loss, *_), _ = drawn(40, 10, val_loss=lambda step: None if step > 20 else 1.0)
    assert labels(loss)[-1] == "validation not finite"
    assert [math.isnan(value) for value in loss.lines[1].get_ydata()] == [False, False, True, True]
    assert sum(line.get_linestyle() == ":" for line in loss.lines) == 2


def test_epochs_alone(drawn):
    (loss, metric), _ = drawn(6, 3)
    assert labels(loss) == ["training, epochs", "validation"]
    assert metric.get_xlabel() == "optimizer step"


def test_nothing_to_draw(tmp_path):
    with pytest.raises(DataError, match="holds no metrics to draw"):
        draw_curves(tmp_path / "metrics.jsonl", tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
