"""Masks spelled out in texts: the ids of Hugging Face, and the likeliest tokens to read."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import AlbertPretrainer, BertMaskedLM, MaskedLM, RobertaTokenizer, Task
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers.byte_pair_model import ALPHABET
from tfzoo.tokenizers.masks import MaskPreprocessor

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
# What transformers gives, whose RoBERTa has `AddedToken("<mask>", lstrip=True)` as the published
# ones have: the ids of these texts with the mask in place of M.
TEXTS = ["the M was", "The M!", "M film", "the  M  M!", "playMed", "(M)", "the\u3000M", " M "]
IDS = {
    "huggingface_pretraining": [
        [2, 79, 4, 81, 3],
        [2, 79, 4, 36, 3],
        [2, 4, 80, 3],
        [2, 79, 4, 4, 36, 3],
        [2, 85, 4, 9, 45, 3],
        [2, 1, 4, 1, 3],
        [2, 79, 4, 3],
        [2, 4, 3],
    ],
    "roberta_masked_lm": [
        [0, 87, 75, 72, 308, 224, 295, 2],
        [0, 280, 72, 308, 4, 2],
        [0, 308, 224, 286, 289, 2],
        [0, 87, 75, 72, 308, 308, 4, 2],
        [0, 292, 308, 285, 2],
        [0, 11, 308, 12, 2],
        [0, 87, 75, 72, 308, 2],
        [0, 308, 224, 2],
    ],
    "albert_pretraining": [
        [2, 17, 4, 50, 6, 10, 3],
        [2, 17, 4, 5, 1, 3],
        [2, 4, 5, 18, 15, 9, 19, 3],
        [2, 17, 4, 4, 5, 1, 3],
        [2, 5, 44, 9, 6, 22, 4, 5, 16, 8, 3],
        [2, 5, 36, 4, 5, 37, 3],
        [2, 17, 4, 3],
        [2, 4, 3],
    ],
}
PREFIXED = [  # RoBERTa's with `add_prefix_space`, which holds for what follows a mask too
    [0, 224, 87, 75, 72, 308, 224, 295, 2],
    [0, 224, 280, 72, 308, 224, 4, 2],
    [0, 308, 224, 286, 289, 2],
    [0, 224, 87, 75, 72, 308, 308, 224, 4, 2],
    [0, 224, 292, 308, 224, 285, 2],
    [0, 224, 11, 308, 224, 12, 2],
    [0, 224, 87, 75, 72, 308, 2],
    [0, 308, 224, 2],
]
MASKED = ["we [MASK] it", "[MASK]", "The film was [MASK], not [MASK]!", "we saw a film play[MASK]"]


@pytest.fixture(scope="module")
def model(tiny_bert, preprocessor):
    return BertMaskedLM(tiny_bert(num_layers=1), preprocessor=preprocessor)


@pytest.fixture(scope="module")
def answers(model):
    return model.fill_mask(MASKED, top_k=23)


def with_masks(tokenizer, texts=TEXTS):
    return [text.replace("M", tokenizer.mask_token) for text in texts]


@pytest.mark.parametrize("name", IDS)
def test_ids_of_hugging_face(name):
    preprocessor = Task.from_preset(ARTIFACTS / name / "model").preprocessor
    texts = with_masks(preprocessor.tokenizer)
    masks = MaskPreprocessor(preprocessor)
    assert masks.encode(texts)["token_ids"].to_list() == IDS[name]
    traced = tf.function(masks)(tf.constant(texts))
    for row, ids, positions in zip(
        traced["token_ids"], IDS[name], traced["masked_positions"].numpy(), strict=True
    ):
        assert row.numpy()[: len(ids)].tolist() == ids
        where = np.flatnonzero(np.array(ids) == preprocessor.tokenizer.mask_id)
        assert positions[positions > 0].tolist() == where.tolist()


def test_ids_of_hugging_face_with_prefixed_spaces():
    preprocessor = Task.from_preset(ARTIFACTS / "roberta_token_classifier" / "model").preprocessor
    texts = with_masks(preprocessor.tokenizer)
    assert MaskPreprocessor(preprocessor).encode(texts)["token_ids"].to_list() == PREFIXED


def test_probabilities(model, answers):
    tokenizer = model.preprocessor.tokenizer
    assert [len(row) for row in answers] == [1, 1, 2, 1]
    for text, row in zip(MASKED, answers, strict=True):
        ids = MaskPreprocessor(model.preprocessor)([text])["token_ids"]
        columns = np.flatnonzero(ids[0] == tokenizer.mask_id)
        logits = model({"token_ids": ids})[0]
        assert np.ptp(logits.numpy()[columns], axis=1).min() > 0.5
        for column, fillings in zip(columns, row, strict=True):
            expected = keras.ops.softmax(logits[column]).numpy()
            found = [filling["probability"] for filling in fillings]
            assert found == sorted(found, reverse=True)
            assert sorted(filling["token_id"] for filling in fillings) == list(range(23))
            for filling in fillings:
                assert filling["probability"] == pytest.approx(
                    expected[filling["token_id"]], abs=1e-5
                )


def test_texts(answers):
    first, second = answers[2]
    filled = {each["token"]: each["text"] for each in first}
    assert filled["good"] == "The film was good, not [MASK]!"
    filled = {each["token"]: each["text"] for each in second}
    assert filled["bad"] == "The film was [MASK], not bad!"
    filled = {each["token_id"]: each for each in answers[3][0]}
    assert filled[18]["text"] == "we saw a film playing"  # ##ing
    assert filled[18]["token"] == "ing"
    assert {each["text"] for each in answers[1][0]} >= {"film", "we"}


def test_few_and_many(model, answers):
    def read(rows):
        return [[[each["token"] for each in mask] for mask in row] for row in rows]

    few = model.fill_mask(MASKED, top_k=2, batch_size=1)
    assert read(few) == [[mask[:2] for mask in row] for row in read(answers)]
    assert (
        model.fill_mask([text.encode() for text in MASKED], top_k=2)[2][1][0]["text"]
        == (few[2][1][0]["text"])
    )


def test_tokens_behind_texts():
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *ALPHABET, "Ġc", "<mask>"]
    tokenizer = RobertaTokenizer(tokens, ["Ġ c"])
    word, letter = tokenizer.token_to_id("Ġc"), tokenizer.token_to_id("c")
    assert tokenizer.append("a ", word) == tokenizer.append("a", word) == "a c"
    assert tokenizer.append("a ", letter) == tokenizer.append("a", letter) == "ac"
    assert tokenizer.append("", word) == tokenizer.append("", letter) == "c"
    assert tokenizer.append("a", tokenizer.token_to_id("Ã")) == "a\ufffd"  # half a character


def test_a_pretrainer_with_rows_that_no_token_has():
    model = AlbertPretrainer.from_preset(ARTIFACTS / "albert_pretraining" / "model")
    size = model.preprocessor.tokenizer.vocabulary_size
    assert size < model.backbone.token_embedding.input_dim
    ((fillings,),) = model.fill_mask(["the [MASK] was"], top_k=size)
    assert sorted(each["token_id"] for each in fillings) == list(range(size))
    assert sum(each["probability"] for each in fillings) == pytest.approx(1, abs=1e-5)
    filled = {each["token_id"]: each["text"] for each in fillings}
    assert filled[12] == "the a was"  # ▁a
    assert filled[6] == "thea was"  # a


def test_exported(model, answers, tmp_path):
    model.export(tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    outputs = signatures["serving_default"](text=tf.constant(MASKED))
    outputs = {name: each.numpy() for name, each in outputs.items()}
    assert outputs["tokens"].shape == (4, 2, 5)
    for row, tokens, ids, probabilities in zip(
        answers, *(outputs[name] for name in ("tokens", "token_ids", "probabilities")), strict=True
    ):
        for number, mask in enumerate(row):
            assert [each["token"].encode() for each in mask[:5]] == tokens[number].tolist()
            assert [each["token_id"] for each in mask[:5]] == ids[number].tolist()
            best = [each["probability"] for each in mask[:5]]
            np.testing.assert_allclose(probabilities[number], best, atol=1e-5)
        assert (ids[len(row) :] == -1).all()
        assert not probabilities[len(row) :].any()
        assert not tokens[len(row) :].any()
    features = MaskPreprocessor(model.preprocessor)(MASKED[:1])
    column = int(features.pop("masked_positions")[0, 0])
    every = signatures["tokens"](**features)["token_ids"]
    assert every[0, column].numpy().tolist() == outputs["token_ids"][0, 0].tolist()


def test_wrong_texts(model, tiny_bert):
    cases = {
        "Text 1 has no \\[MASK\\]": ["[MASK]", "<mask>"],
        "Text 1 is not a string but NoneType": ["[MASK]", None],
        "not one str": "[MASK]",
        "not pairs or a dataset": (["[MASK]"], ["[MASK]"]),
        "There are no texts": [],
        "Text 1 is longer than 16 tokens, and has": ["[MASK]", "[MASK] " + "we " * 14 + "[MASK]"],
    }
    for message, texts in cases.items():
        with pytest.raises(DataError, match=message):
            model.fill_mask(texts)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        model.fill_mask(MASKED, batch_size=0)
    with pytest.raises(DataError, match="no preprocessor"):
        BertMaskedLM(tiny_bert(num_layers=1)).fill_mask(MASKED)


@pytest.mark.parametrize("top_k", [0, 24, 2.5, True])
def test_wrong_top_k(model, top_k):
    with pytest.raises(ConfigError, match="top_k must be a whole number from 1 to 23"):
        model.fill_mask(MASKED, top_k=top_k)


def test_strings_are_for_fill_mask(model):
    assert isinstance(model, MaskedLM)
    with pytest.raises(ConfigError, match="fill_mask takes texts, and predict features that have"):
        model.predict(MASKED)
