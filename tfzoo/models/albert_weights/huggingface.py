"""ALBERT in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.albert_weights.google import SHARING
from tfzoo.models.bert_weights.google import SIZES
from tfzoo.models.bert_weights.huggingface import ACTIVATIONS, describe_tokenizer
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings, unsayable

_SETTINGS = Settings(
    sizes={**SIZES, "embedding_dim": "embedding_size"},
    options=(
        Option("dropout", "hidden_dropout_prob", 0.0),
        Option("layer_norm_epsilon", "layer_norm_eps", 1e-12),
        Option("activation", "hidden_act", "gelu_new", ACTIVATIONS),
        *SHARING,
    ),
    required={"position_embedding_type": "absolute", "tie_word_embeddings": True},
)
_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "predictions.",
            ("dense/{kernel,bias}", "dense.{weight,bias}", transpose),
            ("layer_norm/{gamma,beta}", "LayerNorm.{weight,bias}"),
            ("output_bias", "bias"),
        ),
    ),
    "next_sentence_head": Table(
        (
            "next_sentence_head/logits/{kernel,bias}",
            "sop_classifier.classifier.{weight,bias}",
            transpose,
        )
    ),
    "classification_head": Table(
        ("classification_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
    "token_classification_head": Table(
        ("token_classification_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
    "span_head": Table(("span_head/logits/{kernel,bias}", "qa_outputs.{weight,bias}", transpose)),
    "multiple_choice_head": Table(
        ("multiple_choice_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
}


def _table(config: Mapping[str, Any]) -> Table:
    inner = config["num_inner_repetitions"]
    return Table(
        *under(
            "embeddings/",
            "albert.embeddings.",
            ("token_embedding/embeddings", "word_embeddings.weight"),
            ("position_embedding/embeddings", "position_embeddings.weight"),
            ("segment_embedding/embeddings", "token_type_embeddings.weight"),
            ("layer_norm/{gamma,beta}", "LayerNorm.{weight,bias}"),
        ),
        (
            "embeddings/projection/{kernel,bias}",
            "albert.encoder.embedding_hidden_mapping_in.{weight,bias}",
            transpose,
        ),
        *(
            row
            for i in range(config["num_groups"] * inner)
            for row in under(
                f"encoder/layer_{i}/",
                f"albert.encoder.albert_layer_groups.{i // inner}.albert_layers.{i % inner}.",
                (
                    "attention/query_key_value/{kernel,bias}",
                    "attention.{query+key+value}.{weight,bias}",
                    transpose,
                ),
                ("attention/output/{kernel,bias}", "attention.dense.{weight,bias}", transpose),
                ("attention_norm/{gamma,beta}", "attention.LayerNorm.{weight,bias}"),
                ("intermediate/{kernel,bias}", "ffn.{weight,bias}", transpose),
                ("output/{kernel,bias}", "ffn_output.{weight,bias}", transpose),
                ("output_norm/{gamma,beta}", "full_layer_layer_norm.{weight,bias}"),
            )
        ),
        ("pooler/dense/{kernel,bias}", "albert.pooler.{weight,bias}", transpose),
        optional=("pooler/*",),
        ignore=(
            "*position_ids",
            "*pooler.*",
            "predictions.*",
            "sop_classifier.*",
            "classifier.*",
            "qa_outputs.*",
        ),
        spellings=({"albert.": ""},),
    )


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    if config["embedding_dim"] is None:
        raise unsayable("embedding_dim", None)
    return {
        **_SETTINGS.write(config),
        "attention_probs_dropout_prob": config["dropout"],
        "classifier_dropout_prob": 0.1,
        "initializer_range": 0.02,
    }


HUGGINGFACE = Format(
    config=_SETTINGS.read,
    table=_table,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=describe_tokenizer,
)
