"""Files, TFDS and lists to examples; examples to labels and splits.

Batches for Keras come from `tfzoo.data.pipeline`, which imports TensorFlow.
"""

from tfzoo.data.examples import Examples
from tfzoo.data.labels import class_ids, find_class_names, multi_hot, real_targets
from tfzoo.data.readers import read_examples
from tfzoo.data.splits import drop_duplicates, split_examples

__all__ = [
    "Examples",
    "class_ids",
    "drop_duplicates",
    "find_class_names",
    "multi_hot",
    "read_examples",
    "real_targets",
    "split_examples",
]
