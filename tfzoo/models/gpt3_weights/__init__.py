"""GPT-3's sizes; its weights are not published."""

from tfzoo.models.gpt3_weights.presets import PRESETS

FORMATS = {}

__all__ = ["FORMATS", "PRESETS"]
