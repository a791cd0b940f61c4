"""Tasks and backbones that users derive, and backbones that a task does not fit."""

import keras
import numpy as np
import pytest

from tfzoo import (
    BertClassifier,
    BertMaskedLM,
    DistilBertBackbone,
    DistilBertClassifier,
    ElectraBackbone,
    ElectraPretrainer,
)
from tfzoo.errors import ConfigError

SIZES = {
    "vocabulary_size": 23,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 24,
}


@keras.saving.register_keras_serializable(package="test")
class PassingClassifier(DistilBertClassifier):
    """Passes on whatever it is given."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


@keras.saving.register_keras_serializable(package="test")
class PassingBackbone(DistilBertBackbone):
    """The same."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


def test_settings_reach_a_class_that_passes_them_on(preprocessor, tmp_path):
    backbone = PassingBackbone(**SIZES)
    settings = {"class_names": ["x", "y", "z"], "dropout": 0.3, "problem_type": "multi_label"}
    model = PassingClassifier(backbone, preprocessor=preprocessor, **settings)
    assert backbone.get_config().items() >= SIZES.items()
    model.save_to_preset(tmp_path / "saved")
    model.save(tmp_path / "model.keras")
    for loaded in (
        PassingClassifier.from_preset(tmp_path / "saved"),
        PassingClassifier.from_preset(tmp_path / "saved", class_names=settings["class_names"]),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        assert type(loaded) is PassingClassifier
        assert loaded.own_config().items() >= settings.items()
        for ours, theirs in zip(loaded.weights, model.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("task", [BertClassifier, BertMaskedLM, ElectraPretrainer])
def test_a_task_stands_on_its_own_family(task):
    with pytest.raises(ConfigError, match=r"stands on a .*Backbone, not on a DistilBertBackbone"):
        task(DistilBertBackbone(**SIZES))


def test_first_tokens_of_packed_rows_without_a_pooler():
    model = DistilBertClassifier(DistilBertBackbone(**SIZES))
    ids = np.array([[2, 7, 3, 2, 9, 3]])
    packed = {
        "token_ids": ids,
        "sequence_ids": np.array([[1, 1, 1, 2, 2, 2]]),
        "cls_positions": np.array([[0, 3]]),
    }
    logits = model(packed)
    assert logits.shape == (1, 2, 2)
    for row, part in ((0, ids[:, :3]), (1, ids[:, 3:])):
        np.testing.assert_allclose(logits[:, row], model({"token_ids": part}), atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 5.0])
def test_shares_of_masked_tokens(share):
    with pytest.raises(ConfigError, match="mask_share"):
        ElectraPretrainer(ElectraBackbone(**SIZES), mask_share=share)
