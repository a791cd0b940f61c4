"""GPT-2 in OpenAI's original code, which has no dropout and states none."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.gpt_weights.openai import IMPLIED, ROWS, check_intermediate_dim
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table
from tfzoo.weights.settings import Settings
from tfzoo.weights.source import Source

_SETTINGS = Settings(
    sizes={
        "vocabulary_size": "n_vocab",
        "num_layers": "n_layer",
        "num_heads": "n_head",
        "hidden_dim": "n_embd",
        "max_sequence_length": "n_ctx",
    },
    implied=IMPLIED,
)
_TABLE = Table(*ROWS, ("decoder/final_norm/{gamma,beta}", "model/ln_f/{g,b}"))


def _config(source: Source) -> dict[str, Any]:
    config = _SETTINGS.read(source)
    return {**config, "intermediate_dim": 4 * config["hidden_dim"]}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    check_intermediate_dim(config)
    return _SETTINGS.write(config)


OPENAI = Format(config=_config, table=lambda config: _TABLE, describe=_describe)
