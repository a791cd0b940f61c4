"""One file per family: its backbone, its published sizes, and its names for weights elsewhere."""

from tfzoo.models.albert import AlbertBackbone
from tfzoo.models.backbone import Backbone
from tfzoo.models.bert import BertBackbone
from tfzoo.models.bert_layer import BertLayer
from tfzoo.models.distilbert import DistilBertBackbone
from tfzoo.models.electra import ElectraBackbone
from tfzoo.models.gpt import GPTBackbone
from tfzoo.models.gpt2 import GPT2Backbone
from tfzoo.models.gpt3 import GPT3Backbone
from tfzoo.models.roberta import RobertaBackbone

__all__ = [
    "AlbertBackbone",
    "Backbone",
    "BertBackbone",
    "BertLayer",
    "DistilBertBackbone",
    "ElectraBackbone",
    "GPT2Backbone",
    "GPT3Backbone",
    "GPTBackbone",
    "RobertaBackbone",
]
