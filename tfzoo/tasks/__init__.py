"""One file per task, for every backbone that fits it."""

from tfzoo.tasks.classifier import (
    AlbertClassifier,
    BertClassifier,
    Classifier,
    DistilBertClassifier,
    ElectraClassifier,
    RobertaClassifier,
)
from tfzoo.tasks.electra_pretrainer import ElectraPretrainer
from tfzoo.tasks.masked_lm import (
    AlbertMaskedLM,
    BertMaskedLM,
    DistilBertMaskedLM,
    ElectraMaskedLM,
    MaskedLM,
    RobertaMaskedLM,
)
from tfzoo.tasks.pretrainer import AlbertPretrainer, BertPretrainer
from tfzoo.tasks.question_answerer import (
    AlbertQuestionAnswerer,
    BertQuestionAnswerer,
    DistilBertQuestionAnswerer,
    ElectraQuestionAnswerer,
    QuestionAnswerer,
    RobertaQuestionAnswerer,
)
from tfzoo.tasks.task import Task
from tfzoo.tasks.token_classifier import (
    AlbertTokenClassifier,
    BertTokenClassifier,
    DistilBertTokenClassifier,
    ElectraTokenClassifier,
    RobertaTokenClassifier,
    TokenClassifier,
)

__all__ = [
    "AlbertClassifier",
    "AlbertMaskedLM",
    "AlbertPretrainer",
    "AlbertQuestionAnswerer",
    "AlbertTokenClassifier",
    "BertClassifier",
    "BertMaskedLM",
    "BertPretrainer",
    "BertQuestionAnswerer",
    "BertTokenClassifier",
    "Classifier",
    "DistilBertClassifier",
    "DistilBertMaskedLM",
    "DistilBertQuestionAnswerer",
    "DistilBertTokenClassifier",
    "ElectraClassifier",
    "ElectraMaskedLM",
    "ElectraPretrainer",
    "ElectraQuestionAnswerer",
    "ElectraTokenClassifier",
    "MaskedLM",
    "QuestionAnswerer",
    "RobertaClassifier",
    "RobertaMaskedLM",
    "RobertaQuestionAnswerer",
    "RobertaTokenClassifier",
    "Task",
    "TokenClassifier",
]
