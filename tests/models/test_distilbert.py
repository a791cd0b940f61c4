"""DistilBERT: its published sizes, and what it leaves out of BERT."""

import math

import numpy as np

from tfzoo import DistilBertBackbone
from tfzoo.weights.shapes import shapes_of, variables

PARAMETERS = {
    "distilbert_base_en_uncased": 66_362_880,
    "distilbert_base_en_cased": 65_190_912,
    "distilbert_base_multi_cased": 134_734_080,
}
SIZES = {
    "vocabulary_size": 23,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 24,
}


def test_presets_have_the_published_numbers_of_parameters():
    counts = {
        name: sum(
            map(math.prod, shapes_of(lambda p=preset: DistilBertBackbone(**p.sizes)).values())
        )
        for name, preset in DistilBertBackbone.presets.items()
    }
    assert counts == PARAMETERS
    for name, preset in DistilBertBackbone.presets.items():
        assert preset.handle.startswith("hf://distilbert/distilbert-base-")
        assert preset.lowercase == name.endswith("uncased") == preset.handle.endswith("uncased")


def test_neither_segments_nor_pooler():
    backbone = DistilBertBackbone(**SIZES)
    assert not [path for path in variables(backbone) if "segment" in path or "pooler" in path]
    ids = np.array([[2, 7, 8, 3]])
    with_segments = {"token_ids": ids, "segment_ids": np.ones_like(ids)}
    np.testing.assert_array_equal(
        backbone(with_segments)["sequence_output"], backbone({"token_ids": ids})["sequence_output"]
    )


def test_config_covers_every_argument():
    changes = {
        "dropout": 0.3,
        "activation": "relu",
        "rematerialize": True,
        "return_encoder_outputs": True,
        "dtype": "mixed_bfloat16",
    }
    config = DistilBertBackbone(**SIZES, **changes).get_config()
    assert config.items() >= {**SIZES, **changes}.items()
    assert set(config) == DistilBertBackbone.argument_names()
    assert DistilBertBackbone.from_config(config).get_config() == config
