"""Strings to token ids and features, inside the TensorFlow graph."""

from tfzoo.tokenizers.gpt import GPTTokenizer
from tfzoo.tokenizers.gpt2 import GPT2Tokenizer
from tfzoo.tokenizers.language_model import LanguageModelPreprocessor
from tfzoo.tokenizers.preprocessor import TextPreprocessor
from tfzoo.tokenizers.roberta import RobertaTokenizer
from tfzoo.tokenizers.sentencepiece import AlbertTokenizer
from tfzoo.tokenizers.wordpiece import BertTokenizer, DistilBertTokenizer, ElectraTokenizer

__all__ = [
    "AlbertTokenizer",
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "GPT2Tokenizer",
    "GPTTokenizer",
    "LanguageModelPreprocessor",
    "RobertaTokenizer",
    "TextPreprocessor",
]
