"""Few-shot prompts: the paper's figure, options against plain logits, and wrong inputs."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from tfzoo import GPT2Backbone, GPT2CausalLM, GPT2Tokenizer, LanguageModelPreprocessor
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

TASK = "Is it good?"
EXAMPLES = [("great!", "good"), ("a bore", "bad")]
OPTIONS = ["good", "bad", "so and so"]
TRANSLATE = "Translate English to French:"
FRENCH = [
    ("sea otter", "loutre de mer"),
    ("peppermint", "menthe poivrée"),
    ("plush girafe", "girafe peluche"),
]
PROMPT = """Translate English to French:
sea otter => loutre de mer
peppermint => menthe poivrée
plush girafe => girafe peluche
cheese =>"""


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET, "Ġg", "Ġgo"], ["Ġ g", "Ġg o"])
    backbone = GPT2Backbone(259, 2, 2, 16, 32, max_sequence_length=96)
    for variable in backbone.weights:
        if "bias" not in variable.path and "norm" not in variable.path:
            variable.assign(np.random.default_rng(1).normal(size=variable.shape) * 0.3)
    return GPT2CausalLM(backbone, LanguageModelPreprocessor(tokenizer, 32))


def plain(model, context, option):
    """Log-probabilities of the tokens of an option from whole logits."""
    prompt, wanted = model.preprocessor.tokenizer([context, " " + option]).to_list()
    logits = ops.convert_to_numpy(model({"token_ids": ops.array([prompt + wanted[:-1]])}))[0]
    rows = np.exp(logits[len(prompt) - 1 :])
    return np.log([row[token] / row.sum() for row, token in zip(rows, wanted, strict=True)])


def asked(monkeypatch, model, answer):
    """What `few_shot` hands to `generate`, which returns `answer`."""
    calls, arguments = [], inspect.signature(model.generate)

    def generate(*args, **kwargs):
        arguments.bind(*args, **kwargs)
        calls.append((args, kwargs))
        return answer

    monkeypatch.setattr(model, "generate", generate)
    return calls


def test_the_prompt_of_figure_2_1(monkeypatch, model):
    monkeypatch.setattr(model.backbone.embeddings, "max_sequence_length", 1024)
    calls = asked(monkeypatch, model, " fromage ")
    assert model.few_shot(TRANSLATE, FRENCH, "cheese") == "fromage"
    assert calls.pop() == ((PROMPT, 64), {"stop": "\n", "batch_size": 8})
    model.few_shot(TRANSLATE, [], "cheese", max_new_tokens=5, stop=".", sampler="beam")
    zero_shot = "Translate English to French:\ncheese =>"
    assert calls.pop() == ((zero_shot, 5), {"stop": ".", "batch_size": 8, "sampler": "beam"})
    model.few_shot("", FRENCH[:1], "cheese", arrow="\nA: ", separator="\n\n")
    assert calls.pop()[0][0] == "sea otter\nA: loutre de mer\n\ncheese\nA:"
    monkeypatch.undo()
    calls = asked(monkeypatch, model, [[" a", " b\n"], ["", " d"]])
    answers = model.few_shot("", [], ["one", "two"], num_samples=2)
    assert answers == [["a", "b"], ["", "d"]]
    assert calls.pop()[0][0] == ["one =>", "two =>"]
    monkeypatch.undo()
    calls = asked(monkeypatch, model, iter([" a", " b"]))
    assert list(model.few_shot("", [], "one", stream=True)) == [" a", " b"]


def test_options_equal_plain_logits(model):
    queries = ["I slept.", "wow"]
    prompt = "Is it good?\ngreat! => good\na bore => bad\n{} =>"
    found = [[plain(model, prompt.format(query), each) for each in OPTIONS] for query in queries]
    assert [len(each) for each in found[0]] == [3, 4, 10]  # " go", "o", "d"
    total = np.array([[each.sum() for each in row] for row in found])
    expected = {
        "token": [[each.mean() for each in row] for row in found],
        "total": total,
        "unconditional": total - [plain(model, "Answer:", each).sum() for each in OPTIONS],
    }
    for normalization, scores in expected.items():
        settings = {"options": OPTIONS, "normalization": normalization}
        answers = model.few_shot(TASK, EXAMPLES, queries, batch_size=4, **settings)
        for answer, row in zip(answers, scores, strict=True):
            np.testing.assert_allclose(answer["scores"], row, atol=1e-4)
            assert answer["choice"] == np.argmax(row)
            assert answer["text"] == OPTIONS[answer["choice"]]
    alone = model.few_shot(TASK, EXAMPLES, queries[1], OPTIONS)
    np.testing.assert_allclose(alone["scores"], expected["token"][1], atol=1e-4)


def test_options_of_a_model_that_only_knows_how_frequent_tokens_are():
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    backbone = GPT2Backbone(257, 1, 2, 8, 16, max_sequence_length=96)
    model = GPT2CausalLM(backbone, LanguageModelPreprocessor(tokenizer, 32))
    last_norm = [each for each in backbone.weights if "norm" in each.path][-2:]
    for variable in last_norm:
        variable.assign(ops.ones(8) if "beta" in variable.path else ops.zeros(8))
    frequent = {tokenizer.token_to_id(letter): 0.5 for letter in "ab"}
    logits = np.array([frequent.get(token, 0) for token in range(257)], "float32")
    backbone.token_embedding.embeddings.assign(np.repeat(logits[:, None], 8, axis=1))
    log_p = logits * 8 - np.log(np.exp(logits * 8).sum())
    space, a, x = (log_p[tokenizer.token_to_id(each)] for each in "Ġax")
    options = ["x", "aaaa"]
    scores = {
        "total": [space + x, space + 4 * a],
        "token": [(space + x) / 2, (space + 4 * a) / 5],
        "unconditional": [0, 0],
    }
    for normalization, expected in scores.items():
        answer = model.few_shot(TASK, [], "?", options, normalization=normalization)
        np.testing.assert_allclose(answer["scores"], expected, atol=1e-4)
    assert model.few_shot(TASK, [], "?", options)["text"] == "aaaa"


def test_a_prompt_that_is_too_long(model):
    many = [("in", "out")] * 12  # 10 tokens each
    assert model.few_shot("", many[:9], "ab", ["c"])["choice"] == 0  # 95 tokens, and one of " c"
    message = "Query 1 with 9 examples .* 97 tokens, and with 1 .* 96 positions; give at most 8 ex"
    with pytest.raises(DataError, match=message):
        model.few_shot("", many[:9], ["", "abcd"], ["c"])
    with pytest.raises(DataError, match=r"and with 8 of the answer .* give at most 8 examples"):
        model.few_shot("", many, "ab", max_new_tokens=8)
    for examples in ([], EXAMPLES):
        with pytest.raises(DataError, match="shorten the query or the description"):
            model.few_shot("", examples, "a" * 96, ["c"])


def test_wrong_inputs(model):
    def raises(error, message, *args, **kwargs):
        with pytest.raises(error, match=message):
            model.few_shot(*args, **kwargs)

    raises(DataError, "Example 1 is \\('a',\\)", TASK, [("a", "b"), ("a",)], "c")
    raises(DataError, "Example 0 is \\('a', 1\\)", TASK, [("a", 1)], "c")
    raises(DataError, "examples is no list", TASK, {"a": "b"}, "c")
    raises(DataError, "query: Text 1 is not a string", TASK, EXAMPLES, ["a", None])
    raises(DataError, "query is an empty list", TASK, EXAMPLES, [])
    raises(DataError, "options: Texts must be a list", TASK, EXAMPLES, "c", "yes")
    raises(DataError, "options is an empty list", TASK, EXAMPLES, "c", [])
    raises(DataError, "task_description: Text 0", None, EXAMPLES, "c")
    raises(ConfigError, "max_new_tokens is None; give a", TASK, [], "c", max_new_tokens=None)
    raises(DataError, "arrow: Text 0", TASK, EXAMPLES, "c", arrow=None)
    raises(DataError, "separator: Text 0", TASK, EXAMPLES, "c", separator=None)
    relative = {"options": ["a", "bc"], "normalization": "unconditional", "arrow": ":"}
    raises(DataError, "answer_context: Text 0", "", [], "c", answer_context=3, **relative)
    message = "answer_context has 96 tokens, and with 1 of an option .* 96 positions; shorten it"
    raises(DataError, message, "", [], "c", answer_context="w" * 96, **relative)
    raises(DataError, "no tokens before", "", [], "", ["yes"], arrow=" ")
    raises(DataError, "The option '' has no tokens", TASK, [], "c", ["a", ""], arrow=":")
    raises(ConfigError, "choose one of token, total", TASK, [], "c", ["a"], normalization="mean")
    raises(ConfigError, "top_k would be of a generated", TASK, [], "c", ["a"], top_k=3)
    with pytest.raises(DataError, match="no preprocessor"):
        GPT2CausalLM(model.backbone).few_shot(TASK, EXAMPLES, "c")
