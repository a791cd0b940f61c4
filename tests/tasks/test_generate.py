"""Generation: cached against uncached, batches against prompts alone, texts, and wrong inputs."""

import os
import subprocess
import sys

import numpy as np
import pytest
from keras import ops

from tfzoo import GPT2Backbone, GPT2CausalLM, GPT2Tokenizer, GPT3CausalLM, LanguageModelPreprocessor
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.generation import Beam, Sample, Sampler, Speculative, Typical
from tfzoo.layers.backend import compiled
from tfzoo.models import GPT3Backbone
from tfzoo.tasks import generation
from tfzoo.tokenizers.byte_pair_model import ALPHABET

PROMPTS = ["a", "some words", "and then", "", "five"]
NEW = 12


def new_model(task=GPT2CausalLM, backbone=GPT2Backbone, num_layers=1, **settings):
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    model = backbone(
        len(tokenizer.vocabulary), num_layers, 2, 16, 32, max_sequence_length=96, **settings
    )
    random = np.random.default_rng(1)
    for variable in model.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(random.normal(size=variable.shape) * 0.3)
    return task(model, LanguageModelPreprocessor(tokenizer, 32))


@pytest.fixture(scope="module")
def model():
    return new_model(num_layers=2)


@pytest.fixture
def no_xla(monkeypatch):
    """Compiles in a third of the time."""
    monkeypatch.setattr(
        generation, "compiled", lambda f, variables, xla: compiled(f, variables, xla=False)
    )


@pytest.fixture
def says(monkeypatch, model):
    """A function that makes the model go on with given bytes, one for each token."""

    def says(*texts):
        tokenizer = model.preprocessor.tokenizer
        ids = [tokenizer([text]).to_list()[0] for text in texts]

        def start(weights, token_ids, lengths, tokens, finished, seed, end):
            tokens = np.array(tokens)
            counts = np.zeros(len(tokens), "int32")
            for row, mine in enumerate(ids[: len(tokens)]):
                tokens[row, : len(mine)] = mine
                counts[row] = len(mine)
            state = {"all": tokens, "counts": counts, "step": 0, "finished": finished, "end": end}
            return advance(weights, state, 1)

        def advance(_, state, until):
            step = min(int(until), max(state["counts"]) + 1)
            tokens = np.where(np.arange(state["all"].shape[1]) < step, state["all"], state["end"])
            lengths = np.minimum(state["counts"] + 1, step)
            finished = np.array(state["finished"]) | (state["counts"] < step)
            broken = np.zeros_like(finished)
            results = {"tokens": tokens, "lengths": lengths, "finished": finished, "broken": broken}
            return {**state, **results, "step": step}

        monkeypatch.setattr(model, "compiled_steps", lambda sampler: (list, start, advance))
        return model

    return says


def uncached(model, ids, sampler, seed=0):
    """The continuations of one prompt by whole passes over all tokens so far."""
    out = [[] for _ in range(sampler.rows)]
    end, words = model.preprocessor.tokenizer.end_id, model.backbone.token_embedding.input_dim
    for step in range(NEW):
        rows = np.array([(ids or [end]) + row for row in out])
        logits = ops.convert_to_numpy(model({"token_ids": rows}))[:, -1]
        state = {"seed": np.array([seed, 0], "int32"), "step": step}
        state["seen"] = np.stack([np.isin(np.arange(words), row) for row in rows])
        tokens = sampler.choose(sampler.penalized(logits, state), state)
        for row, token in zip(out, np.array(tokens), strict=True):
            row.append(int(token))
    return [row[: row.index(end)] if end in row else row for row in out]


SAMPLERS = {
    "greedy": Sampler(),
    "penalty": Sampler(repetition_penalty=1.7),
    "sample": Sample(temperature=2.0, top_k=99, top_p=0.9, num_samples=3, repetition_penalty=1.3),
    "typical": Typical(mass=0.4),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_cached_equals_uncached_in_a_ragged_batch(model, name, request):
    """Of contrastive and beam search and speculative decoding, see tests/generation."""
    if name not in ("greedy", "sample"):
        request.getfixturevalue("no_xla")
    sampler = SAMPLERS[name]
    ids = model.preprocessor.tokenizer(PROMPTS).to_list()
    expected = [uncached(model, each, sampler, seed=5) for each in ids]
    found = model.generate(ids, NEW, sampler, seed=5)
    assert found == [each if sampler.rows > 1 else each[0] for each in expected]
    assert len({str(each) for each in found}) == len(PROMPTS)


def test_neither_batch_nor_order_matter_to_draws_of_a_seed(model, no_xla):
    sampler = Sample(temperature=0.9, num_samples=2)
    texts = model.generate(PROMPTS, NEW, sampler, seed=5)
    assert [len(each) for each in texts] == [2] * len(PROMPTS)
    assert texts[0][0] != texts[0][1]
    assert model.generate(PROMPTS[::-1], NEW, sampler, seed=5) == texts[::-1]
    assert model.generate(PROMPTS, NEW, sampler, seed=5, batch_size=1) == texts
    assert model.generate(PROMPTS[1], NEW, sampler, seed=5) == texts[1]
    assert model.generate(PROMPTS, NEW, sampler, seed=6) != texts
    assert model.generate("a", NEW, sampler) != model.generate("a", NEW, sampler)


def test_a_batch_shrinks_and_has_the_same_texts(model, monkeypatch, no_xla):
    """Stop strings end all texts but one, some of them soon."""
    sampler, sizes = Sample(temperature=0.9), []
    whole = model.generate(PROMPTS, 24, sampler, seed=3)
    stops = [next(c for c in text[1:] if c not in whole[0]) for text in whole[1:]]
    ends = [min((text.index(stop) for stop in stops if stop in text), default=24) for text in whole]
    lay_out, start, advance = model.compiled_steps(sampler)

    def watched(weights, state, until):
        sizes.append(len(state["finished"]))
        return advance(weights, state, until)

    monkeypatch.setattr(model, "compiled_steps", lambda sampler: (lay_out, start, watched))
    for size in (8, 1):
        texts = model.generate(PROMPTS, 24, sampler, stop=stops, seed=3, batch_size=size)
        assert texts == [text[:end] for text, end in zip(whole, ends, strict=True)]
        assert ends[0] == 24
        assert max(ends[1:]) < 16
    assert sizes[:3] == [8, 1, 1]


def test_one_bucket_is_traced_once(model, no_xla, monkeypatch):
    traces = []
    call = GPT2Backbone.call

    def counted(self, *args, **kwargs):
        traces.append(1)
        return call(self, *args, **kwargs)

    monkeypatch.setattr(GPT2Backbone, "call", counted)
    sampler = Sampler(repetition_penalty=1.9)
    model.generate("some words", 5, sampler)
    first = len(traces)
    assert 2 <= first <= 4
    for prompt, tokens in (("a", 5), ("other words", 32), (list(range(32)), 9)):
        model.generate(prompt, tokens, Sampler(repetition_penalty=1.9))
    assert len(traces) == first
    model.generate("a", 33, sampler)
    assert len(traces) > first


@pytest.mark.parametrize(
    ("kind", "tolerated"),
    [("bfloat16", 3), ("mixed_bfloat16", 3), ("int8", 0), ("lora", 3), ("window", 0)],
)
def test_other_models_generate(kind, tolerated, no_xla):
    """The same as uncached, but for near ties in bfloat16."""
    if kind == "window":
        model = new_model(GPT3CausalLM, GPT3Backbone, num_layers=2, attention_window=4)
    else:
        model = new_model(dtype={"int8": "float32", "lora": "bfloat16"}.get(kind, kind))
    if kind == "lora":
        model.backbone.enable_lora(2)
        for variable in model.trainable_variables:
            variable.assign(variable + 0.1)
    if kind == "int8":
        before = model.compiled_steps(Sampler())
        model.quantize("int8")
        assert model.compiled_steps(Sampler()) != before
        assert len(model.__dict__["_compiled_steps"]) == 1
    ids = model.preprocessor.tokenizer(PROMPTS).to_list()
    expected = [uncached(model, each, Sampler())[0] for each in ids]
    found = model.generate(ids, NEW)
    assert sum(ours != theirs for ours, theirs in zip(found, expected, strict=True)) <= tolerated


def test_what_is_returned(model, no_xla):
    text = model.generate("some words", NEW)
    ids = model.generate(model.preprocessor.tokenizer(["some words"]).to_list()[0], NEW)
    assert isinstance(text, str)
    assert model.preprocessor.tokenizer.detokenize([ids]).numpy()[0].decode() == text
    assert model.generate(["some words"], NEW) == [text]
    assert model.generate(b"some words", NEW) == text
    assert model.generate(np.array(["some words"]), NEW) == [text]
    assert model.generate(np.array("some words"), NEW) == text
    assert model.generate(("some words",), NEW) == [text]
    end = model.preprocessor.tokenizer.end_id
    assert model.generate([[], [3]], NEW) == model.generate([[end], [3]], NEW)
    assert model.generate("some words", NEW, "greedy", num_samples=1) == text


def test_texts_end_before_stop_strings_and_the_end_token(says):
    model = says("one two three", "four", "two")
    prompts = ["a", "b", "c"]
    assert model.generate(prompts, 20) == ["one two three", "four", "two"]
    assert model.generate(prompts, 6) == ["one tw", "four", "two"]
    assert model.generate(prompts, 20, stop=" two") == ["one", "four", "two"]
    assert model.generate(prompts, 20, stop=["three", "wo"]) == ["one t", "four", "t"]
    assert model.generate(prompts, 20, stop="never") == ["one two three", "four", "two"]
    # Of two, that which is complete first counts, as it would in a stream.
    assert model.generate(prompts, 20, stop=["one two", "e t"])[0] == "on"
    assert model.generate(prompts, 20, stop=["e two", "two"])[0] == "on"


@pytest.mark.parametrize("stop", [(), "€ 3", ["zz", " 3 €"], ["3 €!!", "é"]])
def test_a_stream_is_the_text_in_pieces(says, stop):
    """Characters come whole, and no part of a stop string comes."""
    text = "für 2 € 3 € 4 €€! ✓"
    model = says(text, "x€")
    pieces = list(model.generate("a", 60, stop=stop, stream=True))
    assert "".join(pieces) == model.generate("a", 60, stop=stop)
    assert len(pieces) > 3
    assert not any("\ufffd" in piece or piece == "" for piece in pieces)
    both = list(model.generate(["a", "b"], 60, stop=stop, stream=True))
    assert ["".join(each) for each in zip(*both, strict=True)] == ["".join(pieces), "x€"]


def test_a_stream_that_ends_within_a_character(says):
    """Its bytes so far come last, as in the text."""
    model = says("a€")
    assert list(model.generate("a", 3, stream=True)) == ["a", "\ufffd"]
    assert model.generate("a", 3) == "a\ufffd"


def test_a_callback_sees_texts_and_ends_them(says):
    model, seen = says("x" * 40, "y" * 4), []
    assert model.generate(["a", "b"], 40, callback=seen.append) == ["x" * 40, "y" * 4]
    assert [[len(text) for text in texts] for texts in seen][:3] == [[1, 1], [9, 4], [17, 4]]
    text = model.generate("a", 40, callback=lambda text: len(text) > 10)
    assert text == "x" * 17


def test_a_stream_of_the_model_itself(model, no_xla):
    pieces = list(model.generate(["some words", "a"], NEW, stream=True))
    texts = ["".join(each) for each in zip(*pieces, strict=True)]
    assert texts == model.generate(["some words", "a"], NEW)


WRONG = [
    (ConfigError, "no sampler 'best'; choose beam, contrastive", {"sampler": "best"}),
    (ConfigError, "no sampler None; choose", {"sampler": None}),
    (ConfigError, "'greedy' takes no num_samples; leave it out", {"num_samples": 2}),
    (ConfigError, "'greedy' takes no temperature or top_k;", {"temperature": 1.0, "top_k": 2}),
    (ConfigError, "Sample with settings of its own; give top_k", {"sampler": Sample(), "top_k": 2}),
    (ConfigError, "num_samples is 0; give a whole", {"sampler": "sample", "num_samples": 0}),
    (ConfigError, "temperature is 0; give a pos", {"sampler": "sample", "temperature": 0}),
    (ConfigError, "temperature is '1'; give a pos", {"sampler": "sample", "temperature": "1"}),
    (ConfigError, "top_k is 2.5; give a whole", {"sampler": "sample", "top_k": 2.5}),
    (ConfigError, "top_p is 1.1; give a prob", {"sampler": "sample", "top_p": 1.1}),
    (ConfigError, "penalty is nan; give a pos", {"repetition_penalty": float("nan")}),
    (ConfigError, "Of 4 beams 5 cannot be given", {"sampler": "beam", "num_samples": 5}),
    (ConfigError, "max_new_tokens is 0; give a whole", {"max_new_tokens": 0}),
    (ConfigError, "batch_size is 1.0; give a whole", {"batch_size": 1.0}),
    (ConfigError, "seed is 'x'; give a whole number", {"seed": "x"}),
    (ConfigError, "stop is ''; give strings", {"stop": ""}),
    (ConfigError, "stop is None; give strings", {"stop": None}),
    (ConfigError, "stop is .*; give strings", {"stop": ["a", 3]}),
    (ConfigError, "these prompts are ids; give texts", {"prompts": [1, 2], "stop": "a"}),
    (ConfigError, "leave out num_samples and beams", {"sampler": "beam", "stream": True}),
    (ConfigError, "one text for a prompt of text", {"prompts": [1, 2], "stream": True}),
    (ConfigError, "leave the loop", {"stream": True, "callback": print}),
    (DataError, "no texts", {"prompts": []}),
    (DataError, "Text 0 is no string and no list of ids from 0 to 256", {"prompts": [257]}),
    (DataError, "has 95 tokens, which with max_new_tokens=2 are more", {"prompts": "a" * 95}),
    (DataError, "Prompt 1 has 2 tok.*=95 are", {"prompts": ["", "bc"], "max_new_tokens": 95}),
]


@pytest.mark.parametrize(("error", "message", "settings"), WRONG)
def test_wrong_arguments(model, error, message, settings):
    with pytest.raises(error, match=message):
        model.generate(**{"prompts": "a", "max_new_tokens": 2, **settings})


def test_one_prompt_in_a_speculative_stream(model):
    with pytest.raises(ConfigError, match="Speculative sampler goes on with one prompt at a time"):
        model.generate(["a", "b"], 4, Speculative(model), stream=True)


def test_a_model_without_tokenizer_takes_ids_that_are_not_empty(no_xla):
    model = GPT2CausalLM(new_model().backbone)
    assert model.generate([[1, 2], [3], [4]], NEW) == new_model().generate([[1, 2], [3], [4]], NEW)
    with pytest.raises(DataError, match="has no preprocessor, so it takes ids"):
        model.generate("a")
    with pytest.raises(DataError, match=r"Prompt 1 is empty, and the model has no end token"):
        model.generate([[1], []])


@pytest.mark.parametrize("sampler", ["greedy", "beam"])
def test_nan_weights(sampler, no_xla):
    model = new_model()
    table = ops.convert_to_numpy(model.backbone.token_embedding.embeddings).copy()
    table[100] = np.nan
    model.backbone.token_embedding.embeddings.assign(table)
    with pytest.raises(WeightsError, match=r"After 0 tokens behind prompt 0 .* NaN in its weights"):
        model.generate("a", 4, sampler)


JAX = """
import sys, numpy as np
from tfzoo import GPT2CausalLM
from tfzoo.generation import Beam, Contrastive
import keras
assert keras.backend.backend() == "jax"
model = GPT2CausalLM.from_preset(sys.argv[1])
prompts = [[5], [6, 7, 8, 9], [200, 3]]
for sampler in ("greedy", Beam(num_beams=3, num_samples=2)):
    print(model.generate(prompts, 12, sampler))
draws = [model.generate(prompts, 12, "sample", seed=3, batch_size=size) for size in (1, 8)]
assert draws[0] == draws[1]
assert "tensorflow" not in sys.modules
"""


def test_jax_finds_the_same_texts(tmp_path, no_xla):
    pytest.importorskip("jax")
    model = GPT2CausalLM(new_model().backbone)
    model.save_to_preset(tmp_path / "model")
    run = subprocess.run(
        [sys.executable, "-c", JAX, tmp_path / "model"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    prompts = [[5], [6, 7, 8, 9], [200, 3]]
    expected = [model.generate(prompts, 12, each) for each in ("greedy", Beam(3, num_samples=2))]
    assert run.stdout.splitlines() == [str(each) for each in expected]
