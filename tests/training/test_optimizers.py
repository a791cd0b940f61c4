"""Optimizers against NumPy, AdamW against Keras' own too, and what they leave undecayed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.training import AdamW, WarmupDecay, fine_tuning_optimizer
from tfzoo.training.optimizers import make_optimizer

SETTINGS = [
    {},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3},
    {"clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"amsgrad": True},
    {"use_ema": True, "ema_momentum": 0.5},
]


def make_variables():
    kernel = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    return [keras.Variable(kernel, name="kernel"), keras.Variable(kernel[0], name="bias")]


def dense_gradients():
    rng = np.random.default_rng(1)
    shapes = [(4, 3), (3,)]
    return [[tf.constant(rng.normal(size=s), tf.float32) for s in shapes] for _ in range(5)]


def sparse_gradients(repeated):
    """Gradients of rows 0 and 2 of the table, row 2 twice if `repeated`."""
    rows = [2, 0, 2] if repeated else [2, 0]
    rng = np.random.default_rng(1)
    return [
        [
            tf.IndexedSlices(
                tf.constant(rng.normal(size=(len(rows), 3)), tf.float32),
                tf.constant(rows),
                tf.constant([4, 3]),
            ),
            tf.constant(rng.normal(size=3), tf.float32),
        ]
        for _ in range(4)
    ]


def train(optimizer, steps, graph=False, compiled=False, scale=1.0):
    """The variables after each step."""
    variables, history = make_variables(), []
    for variable in variables:
        variable.assign(scale * variable)
    optimizer.build(variables)

    def apply(gradients):
        optimizer.apply(gradients, variables)

    if graph:
        apply = tf.function(apply, jit_compile=compiled)
    for gradients in steps:
        apply(gradients)
        history.append(np.concatenate([np.ravel(variable) for variable in variables]))
    return np.array(history)


def true_norm(gradients):
    return np.sqrt(sum(np.square(tf.convert_to_tensor(g)).sum() for g in gradients))


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(settings))
def test_equals_keras(settings):
    steps = dense_gradients()
    ours = train(AdamW(0.1, **settings), steps)
    theirs = train(keras.optimizers.AdamW(0.1, **settings), steps)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)  # of steps of about 0.1
    assert np.abs(np.diff(ours, axis=0)).mean() > 0.01


@pytest.mark.parametrize("clipped", [True, False])
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize("repeated", [True, False])
def test_rows_of_an_embedding_equal_a_dense_gradient(repeated, graph, clipped):
    sparse = sparse_gradients(repeated)
    dense = [[tf.convert_to_tensor(gradient) for gradient in step] for step in sparse]
    settings = {"weight_decay": 0.1, "global_clipnorm": 0.5 if clipped else None}
    ours = train(AdamW(0.1, **settings), sparse, graph)
    theirs = train(keras.optimizers.AdamW(0.1, **settings), dense)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_clipping_by_the_norm_of_all_gradients():
    """Adam forgets the scale of a gradient, but a first moment alone remembers it."""
    for step in [*dense_gradients()[:1], *sparse_gradients(repeated=True)[:1]]:
        optimizer, variables = AdamW(0.1, global_clipnorm=0.5), make_variables()
        optimizer.build(variables)
        norm = true_norm(step)
        assert norm > 1
        optimizer.apply(step, variables)
        for gradient, momentum in zip(step, optimizer._momentums, strict=True):
            expected = 0.1 * tf.convert_to_tensor(gradient) * 0.5 / norm
            np.testing.assert_allclose(momentum, expected, rtol=1e-5)


def test_short_gradients_are_not_lengthened():
    variables, step = make_variables(), [0.001 * gradient for gradient in dense_gradients()[0]]
    optimizer = AdamW(0.1, global_clipnorm=0.5)
    optimizer.build(variables)
    optimizer.apply(step, variables)
    np.testing.assert_allclose(optimizer._momentums[0], 0.1 * step[0], rtol=1e-5)


@pytest.mark.parametrize("name", ["adamw", "lamb", "adafactor"])
def test_state_goes_on_where_it_was_saved(name):
    def optimizer():
        return make_optimizer(name, WarmupDecay(0.1, total_steps=8), average=0.9)

    steps = dense_gradients()
    expected = train(optimizer(), steps)
    variables, first = make_variables(), optimizer()
    first.build(variables)
    for step in steps[:2]:
        first.apply(step, variables)
    second = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(first))
    assert second.get_config() == first.get_config()
    second.build(variables)
    state = {}
    first.save_own_variables(state)
    second.load_own_variables(state)
    for step in steps[2:]:
        second.apply(step, variables)
    result = np.concatenate([np.ravel(variable) for variable in variables])
    np.testing.assert_allclose(result, expected[-1], rtol=1e-6)


def test_no_decay_is_kept_in_the_config():
    optimizer = AdamW(0.1, weight_decay=0.1, no_decay=["bias"])
    for each in (optimizer, AdamW.from_config(optimizer.get_config())):
        zero = [tf.zeros((4, 3)), tf.zeros(3)]
        kernel, bias = make_variables()
        each.build([kernel, bias])
        each.apply(zero, [kernel, bias])
        before = make_variables()
        np.testing.assert_allclose(kernel, 0.99 * before[0], rtol=1e-6)
        np.testing.assert_array_equal(bias, before[1])


def adamw_by_hand(weights, gradient, state, step, rate, decay):
    """https://arxiv.org/abs/1711.05101, with the "epsilon hat" of https://arxiv.org/abs/1412.6980."""
    moments_by_hand(gradient, state)
    update = state["m"] / (np.sqrt(state["v"]) + 1e-6)
    update *= np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return weights - rate * update - rate * decay * weights


def lamb_by_hand(weights, gradient, state, step, rate, decay):
    """Algorithm 2 of https://arxiv.org/abs/1904.00962, biases spared."""
    moments_by_hand(gradient, state)
    update = state["m"] / (1 - 0.9**step) / (np.sqrt(state["v"] / (1 - 0.999**step)) + 1e-6)
    update = update + decay * weights
    norm = np.linalg.norm(weights)
    return weights - rate * update * (norm / np.linalg.norm(update) if decay and norm else 1)


def adafactor_by_hand(weights, gradient, state, step, rate, decay):
    """Algorithms 4 and 5 of https://arxiv.org/abs/1804.04235."""
    kept = 1 - step**-0.8
    squares = gradient**2 + 1e-30
    if weights.ndim == 2:
        state["r"] = kept * state.get("r", 0) + (1 - kept) * squares.sum(axis=1)
        state["c"] = kept * state.get("c", 0) + (1 - kept) * squares.sum(axis=0)
        moment = np.outer(state["r"], state["c"]) / state["r"].sum()
    else:
        moment = state["v"] = kept * state.get("v", 0) + (1 - kept) * squares
    update = gradient / np.sqrt(moment)
    update /= max(1, np.sqrt(np.mean(update**2)))
    scale = max(1e-3, np.sqrt(np.mean(weights**2)))
    return weights - rate * (scale * update + decay * weights)


def moments_by_hand(gradient, state):
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2


BY_HAND = {"adamw": adamw_by_hand, "lamb": lamb_by_hand, "adafactor": adafactor_by_hand}


@pytest.mark.parametrize(("compiled", "scale"), [(False, 0.0), (True, 1.0)], ids=["zeros", "xla"])
@pytest.mark.parametrize("name", BY_HAND)
def test_equals_numpy(name, compiled, scale):
    steps, rate, decay = dense_gradients(), 0.1, 0.2
    weights = [scale * variable.numpy().astype(float) for variable in make_variables()]
    states, expected = [{}, {}], []
    for step, gradients in enumerate(steps, start=1):
        weights = [
            BY_HAND[name](value, gradient.numpy(), state, step, rate, decay * (value.ndim == 2))
            for value, gradient, state in zip(weights, gradients, states, strict=True)
        ]
        expected.append(np.concatenate([value.ravel() for value in weights]))
    optimizer = make_optimizer(name, rate, weight_decay=decay, clip_norm=None)
    ours = train(optimizer, steps, graph=True, compiled=compiled, scale=scale)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert (np.diff(ours, axis=0) != 0).all()


@pytest.mark.parametrize("name", BY_HAND)
def test_rows_of_an_embedding_compile(name):
    steps = sparse_gradients(repeated=True)
    plain, compiled = (
        train(make_optimizer(name, 0.1), steps, graph=True, compiled=compiled)
        for compiled in (False, True)
    )
    np.testing.assert_allclose(compiled, plain, atol=1e-5)


def test_adafactor_keeps_rows_and_columns_alone():
    optimizer = make_optimizer("adafactor", 0.1)
    optimizer.build(make_variables())
    shapes = [tuple(variable.shape) for variable in optimizer.variables]
    assert shapes == [(), (), (4,), (3,), (3,)]  # after the step and the rate


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "adam"}, "There is no optimizer 'adam'"),
        ({"average": 1.0}, "average is 1.0"),
        ({"layer_decay": 0.0}, "layer_decay is 0.0"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"weight_decay": float("nan")}, "weight_decay is nan"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"beta_2": 1.0}, "beta_2 is 1.0"),
        ({"epsilon": 0.0}, "epsilon is 0.0"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_optimizer(**{"name": "adamw", "learning_rate": 0.1, **settings})


def test_fine_tuning_spares_norms_and_biases(tiny_bert):
    optimizer, backbone = fine_tuning_optimizer(), tiny_bert()
    decayed = {v.path for v in backbone.weights if optimizer._use_weight_decay(v.value)}
    matrices = {v.path for v in backbone.weights if v.path.endswith(("kernel", "embeddings"))}
    assert decayed == matrices
    assert len(matrices) == 3 + 2 * 4 + 1
    assert optimizer.global_clipnorm == 1.0


def test_names_of_layers_do_not_spare_a_kernel():
    """A layer may be called anything; only the name of the variable itself counts."""
    layer = keras.layers.Dense(2, name="unbiased")
    layer.build((None, 3))
    assert fine_tuning_optimizer()._use_weight_decay(layer.kernel.value)
    assert not fine_tuning_optimizer()._use_weight_decay(layer.bias.value)
