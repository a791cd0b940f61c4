"""ALBERT's published weights.

Version 2 is what TensorFlow's own modules on TF-Hub hold, version 1 the first of Google's modules.
"""

from typing import Any

from tfzoo.weights.family import Preset


def _sizes(layers: int, hidden: int, heads: int) -> dict[str, Any]:
    return {
        "vocabulary_size": 30000,
        "num_layers": layers,
        "num_heads": heads,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
        "embedding_dim": 128,
    }


def _preset(name: str, sizes: dict[str, Any]) -> Preset:
    return Preset(f"https://tfhub.dev/{name}", "Apache-2.0", True, sizes)


_BASE, _LARGE = _sizes(12, 768, 12), _sizes(24, 1024, 16)
_XLARGE, _XXLARGE = _sizes(24, 2048, 16), _sizes(12, 4096, 64)

PRESETS = {
    "albert_base_v1": _preset("google/albert_base/1", {**_BASE, "dropout": 0.1}),
    "albert_large_v1": _preset("google/albert_large/1", {**_LARGE, "dropout": 0.1}),
    "albert_xlarge_v1": _preset("google/albert_xlarge/1", {**_XLARGE, "dropout": 0.1}),
    "albert_xxlarge_v1": _preset("google/albert_xxlarge/1", _XXLARGE),
    "albert_base_v2": _preset("tensorflow/albert_en_base/3", _BASE),
    "albert_large_v2": _preset("tensorflow/albert_en_large/3", _LARGE),
    "albert_xlarge_v2": _preset("tensorflow/albert_en_xlarge/3", _XLARGE),
    "albert_xxlarge_v2": _preset("tensorflow/albert_en_xxlarge/3", _XXLARGE),
}
