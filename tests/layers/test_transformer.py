"""The stack: order of norms, shared parameters, cache, and recomputation with dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfzoo.layers import TransformerLayer, TransformerStack
from tfzoo.layers.masks import attention_bias

SHAPE = (2, 5, 8)
X = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
PADDING = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def make_stack(num_layers=2, **kwargs):
    keras.utils.set_random_seed(0)
    stack = TransformerStack(num_layers, num_heads=2, intermediate_dim=16, **kwargs)
    stack.build(SHAPE)
    for variable in stack.weights:
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.2))
    return stack


@pytest.mark.parametrize("norm_first", [False, True])
def test_order_of_the_norms(norm_first):
    layer = TransformerLayer(2, 16, norm_first=norm_first, layer_norm_epsilon=1e-3)
    layer.build(SHAPE)
    for variable in layer.weights:
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.3))
    attention, first, second = layer.attention, layer.attention_norm, layer.output_norm

    def feed_forward(x):
        return layer.output_dense(layer.intermediate(x))

    if norm_first:
        middle = X + attention(first(X))
        expected = middle + feed_forward(second(middle))
    else:
        middle = first(X + attention(X))
        expected = second(middle + feed_forward(middle))
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_stack_with_norm_first_normalizes_the_last_output_once_more():
    stack = make_stack(norm_first=True)
    first = stack.layers[0](X)
    np.testing.assert_allclose(stack(X)[0], first, atol=1e-5)
    expected = stack.final_norm(stack.layers[1](first))
    np.testing.assert_allclose(stack(X)[1], expected, atol=1e-5)
    assert not hasattr(make_stack(), "final_norm")


def test_shared_parameters_are_one_set_whose_gradient_is_the_sum():
    shared, apart = make_stack(num_groups=1), make_stack()
    assert len(shared.weights) == len(apart.weights) // 2
    for layer in apart.layers:
        layer.set_weights(shared.groups[0].get_weights())
    np.testing.assert_allclose(shared(X)[-1], apart(X)[-1], atol=1e-6)

    def gradients(stack, layers):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(stack(X)[-1] ** 2 * X)
        variables = [[v.value for v in layer.trainable_variables] for layer in layers]
        return tape.gradient(loss, variables)

    (ours,) = gradients(shared, shared.groups)
    first, second = gradients(apart, apart.layers)
    for got, a, b in zip(ours, first, second, strict=True):
        assert tf.reduce_max(abs(b)) > 1e-3 * tf.reduce_max(abs(a))
        np.testing.assert_allclose(got, a + b, rtol=1e-3, atol=1e-4)


def test_groups_are_consecutive():
    stack = make_stack(num_layers=6, num_groups=2)
    assert [stack.groups.index(layer) for layer in stack.layers] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("options", [{}, {"norm_first": True}, {"num_groups": 1}])
def test_cache_equals_no_cache(options):
    stack, length = make_stack(**options), SHAPE[1]
    expected = stack(X, bias=attention_bias(causal=True, key_length=length))[-1]
    cache, outputs = [[ops.zeros((2, 2, length, 4))] * 2] * 2, []
    for column in range(length):
        bias = attention_bias(causal=True, key_length=length, query_length=1, query_start=column)
        step, cache = stack(X[:, column : column + 1], bias, cache, cache_index=column)
        outputs.append(step[-1])
    np.testing.assert_allclose(ops.concatenate(outputs, axis=1), expected, atol=1e-5)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
def test_recomputation_keeps_loss_and_gradients_with_dropout(graph, padded):
    bias = attention_bias(PADDING) if padded else None

    def loss_and_gradients(rematerialize):
        stack = make_stack(dropout=0.4, rematerialize=rematerialize)
        for layer in stack.layers:
            layer.seed_generator.state.assign([7, 0])
        x = tf.Variable(X)

        def step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(stack(x, bias, training=True)[-1] ** 2 * X)
            return loss, tape.gradient(loss, [x, *(v.value for v in stack.trainable_variables)])

        return (tf.function(step) if graph else step)()

    loss, gradients = loss_and_gradients(rematerialize=False)
    again, recomputed = loss_and_gradients(rematerialize=True)
    assert abs(again - loss) < 1e-4
    assert len(gradients) == 1 + 2 * 12
    for plain, other in zip(gradients, recomputed, strict=True):
        assert tf.reduce_max(abs(plain)) > 0
        np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-4)


def test_recomputation_happens():
    """The layer runs once more when the gradient is taken."""
    stack, runs = make_stack(num_layers=1, rematerialize=True), []
    layer = stack.layers[0]
    run = layer._transform
    layer._transform = lambda *args, **kwargs: runs.append(1) or run(*args, **kwargs)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(stack(X)[-1])
    assert len(runs) == 1
    tape.gradient(loss, [variable.value for variable in stack.trainable_variables])
    assert len(runs) == 2


def test_dropout_needs_training():
    stack = make_stack(dropout=0.5)
    np.testing.assert_array_equal(stack(X)[-1], stack(X, training=False)[-1])
    first, second = stack(X, training=True)[-1], stack(X, training=True)[-1]
    assert tf.reduce_max(abs(first - second)) > 0.1


@pytest.mark.parametrize("rematerialize", [False, True])
def test_attention_probabilities_of_every_layer(rematerialize):
    stack = make_stack(dropout=0.5, rematerialize=rematerialize)
    bias = attention_bias(PADDING)
    outputs, probabilities = stack(X, bias=bias, return_probabilities=True)
    np.testing.assert_array_equal(outputs, stack(X, bias=bias))
    for layer, x, found in zip(stack.layers, [X, outputs[0]], probabilities, strict=True):
        _, expected = layer.attention(x, bias=bias, return_probabilities=True)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    dropped = stack.layers[0](X, bias=bias, return_probabilities=True, training=True)
    np.testing.assert_allclose(dropped[1], probabilities[0], atol=1e-6)  # before dropout
    assert not np.allclose(dropped[0], outputs[0])


def test_cache_and_attention_probabilities():
    stack = make_stack()
    cache = [[ops.zeros((2, 2, 5, 4))] * 2] * 2
    outputs, cached, probabilities = stack(X, cache=cache, cache_index=0, return_probabilities=True)
    assert np.shape(cached) == np.shape(cache)
    expected = stack(X, return_probabilities=True)
    np.testing.assert_allclose(outputs[-1], expected[0][-1], atol=1e-5)
    np.testing.assert_allclose(probabilities[-1], expected[1][-1], atol=1e-5)
