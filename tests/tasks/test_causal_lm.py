"""Language models in and out of files, and what they learn from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.errors import DataError
from tfzoo.models import GPT2Backbone, GPTBackbone
from tfzoo.tasks import GPT2CausalLM, GPTCausalLM, Task
from tfzoo.tokenizers import GPT2Tokenizer, GPTTokenizer, LanguageModelPreprocessor
from tfzoo.tokenizers.byte_pair_model import ALPHABET

WORDS = GPTTokenizer(["<unk>", *(c + end for c in "abcdefgh" for end in ("", "</w>"))], [])
BYTES = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
CASES = {
    "gpt": (GPTCausalLM, GPTBackbone, WORDS),
    "gpt2": (GPT2CausalLM, GPT2Backbone, BYTES),
}
IDS = {"token_ids": np.array([[3, 1, 4, 1, 5]])}


def new_model(name):
    keras.utils.set_random_seed(1)
    task, backbone, tokenizer = CASES[name]
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    stack = backbone(tokenizer.vocabulary_size, **sizes, max_sequence_length=32, dropout=0.0)
    return task(stack, LanguageModelPreprocessor(tokenizer, sequence_length=16))


@pytest.fixture(scope="module")
def gpt():
    model = new_model("gpt")
    table = model.backbone.token_embedding.embeddings
    table.assign(10 * table)  # so that losses differ
    model.compile("sgd")
    return model


@pytest.mark.parametrize("name", CASES)
def test_it_comes_back_from_a_keras_file_and_a_preset(name, tmp_path):
    model = new_model(name)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    for other in (
        keras.models.load_model(tmp_path / "model.keras"),
        Task.from_preset(tmp_path / "preset"),
    ):
        assert type(other) is type(model)
        np.testing.assert_array_equal(other(IDS), model(IDS))
        assert other.preprocessor.get_config() == model.preprocessor.get_config()


@pytest.mark.parametrize("batch_size", [1, 2, 6])
def test_perplexity_is_of_tokens_whatever_the_batches(gpt, batch_size):
    texts = ["ab", "c d", "a b c d e f g h", "hgfedcba", "a", ""]  # of the last two, no token
    scores = gpt.evaluate(texts, batch_size=batch_size, verbose=0, return_dict=True)
    losses = np.concatenate([-each["log_probabilities"] for each in gpt.score(texts)])
    assert losses.std() > 0.1
    assert scores["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-5)


def test_a_family_without_an_end_token_learns(gpt):
    history = gpt.fit(["a b", "c d e", "f"], batch_size=3, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


def test_features_of_a_dataset(gpt):
    row = {"token_ids": [[1, 2, 3]], "labels": [[2, 3, 4]]}
    full = {**row, "padding_mask": [[1, 1, 1]]}
    scores = [gpt.evaluate(tf.data.Dataset.from_tensors(each), verbose=0) for each in (row, full)]
    assert scores[0] == scores[1]
    with pytest.raises(DataError, match="labels, the next tokens"):
        gpt.fit(tf.data.Dataset.from_tensors({"token_ids": [[1, 2, 3]]}))
