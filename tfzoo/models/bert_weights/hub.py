"""BERT in the Model Garden: TF-Hub's TF2 SavedModels of all generations, and checkpoints."""

from collections.abc import Mapping
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.models.bert_weights.google import SETTINGS
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, respelled, split_heads, under
from tfzoo.weights.source import Source

_QUERY = "transformer/layer_0/self_attention/query/bias"
# The first generation, of 2019 (https://github.com/tensorflow/hub/issues/565).
_IN_2019 = {
    "word_embeddings/embeddings": "bert_model/word_embeddings/embeddings",
    "position_embedding/embeddings": "bert_model/embedding_postprocessor/position_embeddings",
    "type_embeddings/embeddings": "bert_model/embedding_postprocessor/type_embeddings",
    "embeddings/layer_norm/": "bert_model/embedding_postprocessor/layer_norm/",
    "transformer/layer_": "bert_model/encoder/layer_",
    "pooler_transform/": "bert_model/pooler_transform/",
}


def _from_shapes(source: Source) -> dict[str, Any]:
    """The sizes of a model without a configuration are those of its variables."""
    old = any(name.startswith("bert_model/") for name in source.tensors.specs)

    def shape(name: str, rank: int) -> tuple[int, ...]:
        return source.shape(respelled(name, _IN_2019) if old else name, rank)

    query = source.tensors.specs.get(respelled(_QUERY, _IN_2019))
    if query is not None and len(query.shape) == 1:
        raise WeightsError(
            f"{source.folder} has all attention heads in one axis, and their number only in its "
            "program; run it as it is, as a tfzoo.HubLayer."
        )
    vocabulary, hidden = shape("word_embeddings/embeddings", 2)
    return {
        "vocabulary_size": vocabulary,
        "num_layers": source.count(r"(?:transformer|bert_model/encoder)/layer_(\d+)/"),
        "num_heads": shape(_QUERY, 2)[0],
        "hidden_dim": hidden,
        "intermediate_dim": shape("transformer/layer_0/intermediate/bias", 1)[0],
        "max_sequence_length": shape("position_embedding/embeddings", 2)[0],
        "num_segments": shape("type_embeddings/embeddings", 2)[0],
    }


def encoder_table(layer: str, theirs: str, num_heads: int, *rows: tuple) -> Table:
    """The names of an encoder, which keeps the heads of attention kernels apart.

    Args:
        layer: our prefix of a layer.
        theirs: their prefix of it.
        num_heads: number of attention heads.
        rows: those of the table that only the family has.
    """
    return Table(
        ("embeddings/token_embedding/embeddings", "word_embeddings/embeddings"),
        ("embeddings/position_embedding/embeddings", "position_embedding/embeddings"),
        ("embeddings/segment_embedding/embeddings", "type_embeddings/embeddings"),
        ("embeddings/layer_norm/{gamma,beta}", "embeddings/layer_norm/{gamma,beta}"),
        *rows,
        *under(
            layer,
            theirs,
            (
                "attention/query_key_value/{kernel,bias}",
                "self_attention/{query+key+value}/{kernel,bias}",
                split_heads(num_heads),
            ),
            (
                "attention/output/kernel",
                "self_attention/attention_output/kernel",
                split_heads(num_heads, axis=0),
            ),
            ("attention/output/bias", "self_attention/attention_output/bias"),
            ("attention_norm/{gamma,beta}", "self_attention_layer_norm/{gamma,beta}"),
            ("intermediate/{kernel,bias}", "intermediate/{kernel,bias}"),
            ("output/{kernel,bias}", "output/{kernel,bias}"),
            ("output_norm/{gamma,beta}", "output_layer_norm/{gamma,beta}"),
        ),
        ("pooler/dense/{kernel,bias}", "pooler_transform/{kernel,bias}"),
        optional=("pooler/*",),
        ignore=("pooler_transform/*", "do_lower_case", "bert/cls/*", "bert/next_sentence/*"),
        spellings=(
            # A pre-trainer trains the pooler of its next-sentence head, and not the encoder's.
            {"pooler_transform/": "bert/next_sentence/pooler_dense/"},
            {"self_attention/attention_output": "self_attention_output"},
        ),
    )


def _table(config: Mapping[str, Any]) -> Table:
    layer = "encoder/layer_{i}/", "transformer/layer_{i}/"
    return encoder_table(*layer, config["num_heads"]) + Table(spellings=(_IN_2019,))


HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "bert/cls/predictions/",
            ("dense/{kernel,bias}", "transform/dense/{kernel,bias}"),
            ("layer_norm/{gamma,beta}", "transform/LayerNorm/{gamma,beta}"),
            ("output_bias", "output_bias/bias"),
        )
    ),
    "next_sentence_head": Table(
        ("next_sentence_head/logits/{kernel,bias}", "bert/next_sentence/logits/{kernel,bias}")
    ),
}
_MARKS = ("transformer/layer_0/*", "bert_model/encoder/layer_0/*")

HUB = Format(config=_from_shapes, table=_table, heads=HEADS, marks=_MARKS)
GARDEN = Format(
    config=lambda source: SETTINGS.read(source) if source.config else _from_shapes(source),
    table=_table,
    heads=HEADS,
    marks=_MARKS,
)
