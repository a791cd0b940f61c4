"""GPT-2's weights in KerasHub's presets, whose activation and epsilon are always the same."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.keras_hub import layer_rows
from tfzoo.models.gpt_weights.openai import IMPLIED
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, under
from tfzoo.weights.settings import Option, Settings

_SIZES = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim")
_SETTINGS = Settings(
    sizes={name: name for name in (*_SIZES, "max_sequence_length")},
    options=(Option("dropout", "dropout", 0.1),),
    implied=IMPLIED,
)


def _table(config: Mapping[str, Any]) -> Table:
    return Table(
        ("embeddings/token_embedding/embeddings", "layers/reversible_embedding_0/vars/0"),
        ("embeddings/position_embedding/embeddings", "layers/position_embedding_0/vars/0"),
        *under(
            "decoder/layer_{i}/",
            "layers/transformer_decoder_{i}/",
            *layer_rows(config["num_heads"]),
        ),
        ("decoder/final_norm/{gamma,beta}", "layers/layer_normalization_0/vars/{0,1}"),
        ignore=("task/*",),
    )


def _describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {"add_prefix_space": tokenizer.add_prefix_space}


KERAS_HUB = Format(
    config=_SETTINGS.read,
    table=_table,
    describe=_SETTINGS.write,
    describe_tokenizer=_describe_tokenizer,
)
