"""Files, TFDS and lists to examples; examples to labels and splits.

Batches for Keras come from `tfzoo.data.pipeline`, which imports TensorFlow.
"""

from tfzoo.data.choices import ChoiceExamples, read_choices
from tfzoo.data.conll import WordExamples, read_words
from tfzoo.data.examples import Examples
from tfzoo.data.labels import class_ids, find_class_names, multi_hot, real_targets
from tfzoo.data.readers import read_examples, read_records
from tfzoo.data.splits import Columns, drop_duplicates, split_examples
from tfzoo.data.squad import QuestionExamples, read_squad

__all__ = [
    "ChoiceExamples",
    "Columns",
    "Examples",
    "QuestionExamples",
    "WordExamples",
    "class_ids",
    "drop_duplicates",
    "find_class_names",
    "multi_hot",
    "read_choices",
    "read_examples",
    "read_records",
    "read_squad",
    "read_words",
    "real_targets",
    "split_examples",
]
