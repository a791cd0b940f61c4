"""BERT's weights elsewhere: in each format its configuration and its names."""

from tfzoo.models.bert_weights.google import GOOGLE, HUB1
from tfzoo.models.bert_weights.hub import GARDEN, HUB
from tfzoo.models.bert_weights.huggingface import HUGGINGFACE
from tfzoo.models.bert_weights.keras_hub import KERAS_HUB
from tfzoo.models.bert_weights.presets import PRESETS

FORMATS = {
    "huggingface": HUGGINGFACE,
    "google": GOOGLE,
    "keras_hub": KERAS_HUB,
    "hub": HUB,
    "hub1": HUB1,
    "model_garden": GARDEN,
}

__all__ = ["FORMATS", "PRESETS"]
