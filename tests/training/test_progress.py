"""What a terminal and a log file see of a `fit`."""

import io

import keras
import numpy as np
import pytest

from tfzoo.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def fit(model, stream, epochs=2):
    x = np.linspace(0, 1, 10)[:, None]
    progress = Progress(examples=len(x), stream=stream)
    return model.fit(
        x, x, batch_size=4, epochs=epochs, validation_data=(x, x), callbacks=[progress], verbose=0
    )


def test_a_terminal_gets_a_bar_and_a_line_per_epoch(model):
    stream = Terminal()
    history = fit(model, stream).history
    states = stream.getvalue().replace("\n", "\r").split("\r")
    assert any("0/20 [" in state for state in states)
    last = [state for state in states if "20/20 [" in state][-1]
    assert last.startswith("epoch 2/2: 100%|")
    assert "examples/s" in last
    assert f"loss={history['loss'][-1]:.3g}, mae={history['mae'][-1]:.3g}" in last
    assert f"epoch 1/2: loss {history['loss'][0]:.4f}, val_loss" in stream.getvalue()


def test_a_file_gets_whole_lines(model, monkeypatch):
    monkeypatch.setitem(_as_lines(), "mininterval", 0)
    monkeypatch.setitem(_as_lines(), "delay", 0)
    stream = io.StringIO()
    history = fit(model, stream).history
    assert "\r" not in stream.getvalue()
    lines = stream.getvalue().splitlines()
    states = [line for line in lines if line.endswith(" left")]
    assert states
    assert all(" examples/s" in line for line in states)
    assert lines[-1].startswith(f"epoch 2/2: loss {history['loss'][1]:.4f}, val_loss ")
    assert len(lines) == len(states) + 2


def test_a_file_gets_no_line_before_its_time(model):
    stream = io.StringIO()
    fit(model, stream)
    assert [line[:11] for line in stream.getvalue().splitlines()] == ["epoch 1/2: ", "epoch 2/2: "]


def test_speed_learning_rate_and_remaining_time_of_a_resumed_fit(model, monkeypatch):
    monkeypatch.setattr("tfzoo.training.progress._SECONDS_BETWEEN_RATES", 0)
    rates = {"examples_per_second": 4, "tokens_per_second": 1234, "peak_share": 0.61}
    monkeypatch.setattr("tfzoo.training.throughput.Throughput.rates", lambda self: rates)
    stream = Terminal()
    progress = Progress(examples=1000, stream=stream)
    progress.set_model(model)
    progress.set_params({"epochs": 4, "steps": 10})
    progress.on_train_begin()
    progress.on_epoch_begin(2)
    for batch in (4, 5):  # the sixth step follows the first that is seen
        progress.on_train_batch_end(batch, {"loss": 0.5})
    bar = progress._bar
    assert (bar.initial, bar.n) == (2500, 2600)
    bar.refresh()
    progress.on_epoch_end(2, {"loss": 0.5})
    assert bar.n == 3000
    progress.close()
    state = stream.getvalue().split("\r")
    assert "learning rate=0.01, tokens/s=1.23k, of peak=61%" in "".join(state)


def test_batches_that_nobody_has_counted_move_the_bar_when_the_epoch_is_over(model):
    progress = Progress(examples=10, stream=Terminal())
    progress.set_model(model)
    progress.set_params({"epochs": 1, "steps": None})
    progress.on_train_begin()
    progress.on_epoch_begin(0)
    progress.on_train_batch_end(0, {"loss": 0.5})
    assert progress._bar.n == 0
    progress.on_epoch_end(0, {"loss": 0.5})
    assert progress._bar.n == 10
    progress.close()


def test_an_interrupted_bar_can_be_closed(model):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    stream = Terminal()
    progress = Progress(examples=4, stream=stream)
    with pytest.raises(KeyboardInterrupt):
        model.fit(np.ones((4, 1)), np.ones(4), callbacks=[progress, Interrupt()], verbose=0)
    progress.close()
    assert stream.getvalue().endswith("\n")
    Progress(examples=4).close()  # one that never began


def _as_lines():
    from tfzoo.training import progress

    return progress._AS_LINES
