"""Classifiers on the last token of GPT and GPT-2, and the first GPT's own tokens and loss."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import (
    Classifier,
    GPT2Backbone,
    GPT2Classifier,
    GPT2Tokenizer,
    GPTBackbone,
    GPTClassifier,
    GPTMultipleChoice,
    GPTTokenizer,
    TextPreprocessor,
)
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.training import AdamW

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
TEXTS = ["good", "bad film", "a very good one", "bad", "so good !", "not so bad"]
LABELS = ["yes", "no", "yes", "no", "yes", "no"]
PAIRS = (["good", "a film", "bad", ""], ["bad one", "good", "so", "very bad"])
SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
LETTERS = [letter + end for letter in "abcdefghijklmnopqrstuvwxyz!" for end in ("", "</w>")]
GPT = GPTTokenizer(["<unk>", *LETTERS], [])
GPT2 = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])


def spread(model):
    """The model with weights so large that its outputs depend on its inputs."""
    random = np.random.default_rng(1)
    for variable in model.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(random.normal(size=variable.shape) * 0.3)
    return model


def gpt2(**kwargs):
    backbone = GPT2Backbone(257, **SIZES, max_sequence_length=32, dropout=0.0)
    return spread(GPT2Classifier(backbone, preprocessor=TextPreprocessor(GPT2, 32), **kwargs))


def gpt(task=GPTClassifier, **kwargs):
    backbone = GPTBackbone(58, **SIZES, max_sequence_length=32, dropout=0.0)
    kwargs = {"preprocessor": TextPreprocessor(GPT, 32), "dropout": 0.0, **kwargs}
    return spread(task(backbone, **kwargs))


@pytest.fixture(scope="module")
def trained():
    model = gpt2(class_names=["no", "yes"])
    model.compile(AdamW(0.03), run_eagerly=True)
    model.fit(TEXTS, LABELS, batch_size=6, epochs=12, verbose=0)
    return model


def close(ours, theirs, atol=2e-5):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def test_rows_of_texts_and_of_pairs():
    rows = [GPT2(column).to_list() for column in PAIRS]
    preprocessor = TextPreprocessor(GPT2, 32)
    assert preprocessor.encode(PAIRS[0])["token_ids"].to_list() == [*rows[0][:3], [GPT2.end_id]]
    joined = [[*a, GPT2.end_id, *b] for a, b in zip(*rows, strict=True)]
    assert preprocessor.encode(PAIRS)["token_ids"].to_list() == joined
    features = preprocessor(["", "ab"])
    assert features["padding_mask"].numpy().tolist() == [[1, 0], [1, 1]]
    a, b = (GPT(column).to_list() for column in PAIRS)
    preprocessor = TextPreprocessor(GPT, 8)
    singles = preprocessor.encode(PAIRS[0])["token_ids"].to_list()
    assert singles == [[55, *row[:6], 57] for row in a]
    assert preprocessor.encode(PAIRS)["token_ids"].to_list()[3] == [55, 56, *b[3][:5], 57]
    assert preprocessor.encode(PAIRS)["token_ids"].to_list()[0] == [
        55,
        *a[0][:3],
        56,
        *b[0][:2],
        57,
    ]


def test_the_last_real_token_decides(trained):
    features = trained.preprocessor(TEXTS)
    lengths = features["padding_mask"].numpy().sum(axis=1)
    assert len(set(lengths)) > 3
    hidden = trained.backbone(features)["sequence_output"].numpy()
    kernel = trained.classification_head.logits.kernel
    assert [variable.name for variable in trained.classification_head.weights] == ["kernel"]
    logits = trained(features)
    close(logits, hidden[np.arange(6), lengths - 1] @ kernel.numpy())
    close(trained.predict(TEXTS, verbose=0), logits)
    for row, text in zip(logits, TEXTS, strict=True):
        close(trained(trained.preprocessor([text]))[0], row)
    ids = features["token_ids"][2:3]
    close(trained({"token_ids": ids})[0], logits[2])
    holes = {"token_ids": ids, "padding_mask": tf.constant([[1, 1, 0, 1] + [0] * 11])}
    close(trained(holes), trained({name: each[:, :4] for name, each in holes.items()}))


def test_packed_rows(trained):
    a, b = GPT2(["good", "bad film"]).to_list()
    packed = {
        "token_ids": np.array([a + b]),
        "sequence_ids": np.array([[1] * len(a) + [2] * len(b)]),
        "cls_positions": np.array([[len(a) - 1, len(a) + len(b) - 1]]),
    }
    close(trained(packed)[0], trained.predict(TEXTS[:2], verbose=0))


def test_strings_in_answers_out(trained, tmp_path):
    assert trained.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["accuracy"] == 1
    assert [answer["label"] for answer in trained.classify(TEXTS)] == LABELS
    logits = trained.predict(["", *TEXTS], verbose=0)
    trained.export(tmp_path / "export")
    served = tf.saved_model.load(tmp_path / "export").signatures["serving_default"]
    close(served(text=tf.constant(["", *TEXTS]))["logits"], logits)
    trained.save_to_preset(tmp_path / "preset")
    again = Classifier.from_preset(tmp_path / "preset")
    assert type(again) is GPT2Classifier
    assert again.own_config() == trained.own_config()
    close(again.predict(["", *TEXTS], verbose=0), logits, atol=2e-6)


@pytest.mark.parametrize("name", ["gpt2_classifier", "gpt_classifier"])
@pytest.mark.filterwarnings("ignore:.*trained without the tokens that mark texts")
def test_hugging_face(name, tmp_path):
    with np.load(ARTIFACTS / name / "expected.npz") as file:
        expected = dict(file)
    model = Classifier.from_preset(ARTIFACTS / name / "model")
    features = {"token_ids": expected["input_ids"], "padding_mask": expected["attention_mask"]}
    close(model(features), expected["logits"])
    assert model.class_names == ["schlecht", "größer \N{SNOWMAN}"]
    model.save_to_preset(tmp_path / "written", format="huggingface")
    again = Classifier.from_preset(tmp_path / "written")
    rows = model.backbone.token_embedding.input_dim
    assert again.backbone.token_embedding.input_dim == rows
    texts = ["we play", "", "a"]
    close(again.predict(texts, verbose=0), model.predict(texts, verbose=0), atol=1e-6)


def test_weights_get_rows_for_the_tokens_that_mark_texts(recwarn):
    folder = ARTIFACTS / "gpt_causal_lm" / "model"
    model = GPTClassifier.from_preset(folder, symmetric=True)
    assert not [each for each in recwarn if issubclass(each.category, UserWarning)]
    words = model.preprocessor.tokenizer.vocabulary_size
    table = model.backbone.token_embedding.embeddings.numpy()
    before = GPTBackbone.from_preset(folder)
    np.testing.assert_array_equal(table[:words], before.token_embedding.embeddings)
    assert len(table) == words + 3
    assert 0 < np.abs(table[words:]).max() < 0.1
    for new, old in zip(model.backbone.weights, before.weights, strict=True):
        if "token_embedding" not in new.path:
            np.testing.assert_array_equal(new, old)
    with pytest.warns(UserWarning, match="trained without the tokens that mark texts"):
        GPTClassifier.from_preset(ARTIFACTS / "gpt_classifier" / "model")
    with pytest.raises(ConfigError, match=f"build the backbone with vocabulary_size={words + 3}"):
        GPTClassifier(before, preprocessor=model.preprocessor)


def language_model_losses(model, features):
    """The mean loss of each row's tokens but the first, by way of all logits."""
    hidden = model.backbone(features)["sequence_output"].numpy().astype("float64")
    logits = hidden @ model.backbone.token_embedding.embeddings.numpy().T
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    ids, mask = (features[name].numpy()[:, 1:] for name in ("token_ids", "padding_mask"))
    losses = -np.take_along_axis(logits[:, :-1], ids[..., None], axis=2)[..., 0]
    return (losses * mask).sum(axis=1) / mask.sum(axis=1)


def classification_losses(model, features, y):
    logits = model(features).numpy().astype("float64")
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]


@pytest.mark.parametrize("pieces", [1, 2])
def test_training_adds_the_loss_of_the_language_model(pieces):
    """Also of a batch in pieces of 2 and 3 rows."""
    model, y = gpt(num_classes=3, language_model_weight=0.25), np.array([2, 0, 1, 1, 0])
    features, weights = model.preprocessor(TEXTS[:5]), np.array([1, 0.5, 2, 0, 3], "float32")
    own, added = classification_losses(model, features, y), language_model_losses(model, features)
    assert added.min() > 1
    model.compile(keras.optimizers.SGD(0.0), accumulation_steps=pieces, run_eagerly=True)
    for weight, given in ((1, None), (weights, weights)):
        history = model.fit(
            features, y, sample_weight=given, batch_size=5, shuffle=False, verbose=0
        ).history
        close(history["loss"], [((own + 0.25 * added) * weight).mean()], atol=1e-4)
        loss = model.evaluate(features, y, sample_weight=given, verbose=0, return_dict=True)["loss"]
        close(loss, (own * weight).mean(), atol=1e-4)
    accuracy = (model(features).numpy().argmax(axis=1) == y).mean()
    assert history["accuracy"] == [pytest.approx(accuracy)]


def test_both_losses_reach_the_weights():
    model, y = gpt(num_classes=2), np.array([1, 0] * 3)
    features = model.preprocessor(TEXTS)

    def losses():
        own = classification_losses(model, features, y)
        return np.array([own.mean(), language_model_losses(model, features).mean()])

    before = losses()
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    model.fit(features, y, epochs=6, verbose=0)
    assert (losses() < before - 0.1).all()


def test_order_of_symmetric_pairs(tmp_path):
    classifier, (a, b) = gpt(num_classes=3), PAIRS
    orders = [classifier.preprocessor(texts) for texts in ((a, b), (b, a))]
    one_way = [classifier(features).numpy() for features in orders]
    assert np.abs(one_way[0] - one_way[1]).min() > 1e-3
    model = gpt(num_classes=3, symmetric=True)
    logits = model(orders[0])
    close(logits, sum(one_way))
    close(model(orders[1]), logits)
    with pytest.raises(ConfigError, match="give each pair its own"):
        model({**orders[0], "sequence_ids": orders[0]["padding_mask"]})
    outputs = model(orders[0], training=True)
    close(outputs["logits"], logits)
    losses = [language_model_losses(model, features) for features in orders]
    close(outputs["language_model"], sum(losses) / 2)
    model.save_to_preset(tmp_path / "preset")
    again = Classifier.from_preset(tmp_path / "preset")
    assert again.own_config() == model.own_config()
    model.export(tmp_path / "export", text_pair=True)
    served = tf.saved_model.load(tmp_path / "export").signatures["serving_default"]
    close(served(text=tf.constant(a), text_pair=tf.constant(b))["logits"], logits)


def test_multiple_choice(tmp_path):
    model = gpt(GPTMultipleChoice)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    contexts, choices = ["we saw", "a film"], [["it", "him so"], ["good"]]
    logits = model.predict((contexts, choices), verbose=0)
    rows = model.preprocessor((["we saw", "we saw", "a film"], ["it", "him so", "good"]))
    last = rows["padding_mask"].numpy().sum(axis=1) - 1
    vectors = model.backbone(rows)["sequence_output"].numpy()[np.arange(3), last]
    expected = vectors @ model.multiple_choice_head.logits.kernel.numpy()[:, 0]
    close(logits[0] - logits[0, 0], expected[:2] - expected[0])
    close(logits[1, 0] - logits[0, 0], expected[2] - expected[0])
    assert logits[1, 1] == -1e9
    losses = language_model_losses(model, rows)
    history = model.fit((contexts, choices), [1, 0], verbose=0).history["loss"]
    own = np.log(np.exp(logits[0]).sum()) - logits[0, 1]
    close(history, [own / 2 + 0.5 * (losses[:2].mean() + losses[2]) / 2], atol=1e-4)
    model.save_to_preset(tmp_path / "preset")
    again = GPTMultipleChoice.from_preset(tmp_path / "preset")
    close(again.predict((contexts, choices), verbose=0)[0], logits[0], atol=2e-6)
