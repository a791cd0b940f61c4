"""AdamW against Keras' own and against NumPy, and what fine-tuning leaves undecayed."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.training import AdamW, WarmupDecay, fine_tuning_optimizer

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


def train(optimizer, steps, graph=False):
    """The variables after each step."""
    variables, history = make_variables(), []
    optimizer.build(variables)

    def apply(gradients):
        optimizer.apply(gradients, variables)

    if graph:
        apply = tf.function(apply)
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


def test_state_goes_on_where_it_was_saved(tmp_path):
    steps = dense_gradients()
    expected = train(AdamW(WarmupDecay(0.1, total_steps=8), weight_decay=0.1), steps)
    variables = make_variables()
    first = AdamW(WarmupDecay(0.1, total_steps=8), weight_decay=0.1)
    first.build(variables)
    for step in steps[:2]:
        first.apply(step, variables)
    second = AdamW.from_config(first.get_config())
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


REPLICAS = """
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import subprocess
import sys

import keras
import numpy as np
import tfzoo
from tfzoo.training import AdamW, WarmupDecay

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]


def train(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        backbone = tfzoo.BertBackbone(
            vocabulary_size=8, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=32,
            dropout=0.0, max_sequence_length=8,
        )
        model = tfzoo.BertClassifier(
            backbone, preprocessor=tfzoo.TextPreprocessor(tfzoo.BertTokenizer(words), 8), dropout=0
        )
        schedule = WarmupDecay(0.01)
        model.compile(AdamW(schedule, weight_decay=0.1, no_decay=["bias"], global_clipnorm=0.1))
    texts = ["good film", "bad film", "bad", "good good"] * 2
    model.fit(texts, [1, 0, 0, 1] * 2, batch_size=4, shuffle=False, verbose=0)
    return model.get_weights()


one = train(tf.distribute.get_strategy())
two = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
for a, b in zip(one, two, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
"""


def test_two_replicas_equal_one():
    run = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
