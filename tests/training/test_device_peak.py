"""What a bare matrix product reaches."""

import tensorflow as tf

from tfzoo.training import device_peak
from tfzoo.training.device_peak import measure_peak, peak_of


def test_the_peak_is_that_of_the_fastest_product_and_measured_once(monkeypatch):
    seen = []

    def seconds_of_product(matrix):
        seen.append(matrix)
        return 1.0 if len(seen) < 3 else 1e-3

    monkeypatch.setattr(device_peak, "_seconds_of_product", seconds_of_product)
    monkeypatch.setattr(device_peak, "_LARGEST", 512)
    measure_peak.cache_clear()
    peak = measure_peak("float32", seconds=0.1)
    assert {matrix.shape[0] for matrix in seen} == {256, 512}
    assert peak == 2 * 512**3 / 1e-3
    count = len(seen)
    assert measure_peak("float32", seconds=0.1) == peak
    assert len(seen) == count
    measure_peak.cache_clear()


def test_a_strategy_has_the_peaks_of_its_devices(monkeypatch):
    monkeypatch.setattr(device_peak, "measure_peak", {"bfloat16": 7.0}.__getitem__)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    assert peak_of(strategy, "bfloat16") == 7.0
    monkeypatch.setattr(device_peak, "num_workers", lambda strategy: 3)
    assert peak_of(strategy, "bfloat16") == 21.0
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["a GPU"])
    assert peak_of(strategy, "bfloat16") == 7.0  # one replica
