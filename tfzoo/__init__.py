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

__all__ = [
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
    "WeightsError",
]
