"""Files, TFDS and lists to examples; examples to labels and splits.

Batches for Keras come from `tfzoo.data.pipeline`, which imports TensorFlow.
"""

from tfzoo.data.examples import Examples
from tfzoo.data.labels import class_ids, find_class_names, multi_hot, real_targets
from tfzoo.data.readers import read_examples
from tfzoo.data.splits import drop_duplicates, split_examples
from tfzoo.data.squad import QuestionExamples, read_squad

__all__ = [
    "Examples",
    "QuestionExamples",
    "class_ids",
    "drop_duplicates",
    "find_class_names",
    "multi_hot",
    "read_examples",
    "read_squad",
    "real_targets",
    "split_examples",
]
