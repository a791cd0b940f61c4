"""RoBERTa in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.google import SIZES
from tfzoo.models.bert_weights.huggingface import encoder_rows
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings
from tfzoo.weights.source import Source

PADDING_ID = 1  # of <pad>; positions of tokens begin behind it
_SETTINGS = Settings(
    sizes=SIZES,
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("layer_norm_epsilon", "layer_norm_eps", 1e-12),
    ),
    required={
        "hidden_act": "gelu",
        "pad_token_id": PADDING_ID,
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "tie_word_embeddings": True,
    },
)
_TABLE = Table(
    *encoder_rows("roberta."),
    ignore=("*position_ids", "*pooler.*", "lm_head.*", "classifier.*", "qa_outputs.*"),
    spellings=({"roberta.": ""},),
)
_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "lm_head.",
            ("dense/{kernel,bias}", "dense.{weight,bias}", transpose),
            ("layer_norm/{gamma,beta}", "layer_norm.{weight,bias}"),
            ("output_bias", "bias"),
        )
    ),
    "classification_head": Table(
        *under(
            "classification_head/",
            "classifier.",
            ("dense/{kernel,bias}", "dense.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "out_proj.{weight,bias}", transpose),
        )
    ),
    "token_classification_head": Table(
        ("token_classification_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
    "span_head": Table(("span_head/logits/{kernel,bias}", "qa_outputs.{weight,bias}", transpose)),
    "multiple_choice_head": Table(
        *under(
            "multiple_choice_head/",
            "",
            ("dense/{kernel,bias}", "roberta.pooler.dense.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "classifier.{weight,bias}", transpose),
        )
    ),
}


def _config(source: Source) -> dict[str, Any]:
    """Their number of positions counts those that no token has."""
    config = _SETTINGS.read(source)
    return {**config, "max_sequence_length": config["max_sequence_length"] - PADDING_ID - 1}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    positions = config["max_sequence_length"] + PADDING_ID + 1
    return {
        **_SETTINGS.write({**config, "max_sequence_length": positions}),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }


def _describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": tokenizer.add_prefix_space}


HUGGINGFACE = Format(
    config=_config,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=_describe_tokenizer,
)
