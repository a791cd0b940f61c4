"""tfzoo: a model zoo for NLP on Keras 3 and TensorFlow."""

from tfzoo._quiet import quiet_import

with quiet_import():
    import keras  # noqa: F401

from tfzoo.errors import ConfigError, DataError, HandleError, TfzooError, WeightsError
from tfzoo.models import Backbone, BertBackbone
from tfzoo.tasks import (
    BertClassifier,
    BertMaskedLM,
    BertPretrainer,
    Classifier,
    MaskedLM,
    Task,
)
from tfzoo.tokenizers import BertTokenizer, TextPreprocessor
from tfzoo.training import AdamW, WarmupDecay, fine_tuning_optimizer

__all__ = [
    "AdamW",
    "Backbone",
    "BertBackbone",
    "BertClassifier",
    "BertMaskedLM",
    "BertPretrainer",
    "BertTokenizer",
    "Classifier",
    "ConfigError",
    "DataError",
    "HandleError",
    "MaskedLM",
    "Task",
    "TextPreprocessor",
    "TfzooError",
    "WarmupDecay",
    "WeightsError",
    "fine_tuning_optimizer",
]
