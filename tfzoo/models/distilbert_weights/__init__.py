"""DistilBERT's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.distilbert_weights.huggingface import HUGGINGFACE
from tfzoo.models.distilbert_weights.presets import PRESETS

FORMATS = {"huggingface": HUGGINGFACE}

__all__ = ["FORMATS", "PRESETS"]
