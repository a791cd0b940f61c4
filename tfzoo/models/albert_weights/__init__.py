"""ALBERT's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.albert_weights.google import GOOGLE, HUB1
from tfzoo.models.albert_weights.hub import GARDEN, HUB
from tfzoo.models.albert_weights.huggingface import HUGGINGFACE
from tfzoo.models.albert_weights.presets import PRESETS

FORMATS = {
    "huggingface": HUGGINGFACE,
    "google": GOOGLE,
    "hub": HUB,
    "hub1": HUB1,
    "model_garden": GARDEN,
}

__all__ = ["FORMATS", "PRESETS"]
