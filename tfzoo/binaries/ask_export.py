"""Asks a SavedModel for its answers to some texts, as a program without tfzoo and Keras would.

  python tfzoo/binaries/ask_export.py FOLDER TEXT...

Texts that are asked at once are one argument with tabs between: pairs, a question and its context,
a context and its choices.
"""

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)

_INPUTS = ("text", "text_pair", "question", "context", "choices", "prompt")
_ORDER = ("text", "words", "labels", "tokens", "start", "end")  # of outputs; others follow
_MOST_NUMBERS = 8  # that are printed of an embedding, say


def main(folder: str, *texts: str) -> None:
    signatures = tf.saved_model.load(folder).signatures
    serve = signatures["serving_default"]
    names = [name for name in _INPUTS if name in serve.structured_input_signature[1]]
    classes = []
    if "class_names" in signatures:
        classes = [name.decode() for name in signatures["class_names"]()["class_names"].numpy()]
    for text in texts:
        parts = text.split("\t") if len(names) > 1 else [text]
        if "choices" in names:
            parts = [parts[0], parts[1:]]
        asked = dict(zip(names, parts, strict=True))
        outputs = serve(**{name: tf.constant([part]) for name, part in asked.items()})
        rows = {name: output[0].numpy() for name, output in outputs.items()}
        if "probabilities" in rows:
            rows.pop("logits", None)
        order = sorted(rows, key=lambda name: ([*_ORDER, name].index(name), name))
        answer = {name: _readable(rows[name], classes) for name in order if _is_short(rows[name])}
        print(json.dumps({**asked, **answer}, ensure_ascii=False))


def _is_short(value: Any) -> bool:
    """Whether something can be printed: all but tables of numbers."""
    return np.ndim(value) < 2 or value.dtype == object


def _readable(value: Any, classes: list[str]) -> Any:
    """Lists of strings, numbers by class, or the first ones of many numbers."""
    if isinstance(value, bytes):
        return value.decode()
    if np.ndim(value) == 0:
        return round(value.item(), 4)
    if value.dtype == object:
        return [_readable(each, classes) for each in value]
    numbers = [_readable(each, classes) for each in value]
    return dict(zip(classes, numbers, strict=True)) if classes else numbers[:_MOST_NUMBERS]


if __name__ == "__main__":
    main(*sys.argv[1:])
