"""ALBERT in Google's original code: checkpoints, and TF1 hub modules, which have the same names."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tfzoo.models.bert_weights.google import EMBEDDINGS, HEADS, SIZES
from tfzoo.models.bert_weights.google import SETTINGS as BERT_SETTINGS
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, under
from tfzoo.weights.saved_model import num_heads
from tfzoo.weights.settings import Option, Settings, unsayable
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_json

SHARING = (
    Option("num_groups", "num_hidden_groups", 1),
    Option("num_inner_repetitions", "inner_group_num", 1),
)
_SETTINGS = Settings(
    sizes={**SIZES, "embedding_dim": "embedding_size"},
    options=(*BERT_SETTINGS.options, *SHARING),
    implied=BERT_SETTINGS.implied,
)
_GROUP = "bert/encoder/transformer/group_{}/inner_group_{}/"
_SCALES = "bert/encoder/transformer/*/self/Mul/y"
_LAYER = (
    (
        "attention/query_key_value/{kernel,bias}",
        "attention_1/self/{query+key+value}/{kernel,bias}",
    ),
    ("attention/output/{kernel,bias}", "attention_1/output/dense/{kernel,bias}"),
    ("attention_norm/{gamma,beta}", "LayerNorm/{gamma,beta}"),
    ("intermediate/{kernel,bias}", "ffn_1/intermediate/dense/{kernel,bias}"),
    ("output/{kernel,bias}", "ffn_1/intermediate/output/dense/{kernel,bias}"),
    ("output_norm/{gamma,beta}", "LayerNorm_1/{gamma,beta}"),
)


def read_config(source: Source) -> dict[str, Any]:
    """The arguments of an `AlbertBackbone` from an `albert_config.json`."""
    return _without_needless_projection(_SETTINGS.read(source))


def _without_needless_projection(config: dict[str, Any]) -> dict[str, Any]:
    """Embeddings that are as wide as the hidden states are not projected."""
    if config["embedding_dim"] == config["hidden_dim"]:
        return {**config, "embedding_dim": None}
    return config


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    if config["embedding_dim"] == config["hidden_dim"]:
        raise unsayable("embedding_dim", config["embedding_dim"])
    width = config["embedding_dim"] or config["hidden_dim"]
    return {
        **_SETTINGS.write({**config, "embedding_dim": width}),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


def _module_config(source: Source) -> dict[str, Any]:
    """What the configuration in a module's assets says, or else its variables and its graph."""
    path = source.folder / "assets" / "albert_config.json"
    if path.is_file():
        return read_config(replace(source, config=read_json(path)))
    shape = source.shape
    vocabulary, width = shape("bert/embeddings/word_embeddings", 2)
    ffn = _GROUP.format(0, 0) + "ffn_1/intermediate/dense/kernel"
    hidden, intermediate = shape(ffn, 2)
    layers = set(re.findall(r"/layer_(\d+)/", " ".join(source.graph.constants(_SCALES))))
    heads = num_heads(source.graph, hidden)
    config = {
        "vocabulary_size": vocabulary,
        **({"num_layers": len(layers)} if layers else {}),
        **({} if heads is None else {"num_heads": heads}),
        "hidden_dim": hidden,
        "intermediate_dim": intermediate,
        "embedding_dim": width,
        "num_groups": source.count(_GROUP.format(r"(\d+)", 0)),
        "num_inner_repetitions": source.count(_GROUP.format(0, r"(\d+)")),
        "max_sequence_length": shape("bert/embeddings/position_embeddings", 2)[0],
        "num_segments": shape("bert/embeddings/token_type_embeddings", 2)[0],
    }
    return _without_needless_projection(config)


def _table(config: Mapping[str, Any]) -> Table:
    inner = config["num_inner_repetitions"]
    return Table(
        *under("", "bert/", *EMBEDDINGS),
        (
            "embeddings/projection/{kernel,bias}",
            "bert/encoder/embedding_hidden_mapping_in/{kernel,bias}",
        ),
        *(
            row
            for i in range(config["num_groups"] * inner)
            for row in under(f"encoder/layer_{i}/", _GROUP.format(i // inner, i % inner), *_LAYER)
        ),
        ("pooler/dense/{kernel,bias}", "bert/pooler/dense/{kernel,bias}"),
        optional=("pooler/*",),
        ignore=(
            "bert/pooler/*",
            "cls/*",
            "output_weights",
            "output_bias",
            # The head for SQuAD 2.0, a beam search over starts and ends.
            "start_logits/*",
            "end_logits/*",
            "answer_class/*",
        ),
    )


GOOGLE = Format(config=read_config, table=_table, heads=HEADS, describe=_describe)
HUB1 = Format(
    config=_module_config,
    table=_table,
    heads=HEADS,
    marks=("bert/encoder/transformer/group_0/*",),
)
