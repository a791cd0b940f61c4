"""BERT's weights elsewhere: configurations and names."""

import re
from collections.abc import Mapping
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights.family import Format
from tfzoo.weights.names import Table, split_heads, transpose, under
from tfzoo.weights.settings import Option, Settings
from tfzoo.weights.source import Source

_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
_HUGGINGFACE_SETTINGS = Settings(
    sizes=_SIZES,
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("layer_norm_epsilon", "layer_norm_eps", 1e-12),
        Option(
            "activation",
            "hidden_act",
            "gelu",
            {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"},
        ),
    ),
    required={"position_embedding_type": "absolute"},
)
_GOOGLE_SETTINGS = Settings(
    sizes=_SIZES,
    options=(
        Option("dropout", "hidden_dropout_prob", 0.1),
        Option("activation", "hidden_act", "gelu", {"gelu": "gelu_tanh"}),
    ),
    implied={"layer_norm_epsilon": 1e-12},
)


def _hub_config(source: Source) -> dict[str, Any]:
    """A SavedModel has no configuration: its sizes are those of its variables."""
    shapes = {name: spec.shape for name, spec in source.tensors.specs.items()}
    layers = {found[1] for name in shapes if (found := re.match(r"transformer/layer_(\d+)/", name))}
    try:
        vocabulary, hidden = shapes["word_embeddings/embeddings"]
        return {
            "vocabulary_size": vocabulary,
            "num_layers": len(layers),
            "num_heads": shapes["transformer/layer_0/self_attention/query/kernel"][1],
            "hidden_dim": hidden,
            "intermediate_dim": shapes["transformer/layer_0/intermediate/kernel"][1],
            "max_sequence_length": shapes["position_embedding/embeddings"][0],
            "num_segments": shapes["type_embeddings/embeddings"][0],
        }
    except (KeyError, ValueError, IndexError):
        raise WeightsError(
            f"{source.folder} holds no BERT that TF-Hub's exporters wrote; choose the class of its "
            "family, or other weights."
        ) from None


_OLD_NORMS = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
_HUGGINGFACE = Table(
    *under(
        "embeddings/",
        "bert.embeddings.",
        ("token_embedding/embeddings", "word_embeddings.weight"),
        ("position_embedding/embeddings", "position_embeddings.weight"),
        ("segment_embedding/embeddings", "token_type_embeddings.weight"),
        ("layer_norm/{gamma,beta}", "LayerNorm.{weight,bias}"),
    ),
    *under(
        "encoder/layer_{i}/",
        "bert.encoder.layer.{i}.",
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
    ("pooler/dense/{kernel,bias}", "bert.pooler.dense.{weight,bias}", transpose),
    optional=("pooler/*",),
    ignore=("*position_ids", "*pooler.*", "cls.*", "classifier.*", "qa_outputs.*"),
    spellings=(
        {"bert.": ""},
        _OLD_NORMS,
    ),
)
_HUGGINGFACE_HEADS = {
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
}

_GOOGLE = Table(
    *under(
        "embeddings/",
        "bert/embeddings/",
        ("token_embedding/embeddings", "word_embeddings"),
        ("position_embedding/embeddings", "position_embeddings"),
        ("segment_embedding/embeddings", "token_type_embeddings"),
        ("layer_norm/{gamma,beta}", "LayerNorm/{gamma,beta}"),
    ),
    *under(
        "encoder/layer_{i}/",
        "bert/encoder/layer_{i}/",
        (
            "attention/query_key_value/{kernel,bias}",
            "attention/self/{query+key+value}/{kernel,bias}",
        ),
        ("attention/output/{kernel,bias}", "attention/output/dense/{kernel,bias}"),
        ("attention_norm/{gamma,beta}", "attention/output/LayerNorm/{gamma,beta}"),
        ("intermediate/{kernel,bias}", "intermediate/dense/{kernel,bias}"),
        ("output/{kernel,bias}", "output/dense/{kernel,bias}"),
        ("output_norm/{gamma,beta}", "output/LayerNorm/{gamma,beta}"),
    ),
    ("pooler/dense/{kernel,bias}", "bert/pooler/dense/{kernel,bias}"),
    optional=("pooler/*",),
    ignore=("bert/pooler/*", "cls/*", "output_weights", "output_bias"),
)
_GOOGLE_HEADS = {
    "masked_lm_head": Table(
        *under(
            "masked_lm_head/",
            "cls/predictions/",
            ("dense/{kernel,bias}", "transform/dense/{kernel,bias}"),
            ("layer_norm/{gamma,beta}", "transform/LayerNorm/{gamma,beta}"),
            ("output_bias", "output_bias"),
        )
    ),
    "next_sentence_head": Table(
        (
            "next_sentence_head/logits/{kernel,bias}",
            "cls/seq_relationship/output_{weights,bias}",
            transpose,
        )
    ),
    "classification_head": Table(
        ("classification_head/logits/{kernel,bias}", "output_{weights,bias}", transpose)
    ),
}


def _hub(config: Mapping[str, Any]) -> Table:
    """TF2 SavedModels, whose attention kernels keep the heads apart."""
    heads = config["num_heads"]
    return Table(
        ("embeddings/token_embedding/embeddings", "word_embeddings/embeddings"),
        ("embeddings/position_embedding/embeddings", "position_embedding/embeddings"),
        ("embeddings/segment_embedding/embeddings", "type_embeddings/embeddings"),
        ("embeddings/layer_norm/{gamma,beta}", "embeddings/layer_norm/{gamma,beta}"),
        *under(
            "encoder/layer_{i}/",
            "transformer/layer_{i}/",
            (
                "attention/query_key_value/{kernel,bias}",
                "self_attention/{query+key+value}/{kernel,bias}",
                split_heads(heads),
            ),
            (
                "attention/output/kernel",
                "self_attention/attention_output/kernel",
                split_heads(heads, axis=0),
            ),
            ("attention/output/bias", "self_attention/attention_output/bias"),
            ("attention_norm/{gamma,beta}", "self_attention_layer_norm/{gamma,beta}"),
            ("intermediate/{kernel,bias}", "intermediate/{kernel,bias}"),
            ("output/{kernel,bias}", "output/{kernel,bias}"),
            ("output_norm/{gamma,beta}", "output_layer_norm/{gamma,beta}"),
        ),
        ("pooler/dense/{kernel,bias}", "pooler_transform/{kernel,bias}"),
        optional=("pooler/*",),
        ignore=("pooler_transform/*", "do_lower_case", "bert/cls/*"),
        spellings=({"self_attention/attention_output": "self_attention_output"},),
    )


def _huggingface_description(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_HUGGINGFACE_SETTINGS.write(config),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


def _huggingface_tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {"tokenizer_class": "BertTokenizer", "do_lower_case": tokenizer.lowercase}


def _google_description(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_GOOGLE_SETTINGS.write(config),
        "attention_probs_dropout_prob": config["dropout"],
        "initializer_range": 0.02,
    }


FORMATS = {
    "huggingface": Format(
        config=_HUGGINGFACE_SETTINGS.read,
        table=lambda config: _HUGGINGFACE,
        heads=_HUGGINGFACE_HEADS,
        describe=_huggingface_description,
        describe_tokenizer=_huggingface_tokenizer,
    ),
    "google": Format(
        config=_GOOGLE_SETTINGS.read,
        table=lambda config: _GOOGLE,
        heads=_GOOGLE_HEADS,
        describe=_google_description,
    ),
    "hub": Format(config=_hub_config, table=_hub, marks=("transformer/layer_0/*",)),
}
