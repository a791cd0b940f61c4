"""One file per task, for every backbone that fits it."""

from tfzoo.tasks.causal_lm import CausalLM, GPT2CausalLM, GPT3CausalLM, GPTCausalLM
from tfzoo.tasks.classifier import (
    AlbertClassifier,
    BertClassifier,
    Classifier,
    DistilBertClassifier,
    ElectraClassifier,
    RobertaClassifier,
)
from tfzoo.tasks.electra_pretrainer import ElectraPretrainer
from tfzoo.tasks.embedder import (
    AlbertEmbedder,
    BertEmbedder,
    DistilBertEmbedder,
    ElectraEmbedder,
    Embedder,
    RobertaEmbedder,
)
from tfzoo.tasks.fine_tuned_gpt import GPTClassifier, GPTMultipleChoice
from tfzoo.tasks.gpt_classifier import GPT2Classifier, GPT3Classifier
from tfzoo.tasks.masked_lm import (
    AlbertMaskedLM,
    BertMaskedLM,
    DistilBertMaskedLM,
    ElectraMaskedLM,
    MaskedLM,
    RobertaMaskedLM,
)
from tfzoo.tasks.multiple_choice import (
    AlbertMultipleChoice,
    BertMultipleChoice,
    DistilBertMultipleChoice,
    ElectraMultipleChoice,
    MultipleChoice,
    RobertaMultipleChoice,
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
    "AlbertEmbedder",
    "AlbertMaskedLM",
    "AlbertMultipleChoice",
    "AlbertPretrainer",
    "AlbertQuestionAnswerer",
    "AlbertTokenClassifier",
    "BertClassifier",
    "BertEmbedder",
    "BertMaskedLM",
    "BertMultipleChoice",
    "BertPretrainer",
    "BertQuestionAnswerer",
    "BertTokenClassifier",
    "CausalLM",
    "Classifier",
    "DistilBertClassifier",
    "DistilBertEmbedder",
    "DistilBertMaskedLM",
    "DistilBertMultipleChoice",
    "DistilBertQuestionAnswerer",
    "DistilBertTokenClassifier",
    "ElectraClassifier",
    "ElectraEmbedder",
    "ElectraMaskedLM",
    "ElectraMultipleChoice",
    "ElectraPretrainer",
    "ElectraQuestionAnswerer",
    "ElectraTokenClassifier",
    "Embedder",
    "GPT2CausalLM",
    "GPT2Classifier",
    "GPT3CausalLM",
    "GPT3Classifier",
    "GPTCausalLM",
    "GPTClassifier",
    "GPTMultipleChoice",
    "MaskedLM",
    "MultipleChoice",
    "QuestionAnswerer",
    "RobertaClassifier",
    "RobertaEmbedder",
    "RobertaMaskedLM",
    "RobertaMultipleChoice",
    "RobertaQuestionAnswerer",
    "RobertaTokenClassifier",
    "Task",
    "TokenClassifier",
]
