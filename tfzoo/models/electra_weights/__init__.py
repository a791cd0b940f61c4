"""ELECTRA's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.electra_weights.google import GOOGLE
from tfzoo.models.electra_weights.huggingface import HUGGINGFACE
from tfzoo.models.electra_weights.presets import PRESETS

FORMATS = {"huggingface": HUGGINGFACE, "google": GOOGLE}

__all__ = ["FORMATS", "PRESETS"]
