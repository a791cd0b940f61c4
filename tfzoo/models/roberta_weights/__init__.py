"""RoBERTa's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.roberta_weights.huggingface import HUGGINGFACE, PADDING_ID
from tfzoo.models.roberta_weights.presets import PRESETS

FORMATS = {"huggingface": HUGGINGFACE}

__all__ = ["FORMATS", "PADDING_ID", "PRESETS"]
