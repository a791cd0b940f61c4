"""Strings to token ids and features, inside the TensorFlow graph."""

from tfzoo.tokenizers.byte_pair import RobertaTokenizer
from tfzoo.tokenizers.preprocessor import TextPreprocessor
from tfzoo.tokenizers.sentencepiece import AlbertTokenizer
from tfzoo.tokenizers.wordpiece import BertTokenizer, DistilBertTokenizer, ElectraTokenizer

__all__ = [
    "AlbertTokenizer",
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "RobertaTokenizer",
    "TextPreprocessor",
]
