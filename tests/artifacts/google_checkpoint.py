"""Writes Google's original checkpoint of a small BERT or ALBERT with random weights."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

# Names and sizes; the letters are those of `variables`.
OUTSIDE = [
    ("bert/embeddings/word_embeddings", "VE"),
    ("bert/embeddings/position_embeddings", "PE"),
    ("bert/embeddings/token_type_embeddings", "TE"),
    ("bert/embeddings/LayerNorm", "E"),
    ("bert/pooler/dense", "HH"),
    ("cls/predictions/transform/dense", "HE"),
    ("cls/predictions/transform/LayerNorm", "E"),
    ("cls/predictions/output_bias", "V"),
]
PROJECTION = ("bert/encoder/embedding_hidden_mapping_in", "EH")
# In a layer: BERT's name, ALBERT's name, sizes.
LAYER = [
    ("attention/self/query", "attention_1/self/query", "HH"),
    ("attention/self/key", "attention_1/self/key", "HH"),
    ("attention/self/value", "attention_1/self/value", "HH"),
    ("attention/output/dense", "attention_1/output/dense", "HH"),
    ("attention/output/LayerNorm", "LayerNorm", "H"),
    ("intermediate/dense", "ffn_1/intermediate/dense", "HF"),
    ("output/dense", "ffn_1/intermediate/output/dense", "FH"),
    ("output/LayerNorm", "LayerNorm_1", "H"),
]


def random_value(name: str, shape: Iterable[int], generator: np.random.Generator) -> np.ndarray:
    """Weights large enough that every one of them shows in the outputs."""
    value = generator.normal(1.0 if "gamma" in name else 0.0, 0.3, shape)
    return value.astype(np.float32)


def variables(config: Mapping) -> Iterator[tuple[str, list[int]]]:
    """The names and shapes; ALBERT is what has an `embedding_size`."""
    hidden = config["hidden_size"]
    letters = {
        "V": config["vocab_size"],
        "P": config["max_position_embeddings"],
        "T": config["type_vocab_size"],
        "E": config.get("embedding_size", hidden),
        "H": hidden,
        "F": config["intermediate_size"],
    }
    for name, sizes in _layers(config):
        shape = [letters[size] for size in sizes]
        if name.endswith(("LayerNorm", "LayerNorm_1")):
            yield f"{name}/gamma", shape
            yield f"{name}/beta", shape
        elif name.endswith(("embeddings", "output_bias")):
            yield name, shape
        else:
            yield f"{name}/kernel", shape
            yield f"{name}/bias", shape[1:]


def _layers(config: Mapping) -> Iterator[tuple[str, str]]:
    yield from OUTSIDE
    if "embedding_size" in config:
        yield PROJECTION
        for _, name, sizes in LAYER:
            yield f"bert/encoder/transformer/group_0/inner_group_0/{name}", sizes
    else:
        for index in range(config["num_hidden_layers"]):
            for name, _, sizes in LAYER:
                yield f"bert/encoder/layer_{index}/{name}", sizes


def save_random(path: str, config: Mapping) -> None:
    """Writes the checkpoint, the same one each time."""
    import tensorflow.compat.v1 as tf

    generator = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in variables(config):
            tf.get_variable(name, initializer=random_value(name, shape, generator))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, path, write_meta_graph=False)
