"""Which dtype policy is chosen for which device."""

import keras
import pytest
import tensorflow as tf

from tfzoo.errors import ConfigError
from tfzoo.training import choose_precision, precision


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A function that pretends that the process runs on a machine of some kind."""

    def pretend(devices=("cpu:0",), flags="fpu avx512f", capability=None):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"processor : 0\nflags\t\t: {flags}\n")
        gpus = [] if capability is None else ["gpu"]
        details = {"compute_capability": capability}
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: list(devices))
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
        monkeypatch.setattr(precision, "Path", lambda name: cpuinfo)

    return pretend


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_named_precision_is_taken(name, machine):
    machine()
    assert choose_precision(name) == name


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx512f", "float32"),
        ("fpu avx512_bf16", "mixed_bfloat16"),
        ("amx_bf16 fpu", "mixed_bfloat16"),
        ("fpu not_avx512_bf16_really", "float32"),
    ],
)
def test_processor(machine, flags, expected):
    machine(flags=flags)
    assert choose_precision() == expected


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 5), "float32"), ((8, 0), "mixed_bfloat16"), ((12, 0), "mixed_bfloat16")],
)
def test_graphics_card(machine, capability, expected):
    """A card decides, whatever the processor."""
    machine(capability=capability, flags="avx512_bf16" if expected == "float32" else "fpu")
    assert choose_precision("auto") == expected


def test_tpu(machine):
    machine(devices=["tpu:0"])
    assert choose_precision() == "mixed_bfloat16"


def test_machine_without_cpuinfo(machine, monkeypatch, tmp_path):
    machine()
    monkeypatch.setattr(precision, "Path", lambda name: tmp_path / "absent")
    assert choose_precision() == "float32"


def test_other_name():
    with pytest.raises(ConfigError, match="precision is 'bf16'; choose one of auto, float32"):
        choose_precision("bf16")
