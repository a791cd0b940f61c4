"""Classifiers: strings in, every way to give labels, and answers in the caller's order."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfzoo import BertClassifier
from tfzoo.errors import ConfigError, DataError
from tfzoo.training import AdamW, fine_tuning_optimizer
from tfzoo.weights.shapes import variables

TEXTS = ["a good film", "a bad film", "great !", "awful .", "we saw a very good film", "not good"]
NAMES = ["bad", "good"]
LABELS = ["good", "bad", "good", "bad", "good", "bad"]
IDS = [1, 0, 1, 0, 1, 0]
NASTY = ["", "good " * 10_000, "👩🏽‍🚀 good", "中文 好", "nul\0byte", "\0", " ", "bad"]


@pytest.fixture
def make_classifier(tiny_bert, preprocessor):
    """A function that makes a classifier whose training changes nothing but its logs.

    It runs eagerly, which is quicker than tracing for a few batches.
    """

    def make(**kwargs):
        kwargs = {"preprocessor": preprocessor, "dropout": 0.0, **kwargs}
        model = BertClassifier(tiny_bert(num_layers=1, dropout=0.0), **kwargs)
        head = model.classification_head.logits
        head.kernel.assign(20 * head.kernel)
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        return model

    return make


def losses(model, texts, ids):
    """The cross-entropy of each text, from the logits of a single batch."""
    logits = ops.convert_to_numpy(model(model.preprocessor(texts))).astype("float64")
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(ids)), ids]


def dataset(*columns):
    return tf.data.Dataset.from_tensor_slices(columns if len(columns) > 1 else columns[0])


def last(history):
    return {name: values[-1] for name, values in history.history.items()}


def test_learns_from_strings(tiny_bert, preprocessor):
    backbone = tiny_bert(num_layers=1, dropout=0.0)
    model = BertClassifier(backbone, preprocessor=preprocessor, class_names=NAMES)
    model.compile(AdamW(0.03))
    history = model.fit(TEXTS * 8, LABELS * 8, batch_size=8, epochs=6, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert model.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["accuracy"] == 1
    assert [answer["label"] for answer in model.classify(TEXTS)] == LABELS


def test_compile_without_arguments_is_fine_tuning(tiny_bert):
    model = BertClassifier(tiny_bert(num_layers=1))
    model.compile()
    assert model.optimizer.no_decay == ["bias", "gamma", "beta"]
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)
    model.compile("sgd", "mse", ["mae"])
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert model.loss == "mse"


@pytest.mark.parametrize("labels", [LABELS, IDS, np.array(IDS), np.array(IDS, "float32")])
def test_names_and_ids_mean_the_same(make_classifier, labels):
    assert make_classifier(class_names=NAMES).targets(labels).tolist() == IDS


def test_losses_and_weights(make_classifier):
    model = make_classifier(class_names=NAMES)
    each, weights = losses(model, TEXTS, IDS), np.array([0.0, 1.0, 2.0, 0.0, 0.5, 3.0])
    settings = {"batch_size": 4, "verbose": 0}
    plain = model.evaluate(TEXTS, LABELS, return_dict=True, **settings)
    assert plain["loss"] == pytest.approx(each.mean(), 1e-4)
    weighted = model.evaluate(TEXTS, LABELS, sample_weight=weights, return_dict=True, **settings)
    assert weighted["loss"] == pytest.approx((weights * each).mean(), 1e-4)
    trained = last(model.fit(TEXTS, LABELS, sample_weight=weights, **settings))
    assert trained["loss"] == pytest.approx((weights * each).mean(), 1e-4)
    trained = last(model.fit(TEXTS, LABELS, class_weight={0: 0.5, 1: 3.0}, **settings))
    assert trained["loss"] == pytest.approx((np.array([3.0, 0.5] * 3) * each).mean(), 1e-4)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["good", "bad", "great", "bad", "good", "bad"], r"Example 2 has the label 'great'.*bad"),
        ([0, 1, 0, 1, 0, 2], r"Example 5 has the label 2; the classes are the ids 0\.\.1"),
        ([0, -1, 0, 1, 0, 1], "Example 1 has the label -1"),
        ([0, 1, None, 1, 0, 1], "Example 2 has the label None"),
        ([0, 1, 0.5, 1, 0, 1], "Example 2 has the label 0.5"),
        ([0, 1], "6 texts"),
    ],
)
def test_labels_that_are_no_classes(make_classifier, labels, message):
    model = make_classifier(class_names=NAMES)
    with pytest.raises(DataError, match=message):
        model.fit(TEXTS, labels, verbose=0)
    with pytest.raises(DataError, match=message):
        model.evaluate(TEXTS, labels, verbose=0)
    with pytest.raises(DataError, match=message):
        model.fit(TEXTS, LABELS, validation_data=(TEXTS, labels), verbose=0)
    assert model.optimizer.iterations == 0


def test_validation_data_in_every_form(make_classifier):
    model = make_classifier(class_names=NAMES)
    for data in [
        (TEXTS, LABELS),
        dataset(TEXTS, IDS),
        dataset(TEXTS, IDS).batch(4),
        (dict(model.preprocessor(TEXTS)), np.array(IDS)),
    ]:
        result = last(model.fit(TEXTS[:1], LABELS[:1], validation_data=data, verbose=0))
        assert result["val_loss"] == pytest.approx(losses(model, TEXTS, IDS).mean(), 1e-4)
        assert result["loss"] == pytest.approx(losses(model, TEXTS[:1], IDS[:1]).mean(), 1e-4)
    weighted = (TEXTS, LABELS, np.arange(6.0))
    result = last(model.fit(TEXTS[:1], LABELS[:1], validation_data=weighted, verbose=0))
    expected = (np.arange(6) * losses(model, TEXTS, IDS)).mean()
    assert result["val_loss"] == pytest.approx(expected, 1e-4)


def test_validation_split_is_the_end(make_classifier):
    model = make_classifier(class_names=NAMES)
    weights = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 3.0])
    settings = {"sample_weight": weights, "validation_split": 1 / 3, "verbose": 0}
    result = last(model.fit(TEXTS, LABELS, **settings))
    each = weights * losses(model, TEXTS, IDS)
    assert result["loss"] == pytest.approx(each[:4].mean(), 1e-4)
    assert result["val_loss"] == pytest.approx(each[4:].mean(), 1e-4)


@pytest.mark.parametrize("batched", [True, False])
def test_datasets_of_strings(make_classifier, batched):
    def maybe_batched(*columns):
        return dataset(*columns).batch(4) if batched else dataset(*columns)

    model, weights = make_classifier(), np.array([1.0, 2.0] * 3, "float32")
    expected = (weights * losses(model, TEXTS, IDS)).mean()
    data = maybe_batched(TEXTS, IDS, weights)
    result = last(model.fit(data, validation_data=data, verbose=0))
    assert result["loss"] == pytest.approx(expected, 1e-4)
    assert result["val_loss"] == pytest.approx(expected, 1e-4)
    assert model.evaluate(data, verbose=0)[0] == pytest.approx(expected, 1e-4)
    logits = model.predict(maybe_batched(TEXTS), verbose=0)
    np.testing.assert_allclose(logits, model(model.preprocessor(TEXTS)), atol=1e-5)


def test_pairs(make_classifier):
    model = make_classifier(class_names=NAMES)
    pairs = (TEXTS, TEXTS[::-1])
    expected = model(model.preprocessor(pairs)).numpy()
    np.testing.assert_allclose(model.predict(pairs, batch_size=2, verbose=0), expected, atol=1e-5)
    assert np.abs(expected - model(model.preprocessor(pairs[::-1]))).max() > 0.01
    expected = losses(model, pairs, IDS)
    result = last(model.fit(pairs, LABELS, validation_split=0.5, verbose=0))
    assert result["loss"] == pytest.approx(expected[:3].mean(), 1e-4)
    assert result["val_loss"] == pytest.approx(expected[3:].mean(), 1e-4)
    assert len(model.classify(pairs)) == 6


def test_predict_equals_one_by_one_in_the_callers_order(make_classifier):
    model = make_classifier(num_classes=3)
    model.compile(keras.optimizers.SGD(0.0))  # predict runs as a graph, as it does for users
    texts = [*TEXTS, *NASTY, *TEXTS[::-1]]
    expected = np.concatenate([model(model.preprocessor([text])) for text in texts])
    assert expected.std(axis=0).min() > 0.02
    np.testing.assert_allclose(model.predict(texts, batch_size=4, verbose=0), expected, atol=1e-4)
    one_by_one = np.concatenate([model.predict([text], verbose=0) for text in NASTY[:4]])
    np.testing.assert_allclose(one_by_one, expected[6:10], atol=1e-4)


def test_multi_label(make_classifier):
    names = ["good", "bad", "film"]
    model = make_classifier(num_classes=3, class_names=names, problem_type="multi_label")
    labels = [["good", "film"], [], ["bad"], ["film"], ["film", "bad", "good"], ["good"]]
    rows = np.array([[float(name in each) for name in names] for each in labels])
    logits = model(model.preprocessor(TEXTS)).numpy()
    expected = (np.log1p(np.exp(logits)) - rows * logits).mean()
    accuracy = ((logits > 0) == rows).mean()
    for y in (labels, rows):
        result = model.evaluate(TEXTS, y, verbose=0, return_dict=True)
        assert result == pytest.approx({"loss": expected, "accuracy": accuracy}, 1e-4)
    assert last(model.fit(TEXTS, labels, verbose=0))["loss"] == pytest.approx(expected, 1e-4)
    for answer, row in zip(model.classify(TEXTS), logits, strict=True):
        assert answer["labels"] == [name for name, x in zip(names, row, strict=True) if x > 0]
        probabilities = 1 / (1 + np.exp(-row))
        assert list(answer["probabilities"]) == names
        assert list(answer["probabilities"].values()) == pytest.approx(probabilities, 1e-4)
    with pytest.raises(DataError, match="Example 1 has the label 'great'"):
        model.evaluate(TEXTS[:2], [["good"], ["great"]], verbose=0)


@pytest.mark.parametrize("width", [1, 2])
def test_regression(make_classifier, width):
    model = make_classifier(num_classes=width, problem_type="regression")
    labels = np.arange(6.0) if width == 1 else np.arange(12.0).reshape(6, 2)
    values = model(model.preprocessor(TEXTS)).numpy()
    error = values - labels.reshape(6, width)
    expected = {"loss": np.square(error).mean(), "mae": np.abs(error).mean()}
    result = model.evaluate(TEXTS, labels.tolist(), verbose=0, return_dict=True)
    assert result == pytest.approx(expected, 1e-4)
    assert last(model.fit(TEXTS, labels, verbose=0)) == pytest.approx(expected, 1e-4)
    answers = [answer["value"] for answer in model.classify(TEXTS)]
    np.testing.assert_allclose(np.reshape(answers, (6, width)), values, atol=1e-5)
    assert isinstance(answers[0], float if width == 1 else list)
    with pytest.raises(DataError, match="Example 1 has the label 'much', not a finite number"):
        model.evaluate(TEXTS[:2], [labels[0].tolist(), "much"], verbose=0)
    with pytest.raises(DataError, match=f"the model predicts {width} values"):
        model.fit(TEXTS[:2], [[1.0, 2.0, 3.0]] * 2, verbose=0)


def test_classify_without_names(make_classifier):
    model = make_classifier(num_classes=3)
    answers = model.classify(TEXTS)
    logits = model.predict(TEXTS, verbose=0)
    assert [answer["label"] for answer in answers] == logits.argmax(axis=1).tolist()
    for answer in answers:
        assert list(answer["probabilities"]) == [0, 1, 2]
        assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_features_and_plain_keras(tiny_bert, preprocessor):
    model = BertClassifier(tiny_bert(num_layers=1), num_classes=2)
    features = {name: value.numpy() for name, value in preprocessor(TEXTS).items()}
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=True,
    )
    settings = {"validation_split": 0.5, "batch_size": 2, "verbose": 0}
    history = model.fit(features, np.array(IDS), **settings).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert model.predict(features, verbose=0).shape == (6, 2)
    assert len(model.evaluate(features, np.array(IDS), verbose=0)) == 2
    assert np.isfinite(model.train_on_batch(features, np.array(IDS))[0])
    batches = tf.data.Dataset.from_tensor_slices((features, IDS)).batch(4)
    model.fit(batches, verbose=0)


@pytest.mark.parametrize("count", [0, 1])
def test_frozen_layers_do_not_move(tiny_bert, preprocessor, count):
    model = BertClassifier(tiny_bert(), preprocessor=preprocessor)
    model.backbone.train_last_layers(count)
    model.compile(fine_tuning_optimizer(0.03), run_eagerly=True)
    before = {path: variable.numpy() for path, variable in variables(model).items()}
    model.fit(TEXTS, IDS, verbose=0)
    moved = {path for path, v in variables(model).items() if (v.numpy() != before[path]).any()}
    free = ("classification_head/", "pooler/", *(["encoder/layer_1/"] * count))
    assert moved == {path for path in before if path.startswith(free)}


def test_names_that_make_no_sense(tiny_bert):
    with pytest.raises(ConfigError, match="2 different class names are given for 3 classes"):
        BertClassifier(tiny_bert(), num_classes=3, class_names=["a", "b"])
    with pytest.raises(ConfigError, match="1 different class names"):
        BertClassifier(tiny_bert(), class_names=["a", "a"])
    with pytest.raises(ConfigError, match="The class name 7 is not a string; give names as"):
        BertClassifier(tiny_bert(), class_names=["a", 7, 8])
    with pytest.raises(ConfigError, match="problem_type is 'sorting'; choose one of single_label"):
        BertClassifier(tiny_bert(), problem_type="sorting")


def test_class_weight_by_name(make_classifier):
    model = make_classifier(num_classes=2, class_names=["bad", "good"])
    names, settings = ["good", "bad"] * 3, {"shuffle": False, "verbose": 0}
    model.compile(keras.optimizers.SGD(0.0))
    every = last(model.fit(TEXTS, names, class_weight={"bad": 3.0, "good": 1.0}, **settings))
    partial = last(model.fit(TEXTS, names, class_weight={"bad": 3.0}, **settings))
    assert partial["loss"] == pytest.approx(every["loss"])
    assert partial["loss"] > last(model.fit(TEXTS, names, **settings))["loss"]
    with pytest.raises(DataError, match="ugly"):
        model.fit(TEXTS, names, class_weight={"ugly": 1.0}, **settings)


def test_class_weight_is_of_training_alone(make_classifier):
    model = make_classifier(class_names=NAMES)
    settings = {"class_weight": {"bad": 3.0}, "shuffle": False, "verbose": 0}
    result = last(model.fit(TEXTS, LABELS, validation_split=1 / 3, **settings))
    each = losses(model, TEXTS, IDS)
    assert result["loss"] == pytest.approx((np.array([1, 3, 1, 3]) * each[:4]).mean(), 1e-4)
    assert result["val_loss"] == pytest.approx(each[4:].mean(), 1e-4)
    weights = np.arange(6.0)
    expected = (np.array([1, 3] * 3) * weights * each).mean()
    result = last(model.fit(TEXTS, LABELS, sample_weight=weights.tolist(), **settings))
    assert result["loss"] == pytest.approx(expected, 1e-4)
    result = last(model.fit(dataset(TEXTS, IDS, weights), **settings))
    assert result["loss"] == pytest.approx(expected, 1e-4)


def test_class_weight_without_a_class_per_text(make_classifier):
    model, settings = make_classifier(class_names=NAMES), {"class_weight": {"bad": 3.0}}
    rows = np.eye(2, dtype="float32")[IDS]
    for x in (TEXTS, dataset(TEXTS), dataset(TEXTS, rows)):
        with pytest.raises(DataError, match="class_weight needs labels"):
            model.fit(x, **settings)
    with pytest.raises(ConfigError, match="class_weight needs one label per text"):
        model.fit(TEXTS, rows, **settings)
    with pytest.raises(DataError, match="6 labels and 2 sample weights"):
        model.fit(TEXTS, LABELS, sample_weight=[1, 2], **settings)
    with pytest.raises(ConfigError, match="'bad': 'x'}; give a number each"):
        model.fit(TEXTS, LABELS, class_weight={"bad": "x"})


def test_labels_are_wanted(make_classifier):
    model = make_classifier()
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match="have no labels"):
            call(TEXTS, verbose=0)


def test_strings_need_a_preprocessor(tiny_bert):
    with pytest.raises(DataError, match="has no preprocessor"):
        BertClassifier(tiny_bert(num_layers=1)).predict(TEXTS)
