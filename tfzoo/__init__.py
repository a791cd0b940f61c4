"""tfzoo: a model zoo for NLP on Keras 3 and TensorFlow."""

from tfzoo._quiet import quiet_import

with quiet_import():
    import keras  # noqa: F401

from tfzoo.errors import ConfigError, DataError, HandleError, TfzooError, WeightsError
from tfzoo.hub import HubLayer
from tfzoo.models import Backbone, BertBackbone, BertLayer
from tfzoo.tasks import (
    BertClassifier,
    BertMaskedLM,
    BertPretrainer,
    BertQuestionAnswerer,
    BertTokenClassifier,
    Classifier,
    MaskedLM,
    QuestionAnswerer,
    Task,
    TokenClassifier,
)
from tfzoo.tokenizers import BertTokenizer, TextPreprocessor
from tfzoo.training import AdamW, WarmupDecay, fine_tuning_optimizer

__all__ = [
    "AdamW",
    "Backbone",
    "BertBackbone",
    "BertClassifier",
    "BertLayer",
    "BertMaskedLM",
    "BertPretrainer",
    "BertQuestionAnswerer",
    "BertTokenClassifier",
    "BertTokenizer",
    "Classifier",
    "ConfigError",
    "DataError",
    "HandleError",
    "HubLayer",
    "MaskedLM",
    "QuestionAnswerer",
    "Task",
    "TextPreprocessor",
    "TfzooError",
    "TokenClassifier",
    "WarmupDecay",
    "WeightsError",
    "fine_tuning_optimizer",
]
