"""Writes a trained preset as a SavedModel that takes strings.

  python -m tfzoo.export --preset=runs/spam/best --output=models/spam/1

Whoever loads it needs tensorflow and tensorflow_text, and neither tfzoo nor Keras:

  import tensorflow as tf, tensorflow_text
  signatures = tf.saved_model.load("models/spam/1").signatures
  signatures["serving_default"](text=tf.constant(["free prize!"]))["probabilities"]
  signatures["class_names"]()["class_names"]

What `serving_default` takes and gives depends on the task:

  classifier          text [, text_pair]   probabilities
  token classifier    text                 words, labels, probabilities
  question answerer   question, context    text, start, end, score
  embedder            text                 embedding
  masked LM           text                 tokens, probabilities
  causal LM           prompt               text
  multiple choice     context, choices     probabilities
"""

from absl import flags

from tfzoo.binaries.common_flags import define_model
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.run import require, run


def define_flags(values: flags.FlagValues) -> None:
    define_model(values, precision="float32")
    flags.DEFINE_string("output", None, "folder for the SavedModel", values)
    flags.DEFINE_bool("text_pair", False, "whether a classifier takes pairs of texts", values)
    require(values, preset="runs/spam/best", output="models/spam/1")


def main(values: flags.FlagValues) -> None:
    trained_task(values.preset, values.precision).export(values.output, values.text_pair)


if __name__ == "__main__":
    run(main, define_flags)
