"""GPT's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.gpt_weights.huggingface import HUGGINGFACE
from tfzoo.models.gpt_weights.openai import OPENAI
from tfzoo.models.gpt_weights.presets import PRESETS

FORMATS = {"huggingface": HUGGINGFACE, "openai": OPENAI}

__all__ = ["FORMATS", "PRESETS"]
