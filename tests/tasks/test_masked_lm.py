"""Masked language models learn from strings alone."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertMaskedLM
from tfzoo.errors import ConfigError, DataError
from tfzoo.training import AdamW

TEXTS = ["we saw a good film .", "we saw a very good film !", "the film was not bad .", ""]


@pytest.fixture
def model(tiny_bert, preprocessor):
    model = BertMaskedLM(tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor)
    model.compile(AdamW(0.01))
    return model


def test_learns_from_strings(model):
    history = model.fit(
        TEXTS * 16, validation_data=(TEXTS,), batch_size=16, epochs=6, verbose=0
    ).history
    assert set(history) == {"loss", "masked_lm_accuracy", "val_loss", "val_masked_lm_accuracy"}
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["masked_lm_accuracy"][-1] > history["masked_lm_accuracy"][0]
    assert history["val_loss"][-1] < history["val_loss"][0]


def test_loss_is_the_mean_over_predicted_tokens(model):
    """Rows with more predictions weigh more, and fillers nothing."""
    columns, weights = np.array([[1, 3, 2], [2, 0, 0]]), np.array([[1.0, 1, 1], [1, 0, 0]])
    features = {
        "token_ids": np.array([[2, 7, 8, 9, 3], [2, 10, 11, 3, 0]]),
        "padding_mask": np.array([[1] * 5, [1] * 4 + [0]]),
        "masked_positions": columns,
    }
    labels = np.array([[7, 9, 8], [11, 2, 2]])
    logits = model(features).numpy().astype("float64")
    chosen = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    losses = np.log(np.exp(logits).sum(axis=-1)) - chosen
    loss = model.train_on_batch(features, labels, sample_weight=weights)[0]
    assert loss == pytest.approx((losses * weights).sum() / 4, 1e-4)


def test_masked_positions_are_the_columns_of_all_logits(model):
    features = {"token_ids": np.array([[2, 7, 8, 9, 3]])}
    every = model(features)
    some = model({**features, "masked_positions": np.array([[3, 1]])})
    np.testing.assert_allclose(some[0], every.numpy()[0, [3, 1]], atol=1e-5)


def test_output_and_input_embeddings_are_tied(model):
    features = {"token_ids": np.array([[2, 7, 8, 9, 3]])}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(features)[..., 20] ** 2)  # a word that is not in the text
    table = model.backbone.token_embedding.embeddings
    gradient = tf.convert_to_tensor(tape.gradient(loss, table.value)).numpy()
    assert np.abs(gradient[20]).max() > 0  # from the output
    assert np.abs(gradient[8]).max() > 0  # from the input
    assert np.abs(gradient[15]).max() == 0


def test_pooler_is_not_trained(model):
    """Nothing depends on it, of which Keras would warn."""
    paths = {variable.path for variable in model.trainable_variables}
    assert {v.path for v in model.weights} - paths == {"pooler/dense/kernel", "pooler/dense/bias"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.train_on_batch({"token_ids": np.array([[2, 7, 3]])}, np.array([[7, 7, 7]]))


def test_prediction_takes_features(model):
    with pytest.raises(ConfigError, match="features that have masked_positions"):
        model.predict(TEXTS)
    features = {"token_ids": np.array([[2, 7, 4, 3]]), "masked_positions": np.array([[2]])}
    assert model.predict(features, verbose=0).shape == (1, 1, 23)


def test_evaluation_is_repeatable(model):
    first = model.evaluate(TEXTS, verbose=0)
    assert model.evaluate(TEXTS, verbose=0) == pytest.approx(first)


def test_dataset_of_strings_of_unknown_length(model):
    data = tf.data.Dataset.from_tensor_slices(TEXTS).filter(lambda text: True).repeat()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    history = model.fit(data, steps_per_epoch=2, batch_size=2, verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_validation_texts_alone_in_a_list(model):
    history = model.fit(TEXTS * 4, validation_data=TEXTS, epochs=1, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()


def test_validation_masks_stay_the_same(model):
    model.compile(keras.optimizers.SGD(0.0))
    settings = {"validation_data": (TEXTS * 8,), "epochs": 3, "verbose": 0}
    history = model.fit(TEXTS, **settings).history
    assert len(set(history["val_loss"])) == 1
    assert len(set(history["loss"])) > 1


def test_labels_are_not_wanted(model):
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match="makes its own labels"):
            call(TEXTS, [0, 1, 0, 1], verbose=0)
