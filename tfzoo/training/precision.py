"""Which dtype policy suits the device."""

from pathlib import Path

import keras

from tfzoo.errors import ConfigError

_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
_CHOICES = ("auto", "float32", "mixed_bfloat16")


def choose_precision(name: str = "auto") -> str:
    """The dtype policy for a name; "auto" decides from the device.

    bfloat16 products run about twice as fast as float32 ones on TPUs, on GPUs since Ampere, and on
    CPUs with `avx512_bf16` or AMX, and slower on others.

    Args:
        name: "auto", "float32" or "mixed_bfloat16".

    Raises:
        ConfigError: another name.

    Example:

    >>> choose_precision("float32")
    'float32'
    """
    if name not in _CHOICES:
        raise ConfigError(f"precision is {name!r}; choose one of {', '.join(_CHOICES)}.")
    if name != "auto":
        return name
    return "mixed_bfloat16" if _has_fast_bfloat16() else "float32"


def _has_fast_bfloat16() -> bool:
    devices = " ".join(keras.distribution.list_devices()).lower()
    if "tpu" in devices:
        return True
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            return details.get("compute_capability", (0, 0)) >= (8, 0)
    elif "gpu" in devices or "cuda" in devices:
        return True
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and bool(_CPU_FLAGS & set(cpuinfo.read_text().split()))
