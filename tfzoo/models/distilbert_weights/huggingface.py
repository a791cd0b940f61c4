"""DistilBERT in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.huggingface import ACTIVATIONS, describe_tokenizer
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings

_SETTINGS = Settings(
    sizes={
        "vocabulary_size": "vocab_size",
        "num_layers": "n_layers",
        "num_heads": "n_heads",
        "hidden_dim": "dim",
        "intermediate_dim": "hidden_dim",
        "max_sequence_length": "max_position_embeddings",
    },
    options=(
        Option("dropout", "dropout", 0.1),
        Option("activation", "activation", "gelu", ACTIVATIONS),
    ),
    required={"tie_word_embeddings": True},
)
_TABLE = Table(
    *under(
        "embeddings/",
        "distilbert.embeddings.",
        ("token_embedding/embeddings", "word_embeddings.weight"),
        ("position_embedding/embeddings", "position_embeddings.weight"),
        ("layer_norm/{gamma,beta}", "LayerNorm.{weight,bias}"),
    ),
    *under(
        "encoder/layer_{i}/",
        "distilbert.transformer.layer.{i}.",
        (
            "attention/query_key_value/{kernel,bias}",
            "attention.{q_lin+k_lin+v_lin}.{weight,bias}",
            transpose,
        ),
        ("attention/output/{kernel,bias}", "attention.out_lin.{weight,bias}", transpose),
        ("attention_norm/{gamma,beta}", "sa_layer_norm.{weight,bias}"),
        ("intermediate/{kernel,bias}", "ffn.lin1.{weight,bias}", transpose),
        ("output/{kernel,bias}", "ffn.lin2.{weight,bias}", transpose),
        ("output_norm/{gamma,beta}", "output_layer_norm.{weight,bias}"),
    ),
    ignore=("*position_ids", "vocab_*", "pre_classifier.*", "classifier.*", "qa_outputs.*"),
    spellings=({"distilbert.": ""},),
)
_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "vocab_",
            ("dense/{kernel,bias}", "transform.{weight,bias}", transpose),
            ("layer_norm/{gamma,beta}", "layer_norm.{weight,bias}"),
            ("output_bias", "projector.bias"),
        )
    ),
    "classification_head": Table(
        *under(
            "classification_head/",
            "",
            ("dense/{kernel,bias}", "pre_classifier.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "classifier.{weight,bias}", transpose),
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
            ("dense/{kernel,bias}", "pre_classifier.{weight,bias}", transpose),
            ("logits/{kernel,bias}", "classifier.{weight,bias}", transpose),
        )
    ),
}


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_SETTINGS.write(config),
        "attention_dropout": config["dropout"],
        "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": False,
        "initializer_range": 0.02,
    }


HUGGINGFACE = Format(
    config=_SETTINGS.read,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=describe_tokenizer,
)
