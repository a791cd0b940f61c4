"""GPT-2 in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.huggingface import ACTIVATIONS
from tfzoo.models.gpt_weights.huggingface import (
    CLASSIFICATION_HEAD,
    DROPOUT,
    LAYER_NORM_EPSILON,
    LAYERS,
    OTHERS,
    SIZES,
    describe_training,
)
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose
from tfzoo.weights.settings import Option, Settings
from tfzoo.weights.source import Source

_SETTINGS = Settings(
    sizes=SIZES,
    options=(
        DROPOUT,
        LAYER_NORM_EPSILON,
        Option("activation", "activation_function", "gelu_new", ACTIVATIONS),
    ),
    required={
        "add_cross_attention": False,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "tie_word_embeddings": True,
    },
)
_TABLE = OTHERS + Table(
    ("embeddings/token_embedding/embeddings", "transformer.wte.weight"),
    ("embeddings/position_embedding/embeddings", "transformer.wpe.weight"),
    *LAYERS,
    ("decoder/final_norm/{gamma,beta}", "transformer.ln_f.{weight,bias}"),
)
_HEADS = {
    "classification_head": CLASSIFICATION_HEAD,
    "token_classification_head": Table(
        ("token_classification_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
}


def _config(source: Source) -> dict[str, Any]:
    """A feed-forward network of no stated size is four times as wide as the rest."""
    config = _SETTINGS.read(source)
    stated = source.config.get("n_inner")
    return {**config, "intermediate_dim": 4 * config["hidden_dim"] if stated is None else stated}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_SETTINGS.write(config),
        **describe_training(config),
        "n_inner": config["intermediate_dim"],
    }


def _describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": tokenizer.add_prefix_space}


HUGGINGFACE = Format(
    config=_config,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=_describe_tokenizer,
)
