"""The loss of a language model in parts equals that over all logits at once, and takes less."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfzoo.layers import token_losses as module
from tfzoo.layers.token_losses import token_losses

TOKENS, HIDDEN, WIDTH = (2, 6), 4, 8


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setattr(module, "_WIDTH", WIDTH)


def case(vocabulary):
    """Hidden states, a table, labels (the first and the last among them) and weights."""
    rng = np.random.default_rng(vocabulary)
    hidden = rng.standard_normal((*TOKENS, HIDDEN)).astype("float32")
    table = rng.standard_normal((vocabulary, HIDDEN)).astype("float32")
    labels = rng.integers(0, vocabulary, TOKENS).astype("int32")
    labels[0, :2] = 0, vocabulary - 1
    weights = rng.random(TOKENS).astype("float32")
    weights[1, 3:] = 0  # padding
    return tuple(map(tf.constant, (hidden, table, labels, weights)))


def in_parts(hidden, table, labels):
    return token_losses(hidden, table, labels)


def at_once(hidden, table, labels):
    logits = ops.matmul(hidden, ops.transpose(table))
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def differentiated(losses, hidden, table, labels, weights):
    """The losses, and the gradients of their weighted sum."""
    with tf.GradientTape() as tape:
        tape.watch([hidden, table])
        each = losses(hidden, table, labels)
        total = tf.reduce_sum(each * weights)
    return each, *tape.gradient(total, [hidden, table])


def compiled(xla):
    return tf.function(differentiated, autograph=False, jit_compile=xla)


@pytest.mark.parametrize("vocabulary", [5, WIDTH, 3 * WIDTH, 2 * WIDTH + 3])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_values_and_gradients(vocabulary, mode):
    inputs = case(vocabulary)
    run = differentiated if mode == "eager" else compiled(mode == "xla")
    found, expected = run(in_parts, *inputs), differentiated(at_once, *inputs)
    for mine, its in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6)


def test_half_precision_is_near():
    inputs = case(2 * WIDTH + 3)
    hidden, table, labels, weights = inputs
    half = tf.cast(hidden, "bfloat16"), tf.cast(table, "bfloat16")
    found = differentiated(in_parts, *half, labels, weights)
    assert [each.dtype for each in found] == [tf.float32, tf.bfloat16, tf.bfloat16]
    for mine, its in zip(found, differentiated(at_once, *inputs), strict=True):
        np.testing.assert_allclose(tf.cast(mine, "float32"), its, atol=0.05)


def test_large_logits_do_not_overflow():
    hidden, table, labels, weights = case(2 * WIDTH + 3)
    found = differentiated(in_parts, 100 * hidden, 100 * table, labels, weights)
    assert all(np.isfinite(each).all() for each in found)


def sizes_in(graph):
    """How many elements the tensors in a graph and in its loops have, where that is known."""
    definition = graph.as_graph_def(add_shapes=True)
    nodes = [*definition.node]
    nodes += [node for function in definition.library.function for node in function.node_def]
    for node in nodes:
        for shape in node.attr["_output_shapes"].list.shape:
            sizes = [dimension.size for dimension in shape.dim]
            if not shape.unknown_rank and -1 not in sizes:
                yield int(np.prod(sizes))


def test_all_logits_are_never_in_memory():
    vocabulary = 6 * WIDTH
    logits = int(np.prod(TOKENS)) * vocabulary

    def largest(losses):
        traced = compiled(xla=False).get_concrete_function(losses, *case(vocabulary))
        return max(sizes_in(traced.graph))

    assert largest(at_once) == logits
    assert largest(in_parts) < logits / 2
