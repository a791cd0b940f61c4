"""ELECTRA in Hugging Face's transformers: the discriminator or the generator alone."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.huggingface import SIZES, describe_tokenizer, encoder_rows
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings

_SETTINGS = Settings(
    sizes={**SIZES, "embedding_dim": "embedding_size"},
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("layer_norm_epsilon", "layer_norm_eps", 1e-12),
    ),
    required={
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "tie_word_embeddings": True,
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "gelu",
    },
)
_TABLE = Table(
    *encoder_rows("electra."),
    ("embeddings/projection/{kernel,bias}", "electra.embeddings_project.{weight,bias}", transpose),
    ignore=(
        "*position_ids",
        "generator_*",
        "discriminator_predictions.*",
        "sequence_summary.*",
        "classifier.*",
        "qa_outputs.*",
    ),
    spellings=({"electra.": ""},),
)
_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "generator_",
            ("dense/{kernel,bias}", "predictions.dense.{weight,bias}", transpose),
            ("layer_norm/{gamma,beta}", "predictions.LayerNorm.{weight,bias}"),
            ("output_bias", "lm_head.bias"),
        )
    ),
    "discriminator_head": Table(
        *under(
            "discriminator_head/",
            "discriminator_predictions.",
            ("dense/{kernel,bias}", "dense.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "dense_prediction.{weight,bias}", transpose),
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
            ("dense/{kernel,bias}", "sequence_summary.summary.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "classifier.{weight,bias}", transpose),
        )
    ),
}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_SETTINGS.write(config),
        "embedding_size": config["embedding_dim"] or config["hidden_dim"],
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


HUGGINGFACE = Format(
    config=_SETTINGS.read,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=describe_tokenizer,
    omitted=("generator/*",),
)
