"""A step is the same however it is cut, and Keras' own loops get what they expect."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.special import log_softmax

from tests.training.tiny import (
    LENGTH,
    VOCABULARY,
    Losses,
    backbone,
    classifier,
    features,
    labels,
    weights,
)
from tfzoo import (
    AlbertBackbone,
    AlbertMaskedLM,
    BertBackbone,
    BertClassifier,
    BertEmbedder,
    BertMaskedLM,
    BertMultipleChoice,
    BertPretrainer,
    BertQuestionAnswerer,
    BertTokenClassifier,
    DistilBertBackbone,
    DistilBertMaskedLM,
    ElectraBackbone,
    ElectraMaskedLM,
    ElectraPretrainer,
    RobertaBackbone,
    RobertaMaskedLM,
)
from tfzoo.errors import ConfigError
from tfzoo.training import AdamW, Distiller, make_optimizer

ROWS = 37  # a batch of 32 and one of 5


def masked(rows=ROWS):
    """Features with two columns to predict, of which the second is often a filler."""
    rng = np.random.default_rng(2)
    positions = np.stack([np.ones(rows, int), 2 * rng.integers(0, 2, rows)], axis=1)
    ids = rng.integers(5, VOCABULARY, (rows, 2))
    weights = (positions > 0) * rng.uniform(0.5, 2, (rows, 2))
    return {**features(rows), "masked_positions": positions}, ids, weights.astype("float32")


def pretrainer_data():
    x, ids, weights = masked()
    y = {"masked_lm": ids, "next_sentence": labels(ROWS)}
    rows = np.linspace(0, 1, ROWS, dtype="float32")
    return x, y, {"masked_lm": weights, "next_sentence": rows}


def token_data():
    x = features(ROWS)
    y = np.random.default_rng(3).integers(0, 2, (ROWS, LENGTH))
    return x, y, x["padding_mask"].astype("float32")


def answers():
    y = np.random.default_rng(3).integers(0, 3, (2, ROWS))
    return features(ROWS), {"start_logits": y[0], "end_logits": y[1]}, None


def electra():
    model = ElectraPretrainer(backbone(ElectraBackbone), generator_hidden_dim=4)
    model._sampled = lambda logits, training: ops.argmax(logits, axis=-1)
    return model


CASES = {
    "classifier": (
        lambda: BertClassifier(backbone(), dropout=0.0),
        lambda: (features(ROWS), labels(ROWS), None),
    ),
    "weighted": (
        lambda: BertClassifier(backbone(), dropout=0.0),
        lambda: (features(ROWS), labels(ROWS), np.linspace(0, 2, ROWS, dtype="float32")),
    ),
    "masked_lm": (lambda: BertMaskedLM(backbone()), masked),
    "pretrainer": (lambda: BertPretrainer(backbone()), pretrainer_data),
    "electra": (electra, masked),
    "tokens": (lambda: BertTokenClassifier(backbone(), dropout=0.0), token_data),
    "answers": (lambda: BertQuestionAnswerer(backbone()), answers),
}


def trained(make, data, accumulation_steps):
    """A model, and its metrics after a batch of 32 and one of 5."""
    model = make()
    optimizer = make_optimizer("adamw", 0.01)
    model.compile(optimizer, run_eagerly=True, accumulation_steps=accumulation_steps)
    logs = []
    for part in (slice(0, 32), slice(32, ROWS)):
        batch = keras.tree.map_structure(lambda a, part=part: a if a is None else a[part], data)
        model.reset_metrics()
        logs.append(model.train_on_batch(*batch, return_dict=True))
    return model, logs


@pytest.mark.parametrize("case", CASES)
def test_micro_batches_equal_the_whole_batch(case):
    make, data = CASES[case]
    (whole, expected), (model, logs) = (trained(make, data(), count) for count in (1, 4))
    assert expected[0]["loss"] != pytest.approx(expected[1]["loss"], 1e-3)
    assert logs[0] == pytest.approx(expected[0], 1e-5)
    # Eagerly, Keras weights what it logs of each output by rows, which are 1, 1, 1 and 2.
    of_outputs = {name for name in expected[1] if name.endswith("_loss")}
    for name in expected[1].keys() - of_outputs:
        assert logs[1][name] == pytest.approx(expected[1][name], 1e-5)
    for ours, theirs in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5, err_msg=ours.path)


def test_micro_batches_in_the_graph_of_fit():
    """Texts aside, all that `fit` does: shuffling, tracing for any shape, an uneven last batch."""

    def fit(count):
        model = classifier(run_eagerly=False, accumulation_steps=count)
        losses = Losses()
        keras.utils.set_random_seed(1)
        model.fit(
            features(ROWS), labels(ROWS), batch_size=16, epochs=2, callbacks=[losses], verbose=0
        )
        return losses.losses, weights(model)

    (expected, theirs), (mine, ours) = fit(1), fit(4)
    assert len(mine) == 6
    np.testing.assert_allclose(mine, expected, rtol=1e-5)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)


def test_other_tasks_train_in_micro_batches(preprocessor):
    texts = ["a good film", "not great", "we saw it", "a bad film", "awful !", "very good"]
    student = BertClassifier(backbone(), dropout=0.0, preprocessor=preprocessor)
    teacher = BertClassifier(backbone(), preprocessor=preprocessor)
    for model, x, y in (
        (BertEmbedder(backbone(), preprocessor=preprocessor), (texts, texts[::-1]), None),
        (
            BertMultipleChoice(backbone(), preprocessor=preprocessor),
            (texts, [texts[:2]] * 6),
            [0, 1] * 3,
        ),
        (Distiller(teacher, student, hidden_weight=1.0), texts, [1, 0] * 3),
    ):
        model.compile(AdamW(0.01), run_eagerly=True, accumulation_steps=2)
        before = weights(model)
        history = model.fit(x, y, batch_size=4, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert any((a != b).any() for a, b in zip(before, weights(model), strict=True))


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "2"])
def test_numbers_of_micro_batches_that_are_none(count):
    with pytest.raises(ConfigError, match="give a whole number from 1 on"):
        classifier(accumulation_steps=count)


def fit_with_dropout(seed, **options):
    model, losses = classifier(dropout=0.3, **options), Losses()
    keras.utils.set_random_seed(seed)
    model.fit(features(16), labels(16), 8, shuffle=False, callbacks=[losses], verbose=0)
    return losses.losses


def test_dropout_follows_from_the_seed():
    first = fit_with_dropout(1)
    assert fit_with_dropout(1) == first
    assert fit_with_dropout(2)[0] != first[0]


def test_micro_batches_and_steps_have_masks_of_their_own():
    class Recorded(BertClassifier):
        def heads(self, outputs, inputs, training=None):
            logits = super().heads(outputs, inputs, training)
            self.seen.append(logits.numpy())
            return logits

    model = Recorded(backbone(dropout=0.3), dropout=0.3)
    model.seen = []
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True, accumulation_steps=2)
    same = {name: np.repeat(value[:1], 4, axis=0) for name, value in features(1).items()}
    for _ in range(2):
        model.train_on_batch(same, np.zeros(4))
    first_rows = [logits[0, 0] for logits in model.seen[-4:]]
    assert len(set(first_rows)) == 4


def test_keras_own_loops_see_metrics_alone():
    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return features(4), labels(4)

    model = classifier()
    model.compile(AdamW(0.01), run_eagerly=True)
    assert set(model.fit(Data(), verbose=0).history) == {"loss", "accuracy"}
    logs = model.train_on_batch(features(4), labels(4), return_dict=True)
    assert set(logs) == {"loss", "accuracy"}


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_steps_per_execution_leaves_no_batch_out(run_eagerly):
    x, y = features(29), labels(29)
    one = classifier()
    several = classifier(steps_per_execution=3, run_eagerly=run_eagerly)
    expected, found = (
        model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True) for model in (one, several)
    )
    assert found == pytest.approx(expected, 1e-5)
    keras.utils.set_random_seed(1)
    expected = one.fit(x, y, 4, epochs=2, verbose=0, validation_data=(x, y)).history
    keras.utils.set_random_seed(1)
    found = several.fit(x, y, 4, epochs=2, verbose=0, validation_data=(x, y)).history
    assert several.optimizer.iterations == 16
    for name in expected:
        assert found[name] == pytest.approx(expected[name], 1e-4)


FAMILIES = {
    "albert": (AlbertBackbone, AlbertMaskedLM),
    "bert": (BertBackbone, BertMaskedLM),
    "distilbert": (DistilBertBackbone, DistilBertMaskedLM),
    "electra": (ElectraBackbone, ElectraMaskedLM),
    "roberta": (RobertaBackbone, RobertaMaskedLM),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_familys_step_compiles_under_xla(family):
    backbone_class, task = FAMILIES[family]
    model = task(backbone(backbone_class, dropout=0.1))
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    losses = [model.train_on_batch(*masked(8))[0] for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]


def first_rows(count, data):
    return keras.tree.map_structure(lambda column: column[:count], data)


def evaluated(model, data, batch_size):
    x, y, sample_weight = data
    settings = {"sample_weight": sample_weight, "verbose": 0, "return_dict": True}
    return model.evaluate(x, y, batch_size, **settings)["loss"]


@pytest.mark.parametrize("case", ["pretrainer", "electra"])
def test_the_loss_of_an_evaluation_does_not_depend_on_its_batches(case):
    make, data = CASES[case]
    x, y, weights = data = first_rows(10, data())
    model = make()
    model.compile(run_eagerly=True)
    whole = float(model.compute_loss(x, y, model(x), weights, training=False))
    found = [evaluated(model, data, batch_size) for batch_size in (3, 7)]
    assert found == pytest.approx([whole, whole], 1e-5)


def test_what_an_evaluation_sums():
    """A mean over tokens, and a loss that does not average, which counts by rows."""
    x, y, weights = data = first_rows(10, pretrainer_data())
    model = BertPretrainer(backbone())
    of_rows = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    model.compile(
        loss={**model.default_loss(), "next_sentence": of_rows},
        loss_weights={"masked_lm": 0.5, "next_sentence": 2.0},
    )
    each = {
        name: weights[name]
        * -np.take_along_axis(log_softmax(logits, -1), y[name][..., None], -1)[..., 0]
        for name, logits in model(x).items()
    }
    tokens = each["masked_lm"].sum() / weights["masked_lm"].sum()
    rows = each["next_sentence"]
    expected = 0.5 * tokens + 2 * (7 * rows[:7].sum() + 3 * rows[7:].sum()) / 10
    assert evaluated(model, data, 7) == pytest.approx(expected, 1e-5)


def test_one_trace_serves_batches_of_any_shape():
    model = classifier(run_eagerly=False)
    batches = [
        ({"token_ids": ids}, tf.zeros(len(ids))) for ids in (tf.ones((4, 5)), tf.ones((2, 7)))
    ]
    spec = ({"token_ids": tf.TensorSpec((None, None))}, tf.TensorSpec((None,)))
    data = tf.data.Dataset.from_generator(lambda: batches, output_signature=spec)
    model.fit(data, steps_per_epoch=2, verbose=0)
    traced = model.train_function._one_step.experimental_get_tracing_count()
    assert traced == 1


def test_a_loss_without_examples_is_none():
    """A replica, or a micro-batch, may have no rows."""
    one, many = (classifier(accumulation_steps=count) for count in (1, 8))
    logs = [model.train_on_batch(features(3), labels(3), return_dict=True) for model in (one, many)]
    assert logs[1] == pytest.approx(logs[0], 1e-5)
    for ours, theirs in zip(many.weights, one.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
