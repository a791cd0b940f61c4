"""One file per task, for every backbone that fits it."""

from tfzoo.tasks.classifier import BertClassifier, Classifier
from tfzoo.tasks.masked_lm import BertMaskedLM, MaskedLM
from tfzoo.tasks.pretrainer import BertPretrainer
from tfzoo.tasks.question_answerer import BertQuestionAnswerer, QuestionAnswerer
from tfzoo.tasks.task import Task
from tfzoo.tasks.token_classifier import BertTokenClassifier, TokenClassifier

__all__ = [
    "BertClassifier",
    "BertMaskedLM",
    "BertPretrainer",
    "BertQuestionAnswerer",
    "BertTokenClassifier",
    "Classifier",
    "MaskedLM",
    "QuestionAnswerer",
    "Task",
    "TokenClassifier",
]
