"""A student learns what its teacher says, and is a task of its own afterwards."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax, softmax

from tfzoo import BertClassifier, BertMaskedLM
from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks import BertQuestionAnswerer, BertTokenClassifier, Task
from tfzoo.training import Distiller, shrink

TEXTS = ["a good film", "a bad film", "great !", "awful .", "we saw a very good film", "not good"]
IDS = [1, 0, 1, 0, 1, 0]
FEATURES = {
    "token_ids": np.array([[2, 7, 8, 3], [2, 9, 3, 0]]),
    "padding_mask": np.array([[1] * 4, [1] * 3 + [0]]),
}
REAL = FEATURES["padding_mask"].astype(bool)


@pytest.fixture
def teacher(tiny_bert, preprocessor):
    return BertClassifier(tiny_bert(), preprocessor=preprocessor)


def loss_of(distiller, features=FEATURES, y=None, sample_weight=None):
    seen = distiller(features, training=False)
    return float(distiller.compute_loss(features, y, seen, sample_weight, training=False))


def layers_of(task):
    """The hidden states and attention probabilities of all layers."""
    backbone = task.backbone
    backbone.return_encoder_outputs = backbone.return_attention_probabilities = True
    seen = backbone(FEATURES)
    backbone.return_encoder_outputs = backbone.return_attention_probabilities = False
    names = ("encoder_outputs", "attention_probabilities")
    return [[ops.convert_to_numpy(each) for each in seen[name]] for name in names]


def test_the_loss_of_labels_and_soft_targets(teacher, tiny_bert):
    student = BertClassifier(tiny_bert(num_layers=1), preprocessor=teacher.preprocessor)
    labels, weights = np.array([1, 0]), np.array([0.5, 2.0])
    taught, logits = (ops.convert_to_numpy(task(FEATURES)) for task in (teacher, student))
    soft = -(softmax(taught / 3, axis=-1) * log_softmax(logits / 3, axis=-1)).sum(axis=-1)
    hard = -log_softmax(logits, axis=-1)[[0, 1], labels]
    distiller = Distiller(teacher, student, temperature=3.0, label_weight=0.2)
    distiller.compile()
    assert loss_of(distiller) == pytest.approx(9 * soft.mean(), rel=1e-5)
    expected = ((0.8 * 9 * soft + 0.2 * hard) * weights).mean()
    assert loss_of(distiller, y=labels, sample_weight=weights) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("problem_type", "soft"),
    [
        ("multi_label", lambda p, q: -(p * np.log(q) + (1 - p) * np.log(1 - q))),
        ("regression", None),
    ],
)
def test_the_soft_targets_of_other_problems(tiny_bert, problem_type, soft):
    teacher, student = (
        BertClassifier(tiny_bert(num_layers=n), num_classes=3, problem_type=problem_type)
        for n in (2, 1)
    )
    taught, outputs = (ops.convert_to_numpy(task(FEATURES)) for task in (teacher, student))
    if soft:
        expected = 4 * soft(*(1 / (1 + np.exp(-each / 2)) for each in (taught, outputs))).mean()
    else:
        expected = ((taught - outputs) ** 2).mean()
    assert loss_of(Distiller(teacher, student)) == pytest.approx(expected, rel=1e-5)


def test_padding_has_no_weight_where_each_token_has_an_output(tiny_bert):
    teacher, student = (BertTokenClassifier(tiny_bert(num_layers=n)) for n in (2, 1))
    taught, outputs = (ops.convert_to_numpy(task(FEATURES))[REAL] for task in (teacher, student))
    soft = -(softmax(taught / 2, axis=-1) * log_softmax(outputs / 2, axis=-1)).sum(axis=-1)
    assert loss_of(Distiller(teacher, student)) == pytest.approx(4 * soft.mean(), rel=1e-5)


def test_layers_are_matched_at_real_tokens(tiny_bert):
    teacher, student = (BertClassifier(tiny_bert(num_layers=n)) for n in (4, 2))
    layer_map = [0, 3]
    (taught, attended), (hidden, attention) = layers_of(teacher), layers_of(student)
    expected = {
        "hidden_weight": [
            ((taught[i] - mine)[REAL] ** 2).mean()
            for i, mine in zip(layer_map, hidden, strict=True)
        ],
        "attention_weight": [
            _divergence(attended[i], mine) for i, mine in zip(layer_map, attention, strict=True)
        ],
    }
    soft = loss_of(Distiller(teacher, student))
    for name, values in expected.items():
        distiller = Distiller(teacher, student, layer_map=layer_map, **{name: 0.5})
        assert loss_of(distiller) - soft == pytest.approx(0.5 * np.mean(values), rel=1e-4)


def _divergence(taught, learned):
    real = np.repeat(REAL[:, None], taught.shape[1], axis=1)
    taught, learned = (np.maximum(each[real], 1e-7) for each in (taught, learned))
    return (taught * np.log(taught / learned)).sum(axis=-1).mean()


def test_a_narrower_student_learns_a_projection(teacher, tiny_bert):
    student = BertClassifier(tiny_bert(hidden_dim=8), preprocessor=teacher.preprocessor)
    distiller = Distiller(teacher, student, hidden_weight=1.0)
    distiller.compile(run_eagerly=True)
    before = ops.convert_to_numpy(distiller.projection.kernel)
    distiller.fit(TEXTS, IDS, verbose=0)
    assert before.shape == (8, 16)
    assert not np.array_equal(before, distiller.projection.kernel)
    assert distiller.projection not in student._flatten_layers()


def test_only_the_student_is_trained_and_stays_a_plain_task(teacher, tmp_path):
    student = shrink(teacher, num_layers=1)
    config, frozen = student.get_config(), teacher.get_weights()
    before = student.get_weights()
    distiller = Distiller(teacher, student, hidden_weight=1.0, attention_weight=1.0)
    distiller.compile(run_eagerly=True)
    history = distiller.fit(TEXTS, IDS, epochs=2, validation_data=(TEXTS, IDS), verbose=0).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(map(np.array_equal, teacher.get_weights(), frozen))
    assert not any(map(np.array_equal, student.get_weights(), before))
    assert {id(each) for each in distiller.trainable_variables} == {
        id(each) for each in student.trainable_variables
    }
    assert student.get_config() == config
    distiller.save_to_preset(tmp_path / "student")
    loaded = Task.from_preset(tmp_path / "student")
    expected = student.predict(TEXTS, verbose=0)
    for same in (loaded, distiller):
        np.testing.assert_allclose(same.predict(TEXTS, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "settings", "y"),
    [
        (BertClassifier, {}, np.array([0, 1, 1])),
        (BertTokenClassifier, {"hidden_weight": 1.0}, None),
        (BertTokenClassifier, {"attention_weight": 1.0}, None),
    ],
)
def test_unequal_pieces_of_a_batch_give_the_loss_of_the_whole(tiny_bert, task, settings, y):
    ids = np.array([[2, 7, 8, 3], [2, 9, 3, 0], [2, 3, 0, 0]])
    features = {"token_ids": ids, "padding_mask": (ids > 0).astype("int32")}
    teacher = task(tiny_bert(num_layers=1))
    student = task(tiny_bert(num_layers=1, dropout=0.0), dropout=0.0)
    kernel = student.backbone.encoder.groups[0].intermediate.kernel
    kernel.assign(100 * kernel[:, ::-1])
    distiller = Distiller(teacher, student, **settings)
    histories = []
    for pieces in (1, 2):
        distiller.compile(keras.optimizers.SGD(0.0), accumulation_steps=pieces, run_eagerly=True)
        histories.append(distiller.fit(features, y, shuffle=False, verbose=0).history["loss"][0])
    assert histories[0] == pytest.approx(loss_of(distiller, features, y), rel=1e-5)
    assert histories[1] == pytest.approx(histories[0], rel=1e-5)
    evaluated = distiller.evaluate(features, y, batch_size=2, return_dict=True, verbose=0)
    assert evaluated["loss"] == pytest.approx(histories[0], rel=1e-5)


def test_texts_without_labels_are_enough(tiny_bert, preprocessor):
    teacher = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
    teacher.classification_head.logits.kernel.assign(keras.random.normal((16, 2), seed=0))
    said = teacher.predict(TEXTS, verbose=0)
    teacher.classification_head.logits.bias.assign(-said.mean(axis=0))
    said = teacher.predict(TEXTS, verbose=0).argmax(axis=-1)
    assert 0 < said.sum() < len(TEXTS)
    keras.utils.set_random_seed(1)
    student = BertClassifier(
        type(teacher.backbone).from_config(teacher.backbone.get_config()), preprocessor=preprocessor
    )
    distiller = Distiller(teacher, student)
    distiller.compile(keras.optimizers.Adam(0.01))
    history = distiller.fit(TEXTS * 40, batch_size=6, shuffle=False, verbose=0).history
    assert set(history) == {"loss"}
    np.testing.assert_array_equal(student.predict(TEXTS, verbose=0).argmax(axis=-1), said)


def test_cached_logits_are_those_of_the_live_teacher(teacher, tmp_path, monkeypatch):
    distiller = Distiller(teacher, shrink(teacher, num_layers=1), cache=tmp_path)
    for y in (IDS, None):
        batches = distiller._training_data(TEXTS, y, None, batch_size=4, shuffle=True)
        sizes = []
        for features, *labels in batches:
            cached = features.pop("teacher_outputs")
            np.testing.assert_allclose(cached, teacher(features), atol=1e-5)
            assert len(labels) == (y is not None)
            sizes.append(len(cached))
        assert sorted(sizes) == [2, 4]
    monkeypatch.setattr(teacher, "heads", None)  # the teacher is not needed any more
    distiller.compile(run_eagerly=True)
    for y in (IDS, None):
        distiller.fit(TEXTS, y, verbose=0)


@pytest.mark.parametrize("cached", [True, False])
def test_weights_without_labels(teacher, tmp_path, cached):
    distiller = Distiller(teacher, teacher, cache=tmp_path if cached else None)
    with pytest.raises(DataError, match="Sample weights are given without labels"):
        distiller.fit(TEXTS, sample_weight=np.ones(len(TEXTS)))


def test_tasks_that_make_or_frame_their_own_labels(tiny_bert, preprocessor):
    words = [text.split() for text in TEXTS]
    pairs = (["was it good"] * 2, ["the film was great", "we saw a film"])
    answers = [{"text": "great", "answer_start": 13}, {"text": "a film", "answer_start": 7}]
    for task, x, y in (
        (BertMaskedLM, TEXTS, None),
        (BertTokenClassifier, words, [[0] * len(row) for row in words]),
        (BertQuestionAnswerer, pairs, answers),
    ):
        teacher = task(tiny_bert(num_layers=1), preprocessor=preprocessor)
        student = shrink(teacher, num_layers=1)
        before = student.get_weights()
        distiller = Distiller(teacher, student)
        distiller.compile(run_eagerly=True)
        history = distiller.fit(x, y, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert not any(map(np.array_equal, before[1:3], student.get_weights()[1:3]))


def test_a_question_answerer_needs_its_answers(tiny_bert, preprocessor):
    teacher = BertQuestionAnswerer(tiny_bert(), preprocessor=preprocessor)
    with pytest.raises(DataError, match="have no labels"):
        Distiller(teacher, shrink(teacher, 1)).fit((["was it good"], ["the film was great"]))


def test_pairs_that_do_not_fit(teacher, tiny_bert, preprocessor):
    other_words = type(preprocessor)(
        type(preprocessor.tokenizer)(preprocessor.tokenizer.vocabulary[::-1]), 16
    )
    twin, one, many = BertClassifier(tiny_bert()), tiny_bert(num_layers=1), float("inf")
    for student, settings, message in (
        (BertMaskedLM(one), {}, "cannot teach"),
        (BertClassifier(one, num_classes=3), {}, "num_classes is 2"),
        (BertClassifier(one, preprocessor=other_words), {}, "the tokenizer of its teacher"),
        (BertClassifier(tiny_bert(num_heads=4)), {"attention_weight": 1.0}, "head by head"),
        (twin, {"hidden_weight": 1, "layer_map": [1]}, "has 1 entries"),
        (twin, {"attention_weight": 1, "layer_map": [1, 2]}, "numbered 0 to 1"),
        (BertClassifier(tiny_bert(num_layers=3)), {"hidden_weight": 1.0}, "3 layers"),
        (twin, {"temperature": 0}, "positive"),
        (twin, {"temperature": many}, "temperature is inf"),
        (twin, {"label_weight": 1.5}, "between 0 and 1"),
        (twin, {"hidden_weight": -1}, "negative"),
        (twin, {"hidden_weight": many}, "hidden_weight is inf"),
        (twin, {"attention_weight": many - many}, "attention_weight is nan"),
        (twin, {"cache": "c", "hidden_weight": 1}, "logits alone"),
    ):
        with pytest.raises(ConfigError, match=message):
            Distiller(teacher, student, **settings)


def test_a_distiller_is_not_saved(teacher):
    with pytest.raises(ConfigError, match="save its student"):
        Distiller(teacher, teacher).get_config()


def test_a_distiller_is_not_quantized(teacher):
    with pytest.raises(ConfigError, match="quantize its student"):
        Distiller(teacher, teacher).quantize()
    assert teacher.backbone.quantization is None
