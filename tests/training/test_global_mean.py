"""The mean of the pieces of a batch is the mean of the batch."""

import keras
import numpy as np
import pytest

from tfzoo.errors import ConfigError
from tfzoo.training.global_mean import GlobalMean, global_means, step_totals, weight_of, wrapped

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(size=(7, 3)).astype("float32"), RNG.integers(0, 3, 7)
WEIGHTS = np.array([0, 0, 0.5, 1, 2, 0, 3], "float32")
PIECES = [slice(0, 2), slice(2, 3), slice(3, 3), slice(3, 7)]  # one of weight 0, one of no rows


def cross_entropy(reduction):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "mean_with_sample_weight"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_pieces_average_to_the_whole(reduction, weights):
    plain = cross_entropy(reduction)
    loss = GlobalMean(plain)
    whole = float(plain(LABELS, LOGITS, weights))
    assert float(loss(LABELS, LOGITS, weights)) == whole  # outside of a step
    total = weight_of(plain, LOGITS, weights)
    with step_totals({None: total}, len(PIECES)):
        parts = [
            float(loss(LABELS[p], LOGITS[p], None if weights is None else weights[p]))
            for p in PIECES
        ]
    assert np.mean(parts) == pytest.approx(whole, 1e-5)
    assert parts[2] == 0
    assert float(loss(LABELS, LOGITS, weights)) == whole


def test_a_step_without_any_weight_has_no_loss():
    loss = GlobalMean(cross_entropy("mean_with_sample_weight"))
    with step_totals({None: 0.0}, 2):
        assert float(loss(LABELS, LOGITS, 0 * WEIGHTS)) == 0


def test_each_output_has_its_own_total():
    losses = wrapped({"a": "mse", "b": cross_entropy("mean"), "c": None}, in_pieces=True)
    assert losses["c"] is None
    assert [losses[name].output for name in "ab"] == ["a", "b"]
    with step_totals({"a": 4.0, "b": 14.0}, 1):
        a, b = losses["a"]([[1.0]], [[3.0]]), losses["b"](LABELS, LOGITS)
    assert float(a) == pytest.approx(4 / 4)
    assert float(b) == pytest.approx(float(losses["b"](LABELS, LOGITS)) / 2)


def test_what_compile_takes_is_wrapped_once():
    def difference(y_true, y_pred):
        return keras.ops.abs(y_true - y_pred)[:, 0]

    assert wrapped(None, True) is None
    loss = wrapped(wrapped(difference, True), True)
    assert float(loss(np.array([[1.0], [2.0]]), np.array([[1.5], [3.5]]))) == 1
    assert loss.name == "difference"
    assert not isinstance(loss.loss, GlobalMean)
    with pytest.raises(ConfigError, match=r"has the reduction 'sum'; .* one that averages"):
        wrapped(keras.losses.MeanSquaredError(reduction="sum"), True)


def test_whole_steps_need_it_where_weights_count():
    losses = {name: cross_entropy(name) for name in ("mean", "sum", "mean_with_sample_weight")}
    found = wrapped({**losses, "string": "mse", "none": None}, in_pieces=False)
    assert list(global_means(found)) == ["mean_with_sample_weight"]
    assert found["sum"] is losses["sum"]
    assert (found["string"], found["none"]) == ("mse", None)
    assert list(global_means(wrapped(losses["mean_with_sample_weight"], False))) == [None]


def test_it_is_saved_with_the_loss_inside():
    loss = GlobalMean(cross_entropy("mean_with_sample_weight"), "masked_lm")
    config = keras.saving.serialize_keras_object(loss)
    same = keras.saving.deserialize_keras_object(config)
    assert (same.output, same.reduction) == ("masked_lm", "mean_with_sample_weight")
    expected = loss(LABELS, LOGITS, WEIGHTS)
    assert float(same(LABELS, LOGITS, WEIGHTS)) == float(expected)
