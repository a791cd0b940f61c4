"""Layer normalization against NumPy."""

import numpy as np
import pytest
from keras import ops

from tfzoo.layers import LayerNormalization


@pytest.mark.parametrize("epsilon", [1e-12, 0.1])
def test_equals_numpy(epsilon):
    x = np.random.default_rng(0).normal(3, 0.5, (2, 3, 8))
    layer = LayerNormalization(epsilon)
    layer.build(x.shape)
    layer.gamma.assign(np.arange(8))
    layer.beta.assign(np.arange(8)[::-1])
    centered = x - x.mean(axis=-1, keepdims=True)
    expected = centered / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    expected = expected * np.arange(8) + np.arange(8)[::-1]
    np.testing.assert_allclose(layer(x.astype("float32")), expected, atol=1e-5)


def test_half_precision_is_only_at_the_borders():
    """A mean far from zero leaves nothing of the variance where it is computed in bfloat16."""
    x = ops.cast(256 + 2 * ops.arange(8.0)[None], "bfloat16")  # exact in bfloat16
    layer = LayerNormalization(dtype="mixed_bfloat16")
    output = layer(x)
    assert output.dtype == "bfloat16"
    assert layer.gamma.dtype == "float32"
    expected = (np.arange(8) - 3.5) / np.arange(8).std()
    np.testing.assert_allclose(ops.cast(output[0], "float32"), expected, atol=0.01)


def test_constant_row_gives_beta():
    assert not ops.any(LayerNormalization()(ops.zeros((1, 4))))
