"""ALBERT in the Model Garden: TF-Hub's TF2 SavedModels of all versions, and checkpoints."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.albert_weights.google import read_config
from tfzoo.models.bert_weights.hub import HEADS, encoder_table
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table
from tfzoo.weights.saved_model import SavedModelGraph
from tfzoo.weights.source import Source

_MARKS = ("transformer/self_attention/*",)


def _from_shapes(source: Source) -> dict[str, Any]:
    """The sizes of a model without a configuration are those of its variables."""
    shape = source.shape
    vocabulary, width = shape("word_embeddings/embeddings", 2)
    hidden, intermediate = shape("transformer/intermediate/kernel", 2)
    return {
        "vocabulary_size": vocabulary,
        "num_heads": shape("transformer/self_attention/query/bias", 2)[0],
        "hidden_dim": hidden,
        "intermediate_dim": intermediate,
        "embedding_dim": None if width == hidden else width,
        "max_sequence_length": shape("position_embedding/embeddings", 2)[0],
        "num_segments": shape("type_embeddings/embeddings", 2)[0],
    }


def _module_config(source: Source) -> dict[str, Any]:
    """Layers that share all variables are counted in the program: each has one softmax."""
    layers = SavedModelGraph(source.folder).count("Softmax", "*self_attention/*")
    return {**_from_shapes(source), **({"num_layers": layers} if layers else {})}


def _table(config: Mapping[str, Any]) -> Table:
    """All layers share one set of parameters here."""
    return encoder_table(
        "encoder/layer_0/",
        "transformer/",
        config["num_heads"],
        ("embeddings/projection/{kernel,bias}", "embedding_projection/{kernel,bias}"),
    )


HUB = Format(config=_module_config, table=_table, heads=HEADS, marks=_MARKS)
GARDEN = Format(
    config=lambda source: read_config(source) if source.config else _from_shapes(source),
    table=_table,
    heads=HEADS,
    marks=_MARKS,
)
