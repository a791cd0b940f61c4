"""ALBERT's tasks take strings, train, are saved and exported: what depends on its tokenizer."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import (
    AlbertBackbone,
    AlbertClassifier,
    AlbertMaskedLM,
    AlbertPretrainer,
    AlbertQuestionAnswerer,
    AlbertTokenClassifier,
    AlbertTokenizer,
    Task,
    TextPreprocessor,
)
from tfzoo.training import AdamW

SPIECE = Path(__file__).parents[1] / "artifacts" / "albert_pretraining" / "model" / "spiece.model"
TEXTS = ["the film was g\u00f6od", "  We saw the FILM", "it was 10, 20 or bad", "the old play"] * 4


@pytest.fixture
def preprocessor():
    return TextPreprocessor(AlbertTokenizer(SPIECE), sequence_length=40)


@pytest.fixture
def backbone(preprocessor):
    keras.utils.set_random_seed(0)
    return AlbertBackbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size,
        num_layers=3,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        embedding_dim=8,
        max_sequence_length=40,
    )


def assert_same(ours, theirs):
    for a, b in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_classifier_from_strings_to_saved_model(backbone, preprocessor, tmp_path):
    model = AlbertClassifier(
        backbone, preprocessor=preprocessor, class_names=["no", "yes"], dropout=0.0
    )
    model.compile(AdamW(0.01))
    labels = ["yes" if "film" in text.lower() else "no" for text in TEXTS]
    losses = model.fit(TEXTS, labels, batch_size=8, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    expected = model.predict(TEXTS, verbose=0)

    model.save(tmp_path / "model.keras")
    assert_same(
        keras.saving.load_model(tmp_path / "model.keras").predict(TEXTS, verbose=0), expected
    )
    model.save_to_preset(tmp_path / "preset")
    again = Task.from_preset(tmp_path / "preset")
    assert type(again) is AlbertClassifier
    assert (tmp_path / "preset" / "30k-clean.model").read_bytes() == SPIECE.read_bytes()
    assert_same(again.predict(TEXTS, verbose=0), expected)

    model.export(tmp_path / "export")
    del model, again
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    answers = loaded.signatures["serving_default"](text=tf.constant(TEXTS))
    assert_same(answers["logits"], expected)
    assert loaded.signatures["class_names"]()["class_names"].numpy().tolist() == [b"no", b"yes"]


def test_exported_pairs(backbone, preprocessor, tmp_path):
    model = AlbertClassifier(backbone, preprocessor=preprocessor)
    model.export(tmp_path / "export", text_pair=True)
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    answers = serve(text=tf.constant(TEXTS), text_pair=tf.constant(TEXTS[::-1]))
    assert_same(answers["logits"], model.predict((TEXTS, TEXTS[::-1]), verbose=0))


def test_token_classifier(backbone, preprocessor, tmp_path):
    names = ["O", "B-WHAT", "I-WHAT"]
    model = AlbertTokenClassifier(backbone, preprocessor=preprocessor, class_names=names)
    model.compile(AdamW(0.02))
    texts = [*TEXTS, "we \u0301 saw"]  # of one word nothing is left
    tags = [["B-WHAT" if w.lower() == "the" else "O" for w in text.split()] for text in texts]
    losses = model.fit(texts, tags, batch_size=6, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    logits = model.predict(texts, verbose=0)
    assert [len(rows) for rows in logits] == [len(text.split()) for text in texts]
    found = model.tag(texts)
    assert [(each["text"], each["start"]) for each in found[1]] == [("the", 9)]
    assert model.evaluate_entities(texts, tags)["f1"] > 0.9

    model.export(tmp_path / "export")
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    answers = serve(text=tf.constant(texts))
    assert answers["words"][1].numpy().tolist()[:4] == [b"We", b"saw", b"the", b"FILM"]
    assert_same(answers["logits"][0, : len(logits[0])], logits[0])


def test_question_answerer(backbone, preprocessor, tmp_path):
    """Answers are what stands in the text, however it is normalised."""
    model = AlbertQuestionAnswerer(backbone, preprocessor=preprocessor, doc_stride=8)
    model.compile(AdamW(0.02))
    contexts = ["It  was the C\u00e1f\u00e9, not bad", "we saw \ufb01lm 10, at the old play"] * 8
    found = ["C\u00e1f\u00e9", "\ufb01lm 10"] * 8
    questions = ["what was it", "what we saw"] * 8
    answers = [
        {"text": text, "answer_start": context.index(text)}
        for text, context in zip(found, contexts, strict=True)
    ]
    model.fit((questions, contexts), answers, batch_size=8, epochs=15, verbose=0)
    predicted = model.answer(questions, contexts)
    for answer, context in zip(predicted, contexts, strict=True):
        assert answer["text"] == context[answer["start"] : answer["end"]]
    assert [answer["text"] for answer in predicted] == found

    model.export(tmp_path / "export")
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    served = serve(question=tf.constant(questions), context=tf.constant(contexts))
    assert [text.decode() for text in served["text"].numpy()] == found


def test_long_contexts_are_read_in_windows(backbone, preprocessor):
    model = AlbertQuestionAnswerer(backbone, preprocessor=preprocessor, doc_stride=8)
    context = 10 * "the caf\u00e9 (old) 1984, was not bad; "
    answers = model.answer(["what was it"], [context], top_k=5)[0]
    assert len(answers) == 5
    for answer in answers:
        assert answer["text"] == context[answer["start"] : answer["end"]] != ""


def test_masked_lm(backbone, preprocessor):
    model = AlbertMaskedLM(backbone, preprocessor=preprocessor)
    model.compile(AdamW(0.02))
    losses = model.fit(TEXTS, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.95 * losses[0]
    assert model.masked_lm_head.dense.kernel.shape == (16, 8)  # to the width of the embeddings


def test_pretrainer(backbone, preprocessor):
    """`tests/tasks/test_pretrainer.py` shows that it learns; here are ALBERT's labels."""
    model = AlbertPretrainer(backbone, preprocessor=preprocessor)
    assert model.targets(["in order", "swapped"]).tolist() == [0, 1]
    before = [variable.numpy() for variable in model.weights]
    labels = ["in order", "swapped"] * 8
    history = model.fit((TEXTS, TEXTS[::-1]), labels, batch_size=8, verbose=0).history
    assert {"masked_lm_loss", "next_sentence_loss"} <= history.keys()
    for variable, value in zip(model.weights, before, strict=True):
        assert np.abs(variable - value).max() > 0, variable.path
