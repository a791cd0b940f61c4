"""The loop of `fit`: epochs of steps that can start anywhere, under any strategy."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfzoo.errors import TrainingError
from tfzoo.training.averaging import averaged_weights
from tfzoo.training.batches import Batches
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.session import Position, Session
from tfzoo.training.steps import STEP_LOSS, STEP_WORK, build_metrics


def train(
    model: keras.Model,
    data: tf.data.Dataset,
    *,
    epochs: int,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    evaluate: Callable[[int, Any], dict[str, Any]],
    callbacks: Any = None,
    verbose: Any = "auto",
    checkpoints: Checkpoints | None = None,
    seed: int,
) -> keras.callbacks.History:
    """Trains a task as `keras.Model.fit` does, or goes on where a checkpoint was written.

    Args:
        model: a compiled `tfzoo.tasks.Task`.
        data: batches of all replicas together, in another order each time they are iterated.
        epochs, initial_epoch, callbacks, verbose: those of `keras.Model.fit`.
        steps_per_epoch: None for one pass over the data.
        evaluate: given an epoch and the callbacks, metrics on validation data, empty for none.
        checkpoints: where to write them, and to find the one to go on from.
        seed: what data and dropout follow from.

    Raises:
        TrainingError: the loss is not finite.
        TrainingStoppedError: SIGTERM came, and a checkpoint is written.
    """
    count = int(data.cardinality())
    distributed = model.distribute_strategy.experimental_distribute_dataset(data)
    batches = Batches(distributed, count if count >= 0 else None)
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=steps_per_epoch or batches.count,
            model=model,
        )
    model.stop_training = False
    model.make_train_function()
    model.train_function.seed.assign(seed)
    if checkpoints is not None or model._distribute_strategy is not None:
        build_metrics(model, data.element_spec)
    callbacks.on_train_begin()
    start, logs = Position(initial_epoch), None
    with contextlib.ExitStack() as stack:
        session = None
        if checkpoints is not None:
            session = stack.enter_context(Session(checkpoints, model, callbacks, seed))
            if found := checkpoints.newest():
                start = session.restore(*found)
            session.check_all_start_alike()
            batches.skip(start.passes, start.offset)
        for epoch in range(start.epoch, epochs):
            first = start.step if epoch == start.epoch else 0
            if model.stop_training and not first:
                break
            callbacks.on_epoch_begin(epoch)
            if not first:
                model.reset_metrics()
            _run_epoch(model, batches, Position(epoch, first), steps_per_epoch, callbacks, session)
            logs = model.get_metrics_result()
            with averaged_weights(model):
                logs |= evaluate(epoch, callbacks)
                callbacks.on_epoch_end(epoch, logs)
            if session:
                here = Position(epoch + 1, 0, batches.passes, batches.offset)
                session.after_epoch(here, logs)
    model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    return model.history


def _run_epoch(
    model: keras.Model,
    batches: Batches,
    start: Position,
    steps_per_epoch: int | None,
    callbacks: Any,
    session: Session | None,
) -> None:
    """Runs the steps of an epoch that are left."""
    step, last = start.step, steps_per_epoch or math.inf
    while step < last and not model.stop_training:
        if step and not steps_per_epoch and not batches.offset:
            break  # the pass is over
        callbacks.on_train_batch_begin(step)
        try:
            most = min(model.steps_per_execution, last - step)
            logs, done = batches.run(model.train_function.run, most)
        except StopIteration:
            continue
        step += done
        model.step_loss = float(logs.pop(STEP_LOSS))
        model.step_work = logs.pop(STEP_WORK).numpy()
        if not math.isfinite(model.step_loss):
            raise TrainingError(
                f"The loss is {model.step_loss} at step {step} of epoch {start.epoch + 1}; lower "
                "the learning rate, clip gradients, or look at that batch."
                + (f" {session.last}" if session else "")
            )
        callbacks.on_train_batch_end(step - 1, logs)
        if session:
            session.after_step(Position(start.epoch, step, batches.passes, batches.offset))
