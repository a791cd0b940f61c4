"""BERT in Hugging Face's transformers."""

from collections.abc import Mapping
from typing import Any

from tfzoo.models.bert_weights.google import SIZES
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, transpose, under
from tfzoo.weights.settings import Option, Settings

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "linear",
}
_SETTINGS = Settings(
    sizes=SIZES,
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("layer_norm_epsilon", "layer_norm_eps", 1e-12),
        Option("activation", "hidden_act", "gelu", ACTIVATIONS),
    ),
    required={
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "tie_word_embeddings": True,
    },
)
_OLD_NORMS = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def encoder_rows(prefix: str) -> list[tuple]:
    """Rows of BERT's embeddings and layers, which its kin have under a prefix of their own."""
    return [
        *under(
            "embeddings/",
            f"{prefix}embeddings.",
            ("token_embedding/embeddings", "word_embeddings.weight"),
            ("position_embedding/embeddings", "position_embeddings.weight"),
            ("segment_embedding/embeddings", "token_type_embeddings.weight"),
            ("layer_norm/{gamma,beta}", "LayerNorm.{weight,bias}"),
        ),
        *under(
            "encoder/layer_{i}/",
            f"{prefix}encoder.layer.{{i}}.",
            (
                "attention/query_key_value/{kernel,bias}",
                "attention.self.{query+key+value}.{weight,bias}",
                transpose,
            ),
            ("attention/output/{kernel,bias}", "attention.output.dense.{weight,bias}", transpose),
            ("attention_norm/{gamma,beta}", "attention.output.LayerNorm.{weight,bias}"),
            ("intermediate/{kernel,bias}", "intermediate.dense.{weight,bias}", transpose),
            ("output/{kernel,bias}", "output.dense.{weight,bias}", transpose),
            ("output_norm/{gamma,beta}", "output.LayerNorm.{weight,bias}"),
        ),
    ]


_TABLE = Table(
    *encoder_rows("bert."),
    ("pooler/dense/{kernel,bias}", "bert.pooler.dense.{weight,bias}", transpose),
    optional=("pooler/*",),
    ignore=("*position_ids", "*pooler.*", "cls.*", "classifier.*", "qa_outputs.*"),
    spellings=(
        {"bert.": ""},
        _OLD_NORMS,
    ),
)
_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "cls.predictions.",
            ("dense/{kernel,bias}", "transform.dense.{weight,bias}", transpose),
            ("layer_norm/{gamma,beta}", "transform.LayerNorm.{weight,bias}"),
            ("output_bias", "bias"),
        ),
        spellings=(_OLD_NORMS,),
    ),
    "next_sentence_head": Table(
        ("next_sentence_head/logits/{kernel,bias}", "cls.seq_relationship.{weight,bias}", transpose)
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


def _describe(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_SETTINGS.write(config),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


def describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    """What `tokenizer_config.json` says of a WordPiece tokenizer."""
    return {"tokenizer_class": type(tokenizer).__name__, "do_lower_case": tokenizer.lowercase}


HUGGINGFACE = Format(
    config=_SETTINGS.read,
    table=lambda config: _TABLE,
    heads=_HEADS,
    describe=_describe,
    describe_tokenizer=describe_tokenizer,
)
