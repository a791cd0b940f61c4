"""One file per task, for every backbone that fits it."""

from tfzoo.tasks.classifier import BertClassifier, Classifier
from tfzoo.tasks.masked_lm import BertMaskedLM, MaskedLM
from tfzoo.tasks.pretrainer import BertPretrainer
from tfzoo.tasks.task import Task

__all__ = [
    "BertClassifier",
    "BertMaskedLM",
    "BertPretrainer",
    "Classifier",
    "MaskedLM",
    "Task",
]
