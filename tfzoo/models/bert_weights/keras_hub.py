"""BERT's weights in KerasHub's presets.

KerasHub computes GELU by tanh and adds 1e-12 to variances, and its presets cannot say otherwise.
Its masked LM head has other constants than its encoder, which tfzoo's has not: it is not read.
"""

from collections.abc import Mapping
from typing import Any

from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, split_heads, under
from tfzoo.weights.settings import Option, Settings

_SETTINGS = Settings(
    sizes={
        name: name
        for name in (
            "vocabulary_size",
            "num_layers",
            "num_heads",
            "hidden_dim",
            "intermediate_dim",
            "max_sequence_length",
            "num_segments",
        )
    },
    options=(Option("dropout", "dropout", 0.1),),
    implied={"activation": "gelu_tanh", "layer_norm_epsilon": 1e-12},
)
# Before its attention had these names as properties, Keras wrote those of its attributes.
_OLD_ATTENTION = {
    f"_layer/{part}_dense/": f"_layer/_{part}_dense/"
    for part in ("query", "key", "value", "output")
}


def layer_rows(num_heads: int) -> list[tuple]:
    """Rows of a Transformer layer, whose kernels keep the heads apart."""
    return [
        (
            "attention/query_key_value/{kernel,bias}",
            "_self_attention_layer/{query+key+value}_dense/vars/{0,1}",
            split_heads(num_heads),
        ),
        (
            "attention/output/kernel",
            "_self_attention_layer/output_dense/vars/0",
            split_heads(num_heads, axis=0),
        ),
        ("attention/output/bias", "_self_attention_layer/output_dense/vars/1"),
        ("attention_norm/{gamma,beta}", "_self_attention_layer_norm/vars/{0,1}"),
        ("intermediate/{kernel,bias}", "_feedforward_intermediate_dense/vars/{0,1}"),
        ("output/{kernel,bias}", "_feedforward_output_dense/vars/{0,1}"),
        ("output_norm/{gamma,beta}", "_feedforward_layer_norm/vars/{0,1}"),
    ]


def _table(config: Mapping[str, Any]) -> Table:
    """The layers by class and number."""
    return Table(
        ("embeddings/token_embedding/embeddings", "layers/reversible_embedding_0/vars/0"),
        ("embeddings/position_embedding/embeddings", "layers/position_embedding_0/vars/0"),
        ("embeddings/segment_embedding/embeddings", "layers/embedding_0/vars/0"),
        ("embeddings/layer_norm/{gamma,beta}", "layers/layer_normalization_0/vars/{0,1}"),
        *under(
            "encoder/layer_{i}/",
            "layers/transformer_encoder_{i}/",
            *layer_rows(config["num_heads"]),
        ),
        ("pooler/dense/{kernel,bias}", "layers/dense_0/vars/{0,1}"),
        ignore=("task/*",),
        spellings=(_OLD_ATTENTION,),
    )


def _describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    """KerasHub lower-cases and strips accents independently, BERT does both or neither."""
    return {"lowercase": tokenizer.lowercase, "strip_accents": tokenizer.lowercase}


KERAS_HUB = Format(
    config=_SETTINGS.read,
    table=_table,
    heads={
        "classification_head": Table(
            ("classification_head/logits/{kernel,bias}", "task/layers/dense_0/vars/{0,1}")
        ),
    },
    describe=_SETTINGS.write,
    describe_tokenizer=_describe_tokenizer,
)
