"""GPT-2's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.gpt2_weights.huggingface import HUGGINGFACE
from tfzoo.models.gpt2_weights.keras_hub import KERAS_HUB
from tfzoo.models.gpt2_weights.openai import OPENAI
from tfzoo.models.gpt2_weights.presets import PRESETS

FORMATS = {"huggingface": HUGGINGFACE, "keras_hub": KERAS_HUB, "openai": OPENAI}

__all__ = ["FORMATS", "PRESETS"]
