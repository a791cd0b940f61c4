"""Pre-training data: text to sharded TFRecords, and those to batches.

It imports TensorFlow, and is imported where it is used.
"""

from tfzoo.data.prepared.batches import prepared_batches
from tfzoo.data.prepared.documents import Corpus, find_files
from tfzoo.data.prepared.folder import load_tokenizer
from tfzoo.data.prepared.preparation import prepare
from tfzoo.data.prepared.recipe import Recipe

__all__ = ["Corpus", "Recipe", "find_files", "load_tokenizer", "prepare", "prepared_batches"]
