"""Both of BERT's pre-training tasks at once."""

import keras
import numpy as np
import pytest

from tfzoo import BertPretrainer
from tfzoo.errors import DataError
from tfzoo.training import AdamW

FIRST = ["we saw a film .", "the film was good ."] * 8
SECOND = ["it was great !", "it was bad ."] * 8
LABELS = [0, 1] * 8


@pytest.fixture
def model(tiny_bert, preprocessor):
    model = BertPretrainer(tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor)
    model.compile(AdamW(0.03))
    return model


def test_learns_both_tasks(model):
    keras.utils.set_random_seed(1)
    history = model.fit(
        (FIRST, SECOND),
        LABELS,
        validation_data=((FIRST, SECOND), LABELS),
        batch_size=8,
        epochs=8,
        verbose=0,
    ).history
    for loss in ("masked_lm_loss", "next_sentence_loss", "val_loss"):
        assert history[loss][-1] < 0.9 * history[loss][0], loss
    assert history["val_next_sentence_accuracy"][-1] > 0.8
    assert "masked_lm_accuracy" in history
    assert history["loss"][0] == pytest.approx(
        history["masked_lm_loss"][0] + history["next_sentence_loss"][0], 0.01
    )


def test_everything_is_trained(model):
    assert len(model.trainable_variables) == len(model.weights)


def test_classes_have_names(model):
    assert model.targets(["is next", "is not next"]).tolist() == [0, 1]
    with pytest.raises(DataError, match="Example 0 has the label 2"):
        model.fit((FIRST, SECOND), [2] * 16, verbose=0)


def test_outputs(model):
    features = {"token_ids": np.array([[2, 7, 8, 3]]), "masked_positions": np.array([[1, 2]])}
    outputs = model(features)
    assert outputs["masked_lm"].shape == (1, 2, 23)
    assert outputs["next_sentence"].shape == (1, 2)
    pooled = model.backbone({"token_ids": features["token_ids"]})["pooled_output"]
    expected = pooled @ model.next_sentence_head.logits.kernel
    np.testing.assert_allclose(outputs["next_sentence"], expected, atol=1e-6)
