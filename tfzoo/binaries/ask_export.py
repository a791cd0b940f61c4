"""Asks a SavedModel for its answers to some texts, as a program without tfzoo and Keras would.

  python tfzoo/binaries/ask_export.py FOLDER TEXT...

A pair is one argument, its two texts separated by a tab.
"""

import json
import sys

import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)


def main(folder: str, *texts: str) -> None:
    signatures = tf.saved_model.load(folder).signatures
    serve = signatures["serving_default"]
    inputs = {"text": texts}
    if "text_pair" in serve.structured_input_signature[1]:
        pairs = [text.split("\t") for text in texts]
        inputs = dict(zip(("text", "text_pair"), zip(*pairs, strict=True), strict=True))
    outputs = serve(**{name: tf.constant(column) for name, column in inputs.items()})
    probabilities = outputs.get("probabilities", outputs["logits"]).numpy()
    names = range(probabilities.shape[-1])
    if "class_names" in signatures:
        names = [name.decode() for name in signatures["class_names"]()["class_names"].numpy()]
    for text, row in zip(texts, probabilities.tolist(), strict=True):
        answer = {name: round(value, 4) for name, value in zip(names, row, strict=True)}
        print(json.dumps({"text": text, "probabilities": answer}, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
