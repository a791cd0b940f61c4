"""Labels for words: learning, every form of input, long texts, entities, presets and files."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import BertClassifier
from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks.token_classifier import BertTokenClassifier, TokenClassifier
from tfzoo.training import AdamW
from tfzoo.weights.shapes import variables

ARTIFACT = Path(__file__).parents[1] / "artifacts" / "huggingface_token_classifier"
NAMES = ["O", "B-ART", "I-ART", "B-JOY"]
TEXTS = ["we saw the film !", "the film was great", "bad playing", "it was a very great film ."]
LABELS = [
    ["O", "O", "B-ART", "I-ART", "O"],
    ["B-ART", "I-ART", "O", "B-JOY"],
    ["O", "O"],
    ["O", "O", "O", "O", "B-JOY", "B-ART", "O"],
]
WORDS = [text.split() for text in TEXTS]
IDS = [[NAMES.index(label) for label in row] for row in LABELS]
LONG = "we saw the film and it was great . " * 12
NASTY = [
    "",
    LONG,
    "👩🏽‍🚀 good",
    "中文好 film",
    "nul\0byte \0 film",
    "\u3000",
    "U.S.-based!film bad",
]


@pytest.fixture
def make_tagger(tiny_bert, preprocessor):
    """A function that makes a tagger whose training changes nothing but its logs."""

    def make(**kwargs):
        kwargs = {"preprocessor": preprocessor, "dropout": 0.0, **kwargs}
        model = BertTokenClassifier(tiny_bert(num_layers=1, dropout=0.0), **kwargs)
        head = model.token_classification_head.logits
        head.kernel.assign(20 * head.kernel)
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        return model

    return make


@pytest.fixture(scope="module")
def trained(tiny_bert, preprocessor):
    model = BertTokenClassifier(
        tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor, class_names=NAMES
    )
    model.compile(AdamW(0.02))
    history = model.fit(TEXTS * 8, LABELS * 8, batch_size=8, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    return model


def last(history):
    return {name: values[-1] for name, values in history.history.items()}


def word_by_word(model, words):
    """The logits of the words of a text that fits into a row, without any batches."""
    tokenizer = model.preprocessor.tokenizer
    pieces = [tokenizer([word]).to_list()[0] or [tokenizer.unk_id] for word in words]
    ids = [tokenizer.cls_id, *(i for word in pieces for i in word), tokenizer.sep_id]
    begins = np.cumsum([1, *map(len, pieces)])[:-1]
    assert len(ids) <= model.preprocessor.sequence_length
    return model({"token_ids": np.array([ids])}).numpy()[0, begins]


def cross_entropy(logits, ids):
    logits = logits.astype("float64")
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(ids)), ids]


def losses(model, words, ids):
    return [cross_entropy(word_by_word(model, w), i) for w, i in zip(words, ids, strict=True)]


def test_learns_words_and_entities(trained):
    assert trained.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["accuracy"] > 0.95
    scores = trained.evaluate_entities(TEXTS, LABELS)
    assert scores["f1"] > 0.95
    assert set(scores["f1_of"]) == {"ART", "JOY"}
    wrong = [["O"] * len(row) for row in LABELS]
    wrong[0] = LABELS[0]
    scores = trained.evaluate_entities(WORDS, wrong)
    assert (scores["precision"], scores["recall"]) == (pytest.approx(1 / 5), 1)


def test_tags_entities(trained):
    text = "It  was a very\u3000great film ."
    answers = trained.tag([text, WORDS[1], "", b"bad playing"])
    assert [[row.pop("score") > 0.5 for row in rows] for rows in answers] == [
        [True] * 2, [True] * 2, [], []
    ]  # fmt: skip
    assert answers[0] == [
        {"label": "JOY", "start_word": 4, "end_word": 5, "text": "great", "start": 15, "end": 20},
        {"label": "ART", "start_word": 5, "end_word": 6, "text": "film", "start": 21, "end": 25},
    ]
    assert answers[1] == [
        {"label": "ART", "start_word": 0, "end_word": 2, "text": "the film"},
        {"label": "JOY", "start_word": 3, "end_word": 4, "text": "great"},
    ]
    assert answers[2:] == [[], []]


def test_scores_are_mean_probabilities(make_tagger):
    model = make_tagger(class_names=["B-X", "I-X"])
    logits = model.predict(TEXTS, verbose=0)
    for rows, answers in zip(logits, model.tag(TEXTS), strict=True):
        best = np.exp(rows).max(axis=1) / np.exp(rows).sum(axis=1)
        for answer in answers:
            expected = best[answer["start_word"] : answer["end_word"]].mean()
            assert answer["score"] == pytest.approx(expected, 1e-4)
    assert any(row["end_word"] - row["start_word"] > 1 for rows in model.tag(TEXTS) for row in rows)


@pytest.mark.parametrize("names", [["NOUN", "VERB", "ADJ"], None])
def test_tags_words(make_tagger, names):
    model = make_tagger(num_classes=3, class_names=names)
    answers = model.tag([" a film\nwas", ["a", "film was"]])
    logits = model.predict([" a film\nwas", ["a", "film was"]], verbose=0)
    assert [row["text"] for row in answers[0]] == ["a", "film", "was"]
    assert [(row["start"], row["end"]) for row in answers[0]] == [(1, 2), (3, 7), (8, 11)]
    assert [row["text"] for row in answers[1]] == ["a", "film was"]
    for rows, its_logits in zip(answers, logits, strict=True):
        labels = [(names or [0, 1, 2])[index] for index in its_logits.argmax(axis=1)]
        assert [row["label"] for row in rows] == labels
    with pytest.raises(ConfigError, match="Entities need labels in a BIO scheme"):
        model.evaluate_entities(TEXTS, [[0] * len(row) for row in LABELS])


def test_predict_equals_one_by_one(make_tagger):
    model = make_tagger(num_classes=3)
    model.compile(keras.optimizers.SGD(0.0))  # predict runs as a graph, as it does for users
    texts = [*TEXTS, *NASTY, ["the film", "", "\u200b", "was"], *TEXTS[::-1]]
    logits = model.predict(texts, batch_size=4, verbose=0)
    words = [text.split() if isinstance(text, str) else text for text in texts]
    assert [row.shape for row in logits] == [(len(row), 3) for row in words]
    assert np.concatenate(logits).std(axis=0).min() > 0.02
    for index, (ours, its_words) in enumerate(zip(logits, words, strict=True)):
        if its_words and texts[index] != LONG:
            np.testing.assert_allclose(ours, word_by_word(model, its_words), atol=1e-4)
    alone = [model.predict([text], verbose=0)[0] for text in texts[:6]]
    for ours, theirs in zip(logits, alone, strict=False):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_words_of_a_long_text_have_their_window(make_tagger):
    """The first and the last window of a long text are those of its ends."""
    model = make_tagger(num_classes=3)
    (logits,) = model.predict([LONG], verbose=0)
    words = LONG.split()
    first = word_by_word(model, words[:14])  # each is one piece
    np.testing.assert_allclose(logits[:12], first[:12], atol=1e-5)
    assert np.abs(logits[12:14] - first[12:14]).max() > 1e-3
    np.testing.assert_allclose(logits[-8:], word_by_word(model, words[-14:])[-8:], atol=1e-5)


def test_losses_and_weights(make_tagger):
    model = make_tagger(class_names=NAMES)
    each = losses(model, WORDS, IDS)
    mean = np.concatenate(each).mean()
    result = model.evaluate(TEXTS, IDS, verbose=0, return_dict=True)
    assert result["loss"] == pytest.approx(mean, 1e-4)
    best = np.concatenate([word_by_word(model, row).argmax(axis=1) for row in WORDS])
    assert result["accuracy"] == pytest.approx((best == np.concatenate(IDS)).mean())
    assert last(model.fit(WORDS, LABELS, verbose=0))["loss"] == pytest.approx(mean, 1e-4)
    per_text = [1.0, 0.0, 2.0, 0.5]
    per_word = [np.full(len(row), w) for row, w in zip(LABELS, per_text, strict=True)]
    weights = np.concatenate(per_word)
    expected = (weights * np.concatenate(each)).sum() / weights.sum()
    result = last(model.fit(TEXTS, LABELS, sample_weight=per_text, verbose=0))
    assert result["loss"] == pytest.approx(expected, 1e-4)
    result = model.evaluate(TEXTS, LABELS, sample_weight=per_word, verbose=0)
    assert result[0] == pytest.approx(expected, 1e-4)
    with pytest.raises(ConfigError, match="give a weight per word as sample_weight"):
        model.fit(TEXTS, LABELS, class_weight={0: 1.0})


def test_long_texts_are_cut_in_training_alone(make_tagger):
    model = make_tagger(num_classes=2)
    ids = [[0] * 14 + [1] * (len(LONG.split()) - 14)]
    expected = cross_entropy(word_by_word(model, LONG.split()[:14]), ids[0][:14])
    trained = last(model.fit([LONG], ids, verbose=0))
    assert trained["loss"] == pytest.approx(expected.mean(), 1e-4)
    every = cross_entropy(model.predict([LONG], verbose=0)[0], ids[0])
    assert model.evaluate([LONG], ids, verbose=0)[0] == pytest.approx(every.mean(), 1e-4)


def test_validation(make_tagger):
    model = make_tagger(class_names=NAMES)
    each = losses(model, WORDS, IDS)
    result = last(model.fit(TEXTS, LABELS, validation_split=0.5, verbose=0))
    assert result["loss"] == pytest.approx(np.concatenate(each[:2]).mean(), 1e-4)
    assert result["val_loss"] == pytest.approx(np.concatenate(each[2:]).mean(), 1e-4)
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(TEXTS, IDS, strict=True),
        output_signature=(tf.TensorSpec((), tf.string), tf.TensorSpec([None], tf.int32)),
    )
    expected = np.concatenate(each).mean()
    result = last(model.fit(dataset, validation_data=(WORDS, LABELS), verbose=0))
    assert result["loss"] == pytest.approx(expected, 1e-4)
    assert result["val_loss"] == pytest.approx(expected, 1e-4)
    result = last(model.fit(TEXTS, LABELS, validation_data=dataset, verbose=0))
    assert result["val_loss"] == pytest.approx(expected, 1e-4)
    texts = tf.data.Dataset.from_tensor_slices(TEXTS)
    for ours, theirs in zip(
        model.predict(texts, verbose=0), model.predict(TEXTS, verbose=0), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_features(make_tagger):
    model = make_tagger(num_classes=4, preprocessor=None)
    features = {"token_ids": np.array([[2, 7, 8, 3], [2, 9, 3, 0]])}
    features["padding_mask"] = np.array([[1] * 4, [1] * 3 + [0]])
    y, weights = np.array([[0, 1, 2, 0], [0, 3, 0, 0]]), np.array([[0, 1, 1, 0], [0, 1, 0, 0]])
    logits = model.predict(features, verbose=0)
    assert logits.shape == (2, 4, 4)
    expected = cross_entropy(logits[weights > 0], y[weights > 0]).mean()
    for result in (
        last(model.fit(features, y, sample_weight=weights, verbose=0)),
        model.evaluate(features, y, sample_weight=weights, verbose=0, return_dict=True),
        last(model.fit(features, y, validation_data=(features, y, weights), verbose=0)),
    ):
        assert result.get("val_loss", result["loss"]) == pytest.approx(expected, 1e-4)
    with pytest.raises(DataError, match="has no preprocessor"):
        model.tag(TEXTS)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS[:2], [LABELS[0], LABELS[1][:-1]], "Example 1 has 4 words and 3 labels"),
        (TEXTS[:1], [["B-LOC", *LABELS[0][1:]]], "Example 0, word 0 has the label 'B-LOC'"),
        (["a", ""], [["O"], []], "Example 1 has no words"),
        (TEXTS, None, "have no labels"),
        (TEXTS, LABELS[:3], "There are 4 texts, but labels for 3"),
        ((TEXTS, TEXTS), LABELS, "not in a tuple of two"),
        ([["a"], [3]], [["O"], ["O"]], "Example 1, word 0 is not a string but int"),
        ([], [], "There are no texts"),
    ],
)
def test_data_that_do_not_fit(make_tagger, texts, labels, message):
    model = make_tagger(class_names=NAMES)
    for call in (
        lambda: model.fit(texts, labels, verbose=0),
        lambda: model.evaluate(texts, labels, verbose=0),
        lambda: model.fit(TEXTS, LABELS, validation_data=(texts, labels), verbose=0),
    ):
        with pytest.raises(DataError, match=message):
            call()
    assert model.optimizer.iterations == 0


def test_pooler_is_not_trained(make_tagger):
    model = make_tagger()
    free = {id(variable) for variable in model.trainable_variables}
    left = {path for path, variable in variables(model).items() if id(variable) not in free}
    assert left == {"pooler/dense/kernel", "pooler/dense/bias"}


def test_artifact_of_transformers(tmp_path):
    with np.load(ARTIFACT / "expected.npz") as file:
        expected = dict(file)
    inputs = {
        "token_ids": expected["input_ids"],
        "padding_mask": expected["attention_mask"],
        "segment_ids": expected["token_type_ids"],
    }
    assert np.abs(expected["logits"]).max() > 0.1
    model = BertTokenClassifier.from_preset(ARTIFACT / "model")
    assert model.class_names == ["O", "B-PER", "I-PER", "B-LOC"]
    np.testing.assert_allclose(model(inputs), expected["logits"], rtol=0, atol=2e-5)
    for form in ("huggingface", "tfzoo"):
        model.save_to_preset(tmp_path / form, format=form)
        again = TokenClassifier.from_preset(tmp_path / form)
        assert type(again) is BertTokenClassifier
        assert again.own_config() == model.own_config()
        np.testing.assert_array_equal(again(inputs), model(inputs))


def test_preset_of_another_task(make_tagger, tiny_bert, preprocessor, tmp_path):
    names = ["ham", "spam", "eggs"]
    BertClassifier(tiny_bert(), preprocessor=preprocessor, class_names=names).save_to_preset(
        tmp_path / "classifier"
    )
    model = BertTokenClassifier.from_preset(tmp_path / "classifier")
    assert (model.num_classes, model.class_names) == (2, None)
    make_tagger(class_names=NAMES).save_to_preset(tmp_path / "tagger")
    model = BertTokenClassifier.from_preset(tmp_path / "tagger", dropout=0.3)
    assert (model.class_names, model.dropout) == (NAMES, 0.3)
    with pytest.warns(UserWarning, match="another shape"):
        model = BertTokenClassifier.from_preset(tmp_path / "tagger", num_classes=7)
    assert (model.num_classes, model.class_names) == (7, None)
    assert BertClassifier.from_preset(tmp_path / "tagger").class_names is None


def test_keras_file(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.tag(NASTY) == trained.tag(NASTY)
    assert loaded.evaluate(TEXTS, LABELS, verbose=0) == pytest.approx(
        trained.evaluate(TEXTS, LABELS, verbose=0), 1e-4
    )
