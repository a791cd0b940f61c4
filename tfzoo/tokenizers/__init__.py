"""Strings to token ids and features, inside the TensorFlow graph."""

from tfzoo.tokenizers.preprocessor import TextPreprocessor
from tfzoo.tokenizers.wordpiece import BertTokenizer

__all__ = ["BertTokenizer", "TextPreprocessor"]
