"""Exports of language models: prompts in, and the texts that the model gives in memory out."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import (
    GPT2Backbone,
    GPT2CausalLM,
    GPT2Tokenizer,
    GPTBackbone,
    GPTCausalLM,
    GPTTokenizer,
    LanguageModelPreprocessor,
)
from tfzoo.errors import ConfigError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

PROMPTS = ["a", "", "some longer words", "größer 👩🏽‍🚀 nul\0byte"]
NEW, POSITIONS = 12, 64
OPEN = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 5, "max_new_tokens": NEW}
SAMPLED = {"temperature": 1.5, "top_k": 9, "top_p": 0.7, "seed": -3}
# Loads a SavedModel in a process that cannot import Keras or tfzoo, and prints its answers; of
# tensorflow-text, which also defines some Keras layers, it loads the operations alone.
PROGRAM = """
import importlib.util
import json
import sys

for name in ("keras", "tf_keras", "keras_hub", "keras_nlp", "tfzoo"):
    sys.modules[name] = None  # as if it were not installed
import tensorflow as tf

(text,) = importlib.util.find_spec("tensorflow_text").submodule_search_locations
tf.load_op_library(f"{text}/python/ops/_sentencepiece_tokenizer.so")

folder, prompts, settings = json.load(sys.stdin)
signatures = tf.saved_model.load(folder).signatures
prompts = tf.constant(prompts)
settings = {name: tf.constant(value) for name, value in settings.items()}
answers = signatures["serving_default"](prompt=prompts), signatures["generate"](
    prompt=prompts, **settings
)
print(json.dumps([[text.decode() for text in each["text"].numpy()] for each in answers]))
"""


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    tokenizer = GPT2Tokenizer([*ALPHABET, "<|endoftext|>"], [])
    backbone = GPT2Backbone(257, 2, 2, 16, 32, max_sequence_length=POSITIONS)
    for variable in backbone.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(15 * variable)
    return GPT2CausalLM(backbone, LanguageModelPreprocessor(tokenizer, 16))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    model.export(folder, max_new_tokens=NEW)
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder))


@pytest.fixture(scope="module")
def signatures(loaded):
    return loaded.signatures


@pytest.fixture(scope="module")
def generate(signatures):
    """A function from prompts and changed settings to texts."""

    def generate(prompts, **changes):
        settings = {name: tf.constant(value) for name, value in {**OPEN, **changes}.items()}
        texts = signatures["generate"](prompt=tf.constant(prompts, tf.string), **settings)["text"]
        return [text.decode() for text in texts.numpy()]

    return generate


def test_process_without_keras_gives_the_same_texts(model, folder):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([str(folder), PROMPTS, {**SAMPLED, "max_new_tokens": NEW}]),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    greedy, sampled = json.loads(run.stdout)
    assert greedy == model.generate(PROMPTS, NEW)
    assert sampled == model.generate(PROMPTS, NEW, "sample", **SAMPLED)
    assert min(len(set(greedy)), len(set(sampled))) > 2
    assert greedy != sampled


def test_signatures(signatures):
    inputs = {
        name: {key: (spec.shape.as_list(), spec.dtype) for key, spec in kwargs.items()}
        for name, kwargs in ((n, s.structured_input_signature[1]) for n, s in signatures.items())
    }
    prompt, tokens = ([None], tf.string), ([None, None], tf.int32)
    count, share = ([], tf.int32), ([], tf.float32)
    assert inputs == {
        "serving_default": {"prompt": prompt},
        "generate": {
            "prompt": prompt,
            "max_new_tokens": count,
            "temperature": share,
            "top_k": count,
            "top_p": share,
            "seed": count,
        },
        "tokens": {"token_ids": tokens, "padding_mask": tokens},
    }


def test_settings(generate, signatures, model):
    greedy = signatures["serving_default"](prompt=tf.constant(PROMPTS))["text"].numpy()
    greedy = [text.decode() for text in greedy]
    for limit in ({"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-6}):
        assert generate(PROMPTS, **limit) == greedy
    free = generate(PROMPTS)
    assert free == generate(PROMPTS, top_k=257) == generate(PROMPTS, top_k=1000)
    for change in ({"top_k": 3}, {"top_p": 0.3}, {"temperature": 0.3}, {"seed": 6}):
        assert generate(PROMPTS, **change) != free, change
    few = generate(PROMPTS, temperature=0.0, max_new_tokens=3)
    assert few == model.generate(PROMPTS, 3) != greedy


def test_texts_do_not_depend_on_the_batch(generate):
    together = generate(PROMPTS)
    assert [generate([prompt])[0] for prompt in PROMPTS] == together
    assert generate([]) == []


def test_texts_may_end_before(generate):
    seeds = range(20)
    whole = [generate(["a"], max_new_tokens=60, seed=seed)[0] for seed in seeds]
    half = [generate(["a"], max_new_tokens=30, seed=seed)[0] for seed in seeds]
    ended = [seed for seed in seeds if whole[seed] == half[seed]]
    assert ended
    assert len(ended) < 20
    for seed in ended:
        assert generate(["a", "b"], max_new_tokens=60, seed=seed)[0] == whole[seed]


def test_long_prompts_keep_their_last_tokens(generate):
    prompt = "".join(chr(ord("a") + i % 26) for i in range(3 * POSITIONS))
    for new in (NEW, POSITIONS - 1):
        kept = prompt[new - POSITIONS :]
        assert generate([prompt], max_new_tokens=new) == generate([kept], max_new_tokens=new)
    assert generate([prompt]) != generate([prompt[1 + NEW - POSITIONS :]])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"max_new_tokens": 0}, "Give a max_new_tokens from 1 to 63, not"),
        ({"max_new_tokens": POSITIONS}, "Give a max_new_tokens from 1 to 63, not"),
        ({"temperature": -1.0}, "Give a temperature of at least 0, not"),
        ({"temperature": float("nan")}, "Give a temperature of at least 0, not"),
        ({"top_k": -1}, "Give a top_k of at least 0, not"),
        ({"top_p": 0.0}, "Give a top_p above 0, up to 1, not"),
        ({"top_p": 1.5}, "Give a top_p above 0, up to 1, not"),
    ],
)
def test_wrong_settings(generate, change, sentence):
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        generate(PROMPTS, **change)


def test_broken_weights(generate, loaded):
    embeddings = loaded.model_weights[0]
    kept = embeddings.numpy()
    embeddings.assign(np.full_like(kept, np.nan))
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="are no numbers"):
            generate(["a"])
    finally:
        embeddings.assign(kept)


def test_tokens(signatures, model):
    features = model.preprocessor(PROMPTS)
    features.pop("labels")
    logits = signatures["tokens"](**features)["logits"]
    assert logits.shape == (len(PROMPTS), 16, 257)
    np.testing.assert_allclose(logits, model(features), atol=1e-5)


def test_family_without_an_end_token(tmp_path):
    letters = [letter + end for letter in "abc" for end in ("", "</w>")]
    tokenizer = GPTTokenizer(["<unk>", *letters], [])
    backbone = GPTBackbone(len(letters) + 4, 1, 1, 8, 8, max_sequence_length=16)
    model = GPTCausalLM(backbone, LanguageModelPreprocessor(tokenizer, 8))
    model.export(tmp_path / "model", max_new_tokens=4)
    serve = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    texts = serve(prompt=tf.constant(["a", "b c"]))["text"].numpy()
    assert [text.decode() for text in texts] == model.generate(["a", "b c"], 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="A prompt is empty; give it at least"):
        serve(prompt=tf.constant(["a", " "]))


def test_what_is_not_exported(model, tmp_path):
    for new in (0, POSITIONS, "many"):
        with pytest.raises(ConfigError, match="give a number from 1 to 63"):
            model.export(tmp_path / "model", max_new_tokens=new)
    with pytest.raises(ConfigError, match="not with pairs"):
        model.export(tmp_path / "model", text_pair=True)
    with pytest.raises(ConfigError, match="Only a model with a preprocessor"):
        GPT2CausalLM(model.backbone).export(tmp_path / "model", max_new_tokens=3)
    assert not (tmp_path / "model").exists()
