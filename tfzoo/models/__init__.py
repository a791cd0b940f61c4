"""One file per family: its backbone, its published sizes, and its names for weights elsewhere."""

from tfzoo.models.backbone import Backbone
from tfzoo.models.bert import BertBackbone
from tfzoo.models.bert_layer import BertLayer

__all__ = ["Backbone", "BertBackbone", "BertLayer"]
