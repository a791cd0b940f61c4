"""Embedders: pooling against NumPy, pairs in a row, training, search and export."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import (
    AlbertBackbone,
    AlbertEmbedder,
    BertEmbedder,
    DistilBertBackbone,
    DistilBertEmbedder,
    ElectraBackbone,
    ElectraEmbedder,
    Embedder,
    HandleError,
    RobertaBackbone,
    RobertaEmbedder,
)
from tfzoo.data.pairs import PairRows
from tfzoo.errors import ConfigError, DataError
from tfzoo.training import AdamW

MINILM = "minilm_l6_en_uncased"
TEXTS = ["a good film", "", "we saw a very bad film . " * 3, "playing !", "it was great"]
FIRST = ["a good film", "a bad film", "great !", "we saw it", "it was not awful ."]
SECOND = ["great film", "awful film", "very good", "we saw the film", "a bad play"]
ROWS = {
    "token_ids": np.array([[2, 7, 8, 9, 3], [2, 10, 3, 0, 0], [2, 11, 12, 3, 0]]),
    "padding_mask": np.array([[1] * 5, [1] * 3 + [0] * 2, [1] * 4 + [0]]),
}
# The same three texts, in two rows: the first two share one.
PACKED = {
    "token_ids": np.array([[2, 7, 8, 9, 3, 2, 10, 3, 0], [2, 11, 12, 3, 2, 11, 12, 3, 0]]),
    "padding_mask": np.array([[1] * 8 + [0]] * 2),
    "sequence_ids": np.array([[1] * 5 + [2] * 3 + [0], [1] * 4 + [2] * 4 + [0]]),
    "cls_positions": np.array([[0, 5], [0, 4]]),
}


@pytest.fixture(scope="module")
def model(tiny_bert, preprocessor):
    return BertEmbedder(tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor)


@pytest.fixture
def make(tiny_bert, preprocessor):
    def build(**arguments):
        backbone = tiny_bert(num_layers=1, dropout=0.0)
        model = BertEmbedder(backbone, preprocessor=preprocessor, **arguments)
        model.compile(AdamW(0.01), run_eagerly=True)
        return model

    return build


def pooled(model, texts, pooling):
    """NumPy's mean, maximum or first of the hidden states of each text, encoded alone."""
    rows = []
    for text in texts:
        hidden = model.backbone(model.preprocessor([text]))["sequence_output"][0].numpy()
        rows.append({"mean": hidden.mean(axis=0), "max": hidden.max(axis=0), "cls": hidden[0]})
    return np.stack([row[pooling] for row in rows])


@pytest.mark.parametrize("pooling", ["mean", "max", "cls"])
def test_pooling_is_numpys_and_padding_never_counts(model, pooling):
    task = BertEmbedder(model.backbone, model.preprocessor, pooling=pooling, normalize=False)
    expected = pooled(task, TEXTS, pooling)
    np.testing.assert_allclose(task(task.preprocessor(TEXTS)), expected, atol=1e-5)
    task.normalize = True
    units = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(task(task.preprocessor(TEXTS)), units, atol=1e-5)


def test_a_row_without_a_second_text(model):
    features = {**{name: value[:1] for name, value in PACKED.items()}}
    features["sequence_ids"] = np.array([[1] * 8 + [0]])
    for pooling in ("mean", "max"):
        task = BertEmbedder(model.backbone, pooling=pooling)
        assert not task(features).numpy()[0, 1].any()


def families():
    sizes = {"vocabulary_size": 13, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}
    sizes |= {"intermediate_dim": 16, "max_sequence_length": 6}
    yield AlbertEmbedder(AlbertBackbone(**sizes))
    yield DistilBertEmbedder(DistilBertBackbone(**sizes))
    yield ElectraEmbedder(ElectraBackbone(**sizes))
    yield RobertaEmbedder(RobertaBackbone(**sizes))


@pytest.mark.parametrize("family", ["Albert", "Bert", "DistilBert", "Electra", "Roberta"])
def test_texts_of_one_row_are_embedded_as_alone(model, family):
    """A row of two texts may also be longer than the backbone's positions."""
    others = {type(each).__name__: each for each in families()}
    task = {"BertEmbedder": model, **others}[f"{family}Embedder"]
    for weight in () if family == "Bert" else task.weights:
        weight.assign(10 * weight)
    packed, rows = dict(PACKED), dict(ROWS)
    if family == "Roberta":  # whose padding is 1
        packed = {**packed, "token_ids": np.where(PACKED["padding_mask"], packed["token_ids"], 1)}
        rows = {**rows, "token_ids": np.where(ROWS["padding_mask"], rows["token_ids"], 1)}
    alone, together = task(rows).numpy(), task(packed).numpy()
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    assert together.shape == (2, 2, alone.shape[1])
    np.testing.assert_allclose(together.reshape(4, -1), alone[[0, 1, 2, 2]], atol=1e-5)


def test_pairs_of_texts_are_embedded_as_alone(model):
    together = model(PairRows(model.preprocessor)((TEXTS, TEXTS[::-1])))
    alone = model.predict(TEXTS, verbose=0)
    assert (alone.shape, alone.dtype) == ((5, 16), np.float32)
    np.testing.assert_allclose(together[:, 0], alone, atol=1e-5)
    np.testing.assert_allclose(together[:, 1], alone[::-1], atol=1e-5)


def test_learns_which_texts_belong_together(tiny_bert, preprocessor):
    model = BertEmbedder(tiny_bert(num_layers=1), preprocessor=preprocessor)
    model.compile(AdamW(0.01))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of the pooler, which is not trained
        history = model.fit(
            (FIRST * 3, SECOND * 3),  # batches of 4, 4, 4 and 3
            validation_data=((FIRST, SECOND),),
            batch_size=4,
            epochs=6,
            verbose=0,
        ).history
    names = {"loss", "retrieval_accuracy", "val_loss", "val_retrieval_accuracy"}
    assert set(history) == names
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    assert history["val_retrieval_accuracy"][-1] > 0.7
    scores = model.evaluate((FIRST, SECOND), batch_size=4, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(history["val_loss"][-1], abs=1e-5)


def test_loss_is_that_of_embeddings_of_texts_alone(make):
    """Ranking by NumPy, where two pairs share a text."""
    model = make(temperature=0.2)
    first, second = [*FIRST, FIRST[0]], [*SECOND, "a film"]
    shares = np.exp(model.similarity(first, second).astype("float64") / 0.2)
    shares[0, 5] = shares[5, 0] = 0
    own = np.diagonal(shares)
    expected = -(np.log(own / shares.sum(axis=0)) + np.log(own / shares.sum(axis=1))).mean() / 2
    assert model.evaluate((first, second), verbose=0)[0] == pytest.approx(expected, rel=1e-4)
    data = tf.data.Dataset.from_tensor_slices(((first, second),))
    assert model.evaluate(data, verbose=0)[0] == pytest.approx(expected, rel=1e-4)


def test_learns_similarities(make):
    model = make(objective="similarity")
    labels = [1, "-0.5", 0.5, 0, 1.0]
    history = model.fit((FIRST, SECOND), labels, epochs=4, verbose=0).history
    assert set(history) == {"loss"}
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    cosines = np.diagonal(model.similarity(FIRST, SECOND))
    error = np.mean((cosines - np.array(labels, "float32")) ** 2)
    assert model.evaluate((FIRST, SECOND), labels, verbose=0) == pytest.approx(error, rel=1e-4)


def test_learns_from_datasets_and_features(make):
    model = make()
    data = tf.data.Dataset.from_tensor_slices(((FIRST, SECOND),))
    before = model.evaluate(data.batch(5), verbose=0)[0]
    model.fit(data, batch_size=5, verbose=0)
    rows = PairRows(model.preprocessor)((FIRST, SECOND))
    features = {name: value.numpy() for name, value in rows.items()}
    texts = np.arange(10).reshape(5, 2)
    loss = model.evaluate(features, texts, verbose=0)[0]
    assert loss < before
    assert loss == pytest.approx(model.evaluate((FIRST, SECOND), verbose=0)[0], rel=1e-4)


@pytest.mark.parametrize(
    ("objective", "x", "y", "message"),
    [
        ("ranking", FIRST, None, "learns from pairs of texts"),
        ("ranking", (FIRST, SECOND), [1.0] * 5, 'objective="ranking" takes none'),
        ("ranking", (FIRST, SECOND[:3]), None, "5 against 3"),
        ("ranking", (FIRST, [*SECOND[:4], None]), None, "Text 4 is not a string"),
        ("similarity", (FIRST, SECOND), None, "have no labels"),
        ("similarity", (FIRST, SECOND), [0, 1, "x", 1, 1], "Example 2 has the label 'x', not a"),
        ("similarity", (FIRST, SECOND), [0, 1, 1, 5, 1], "Example 3 has the label 5; scale"),
        ("similarity", (FIRST, SECOND), [0, 1], "5 texts, but the labels have the shape"),
    ],
)
def test_what_nothing_can_be_learned_from(make, objective, x, y, message):
    model = make(objective=objective)
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match=message):
            call(x, y, verbose=0)


def test_pairs_have_no_embedding(model):
    dataset = tf.data.Dataset.from_tensor_slices(((FIRST, SECOND),))
    for pairs in ((FIRST, SECOND), dataset):
        with pytest.raises(DataError, match="one vector per text"):
            model.predict(pairs, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "sum"}, "pooling is 'sum'; choose one of mean, cls, max"),
        ({"objective": "cosine"}, "objective is 'cosine'; choose one of ranking, similarity"),
        ({"temperature": 0}, "temperature is 0; it must be a number above 0"),
        ({"temperature": "1"}, "temperature is '1'; it must be a number above 0"),
    ],
)
def test_arguments_without_meaning(tiny_bert, arguments, message):
    with pytest.raises(ConfigError, match=message):
        BertEmbedder(tiny_bert(num_layers=1), **arguments)


def test_similarity_and_nearest(model):
    first, second = model.predict(FIRST, verbose=0), model.predict(SECOND, verbose=0)
    cosines = model.similarity(FIRST, SECOND)
    np.testing.assert_allclose(cosines, first @ second.T, atol=1e-5)
    np.testing.assert_allclose(model.similarity(FIRST, second), cosines, atol=1e-5)
    found = model.nearest(FIRST[:2], SECOND, top_k=3)
    for row, scores in zip(found, cosines, strict=False):
        order = np.argsort(-scores)[:3].tolist()
        assert [each["index"] for each in row] == order
        assert [each["text"] for each in row] == [SECOND[index] for index in order]
        assert [each["score"] for each in row] == pytest.approx(scores[order], abs=1e-5)
    saved = model.nearest(first[:2], second, top_k=3)
    assert [[each["index"] for each in row] for row in saved] == [
        [each["index"] for each in row] for row in found
    ]
    assert set(saved[0][0]) == {"index", "score"}
    assert model.nearest(first[:0], second) == []
    for corpus in (tf.constant(SECOND), np.array(SECOND), [text.encode() for text in SECOND]):
        assert model.nearest(tf.constant(first[:2]), corpus, top_k=3)[1][2]["text"] in SECOND
    for corpus in (tf.data.Dataset.from_tensor_slices(SECOND), (FIRST, SECOND)):
        with pytest.raises(DataError, match="not pairs or a dataset"):
            model.nearest(first, corpus)
    for top_k in (0, True):
        with pytest.raises(ConfigError, match=f"whole number of at least 1, not {top_k}"):
            model.nearest(FIRST, SECOND, top_k=top_k)
    with pytest.raises(DataError, match=r"\(2, 16\) and \(5, 4\) have no cosines"):
        model.nearest(first[:2], second[:, :4])


def test_preset_and_keras_file_hold_everything(tiny_bert, preprocessor, tmp_path):
    settings = {"pooling": "cls", "normalize": False}
    settings |= {"objective": "similarity", "temperature": 0.5}
    model = BertEmbedder(tiny_bert(num_layers=1), preprocessor, **settings)
    model.save_to_preset(tmp_path / "preset")
    model.compile()
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for twin in (Embedder.from_preset(tmp_path / "preset"), loaded):
        assert type(twin) is BertEmbedder
        assert twin.own_config() == settings
        np.testing.assert_array_equal(twin(ROWS), model(ROWS))
    assert type(loaded.loss) is type(model.loss)
    with pytest.raises(ConfigError, match="KerasHub has no BertEmbedder"):
        model.save_to_preset(tmp_path / "hub", format="keras_hub")


def test_export_takes_strings(model, tmp_path):
    model.export(tmp_path / "model", text_pair=True)
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert set(signatures) == {"serving_default", "tokens"}
    embedding = signatures["serving_default"](text=tf.constant(TEXTS))["embedding"]
    np.testing.assert_allclose(embedding, model.predict(TEXTS, verbose=0), atol=1e-5)
    embedding = signatures["tokens"](**model.preprocessor(TEXTS))["embedding"]
    np.testing.assert_allclose(embedding, model.predict(TEXTS, verbose=0), atol=1e-5)


def test_minilm_is_what_sentence_transformers_computes():
    """The first components of `SentenceTransformer.encode`, version 6.2."""
    try:
        model = Embedder.from_preset(MINILM)
    except HandleError as error:
        pytest.skip(f"{MINILM} is neither cached nor reachable: {error}")
    assert (model.pooling, model.normalize, model.preprocessor.sequence_length) == (
        "mean",
        True,
        256,
    )
    queries = ["A man is eating food.", "👩🏽‍🚀 中文 naïve café"]
    corpus = ["The stock market crashed.", "Someone has a meal.", "Coffee in a simple bar"]
    expected = [
        [0.033242, 0.004406, -0.006277, 0.048379],
        [-0.007158, 0.058344, 0.029814, 0.031627],
    ]
    np.testing.assert_allclose(model.predict(queries, verbose=0)[:, :4], expected, atol=1e-5)
    best = [row[0]["index"] for row in model.nearest(queries, corpus)]
    assert best == [1, 2]
