"""One step of training, evaluation and prediction under any `tf.distribute` strategy.

Keras' own steps average the replicas' averages, cannot accumulate gradients under a strategy, and
fail with several workers.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfzoo.layers.dropout import step_seeds
from tfzoo.training.global_mean import global_means, step_totals, weight_of
from tfzoo.training.throughput import step_work

# Among the logs of a train function:
STEP_LOSS = "step_loss"  # of the last step alone
STEP_WORK = "step_work"  # of all steps of the call


def train_step(model: keras.Model, data: Any) -> dict[str, Any]:
    """One optimizer step of a task on a replica's part of a batch.

    The part is computed in `model.accumulation_steps` micro-batches, whose gradients are summed.
    The loss is the mean over all examples, or all tokens, of all replicas, whatever their number.
    Dropout follows from the train function's seed, the optimizer's step, replica and micro-batch.

    Args:
        model: a compiled `tfzoo.tasks.Task`.
        data: `(x, y, sample_weight)`, as `fit` unpacks them.

    Returns:
        The metrics so far, the step's own loss as `STEP_LOSS`, its `step_work` as `STEP_WORK`.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    replica = tf.distribute.get_replica_context()
    count = model.accumulation_steps
    work, totals = replica.all_reduce(
        tf.distribute.ReduceOp.SUM, (step_work(x), model.loss_totals(x, y, sample_weight))
    )
    seed = _folded(
        (model.train_function.seed, 0),
        model.optimizer.iterations,
        replica.replica_id_in_sync_group,
    )

    def gradients_of(piece: Any, index: Any) -> tuple[list, Any]:
        x, y, sample_weight = piece
        with step_seeds(_folded(seed, index)), tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = model._compute_loss(x, y, outputs, sample_weight, training=True) / count
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, model.trainable_weights)
        if replica.num_replicas_in_sync > 1 and model.steps_per_execution > 1:
            # In a loop, replicas can exchange only what has the same shape each time.
            gradients = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
        model.compute_metrics(x, y, outputs, sample_weight)
        return gradients, loss

    whole = (x, y, sample_weight)
    with step_totals(totals, replica.num_replicas_in_sync * count):
        if count == 1:
            gradients, loss = gradients_of(whole, 0)
        else:
            gradients, loss = _accumulated(gradients_of, whole, count, model.trainable_weights)
    loss = replica.all_reduce(tf.distribute.ReduceOp.SUM, loss)
    model._loss_tracker.update_state(loss, sample_weight=work[0])
    model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
    return {**model.get_metrics_result(), STEP_LOSS: loss, STEP_WORK: work}


def test_step(model: keras.Model, data: Any) -> dict[str, Any]:
    """Metrics of a replica's part of a batch, without training.

    Args:
        model: a compiled `tfzoo.tasks.Task`.
        data: `(x, y, sample_weight)`, as `evaluate` unpacks them.

    Returns:
        The metrics so far; each loss averages over all examples, or all tokens, so far.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    outputs = model(x, training=False)
    totals = model.loss_totals(x, y, sample_weight)
    parts, rest = _parts(
        lambda: model._compute_loss(x, y, outputs, sample_weight, training=False), totals
    )
    # A loss of Keras is divided by the number of replicas.
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    means = {name: part * replicas for name, part in parts.items()}
    model._loss_tracker.update_parts(means, totals)
    model._loss_tracker.update_state(rest, sample_weight=_rows(x))
    return model.compute_metrics(x, y, outputs, sample_weight)


def build_metrics(model: keras.Model, spec: Any) -> None:
    """Makes the variables of losses and metrics, outside of all replicas.

    Args:
        model: a compiled model.
        spec: the element spec of its batches, distributed or not.
    """

    def of_one_replica(spec: Any) -> Any:
        return spec._value_specs[0] if hasattr(spec, "_value_specs") else spec

    with model.distribute_strategy.scope():
        model._symbolic_build(data_batch=tf.nest.map_structure(of_one_replica, spec))


def _parts(
    compute_loss: Callable[[], Any], totals: dict[str | None, Any]
) -> tuple[dict[str | None, Any], Any]:
    """What each `GlobalMean` adds to a loss, with all factors, and the rest of the loss.

    A loss is linear in its means: its derivative by a factor of 1 at one of them is what that adds.

    Args:
        compute_loss: returns the loss of a batch.
        totals: name -> what the mean divides by.
    """
    ones = [tf.ones(()) for _ in totals]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(ones)
        scaled = {name: totals[name] / one for name, one in zip(totals, ones, strict=True)}
        with step_totals(scaled, 1):
            loss = compute_loss()
    parts = tape.gradient(loss, ones, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return dict(zip(totals, parts, strict=True)), loss - tf.cast(sum(parts), loss.dtype)


def _accumulated(
    gradients_of: Callable[..., tuple[list, Any]], batch: Any, count: int, weights: list
) -> tuple[list, Any]:
    """Sums of the gradients and losses of the pieces of a batch, one piece at a time."""

    def cut(column: Any, index: Any) -> Any:
        if column is None:
            return None
        rows = column.shape[0]
        if rows is not None and rows % count == 0:  # static shapes, as XLA wants them
            shape = tf.concat([[count, rows // count], tf.shape(column)[1:]], axis=0)
            return tf.ensure_shape(
                tf.reshape(column, shape)[index], [rows // count, *column.shape[1:]]
            )
        rows = tf.shape(column)[0]
        return column[rows * index // count : rows * (index + 1) // count]

    def add(index: Any, gradients: list, loss: Any) -> tuple:
        piece = keras.tree.map_structure(lambda column: cut(column, index), batch)
        new, new_loss = gradients_of(piece, index)
        gradients = [
            total if each is None else total + tf.cast(tf.convert_to_tensor(each), total.dtype)
            for total, each in zip(gradients, new, strict=True)
        ]
        return index + 1, gradients, loss + new_loss

    zeros = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
    _, gradients, loss = tf.while_loop(
        lambda index, *_: index < count, add, (0, zeros, 0.0), parallel_iterations=1
    )
    return gradients, loss


def _rows(x: Any) -> Any:
    return tf.shape(tf.nest.flatten(x)[0])[0]


def _folded(seed: Any, *numbers: Any) -> Any:
    for number in numbers:
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int32))
    return seed


def loss_totals(model: keras.Model, x: Any, sample_weight: Any) -> dict[str | None, Any]:
    """What each loss of a model divides by on a batch; see `GlobalMean`."""
    return {
        name: weight_of(
            loss,
            tf.nest.flatten(x)[0],
            sample_weight.get(name) if isinstance(sample_weight, dict) else sample_weight,
        )
        for name, loss in global_means(model.loss).items()
    }


class StepFunction:
    """Runs a step on what an iterator gives next, on all replicas.

    It is traced once for all batches of a dataset, whatever their shape, so that no result depends
    on which one came first.

    Args:
        model: says how to run it.
        step: `model.train_step` or `model.test_step`.

    Attributes:
        seed: what the step's dropout follows from, an int32 `tf.Variable`.
    """

    def __init__(self, model: keras.Model, step: Callable[[Any], Any]) -> None:
        strategy = model.distribute_strategy
        self.seed = tf.Variable(0, dtype=tf.int32, trainable=False, name="dropout_seed")
        self._traced = model.run_eagerly
        self._steps_per_call = model.steps_per_execution

        def one_step(data: Any) -> Any:
            outputs = strategy.run(step, args=(data,))
            return tf.nest.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], outputs
            )

        def first_steps(iterator: Any, count: Any) -> Any:
            def body(index: Any, work: Any) -> tuple:
                outputs = self._one_step(iterator.get_next())
                return index + 1, work + outputs.get(STEP_WORK, 0.0)

            return tf.while_loop(lambda index, _: index < count, body, (0, tf.zeros(4)))[1]

        self._one_step, self._first_steps = one_step, first_steps
        if not model.run_eagerly:
            self._one_step = tf.function(
                one_step, jit_compile=model.jit_compile, reduce_retracing=True, autograph=False
            )
            self._first_steps = tf.function(first_steps, autograph=False)

    def __call__(self, iterator: Any) -> dict[str, Any]:
        """Metrics after `steps_per_execution` steps, or as many as are left, as Keras wants them.

        Raises:
            StopIteration: the iterator has no more batches.
        """
        outputs = self.run(iterator)
        with contextlib.suppress(StopIteration):
            for _ in range(self._steps_per_call - 1):
                outputs = self.run(iterator)
        return {name: outputs[name] for name in outputs.keys() - {STEP_LOSS, STEP_WORK}}

    def run(self, iterator: Any, count: int = 1) -> dict[str, Any]:
        """What the first replica of this process returns in the last of `count` steps.

        Args:
            iterator: of batches, as many as steps at least.
            count: how many steps are run without coming back to Python.

        Raises:
            StopIteration: the iterator has no more batches.
        """
        if not self._traced and hasattr(iterator, "element_spec"):
            self._one_step.get_concrete_function(iterator.element_spec)
            self._traced = True
        before = self._first_steps(iterator, tf.constant(count - 1)) if count > 1 else 0.0
        outputs = self._one_step(next(iterator))
        if STEP_WORK in outputs:
            outputs[STEP_WORK] += before
        return outputs
