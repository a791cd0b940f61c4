"""The program that goes on with prompts: lines, files, a terminal, and wrong flags."""

import io
import json
import sys

import keras
import pytest
from absl import flags

from tfzoo import GPT2Backbone, GPT2CausalLM, GPT2Tokenizer, LanguageModelPreprocessor
from tfzoo import generate as program
from tfzoo.binaries.conversation import converse
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError, DataError, HandleError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

PROMPTS = ["a", "größer\tÜ", ""]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    backbone = GPT2Backbone(257, 2, 2, 16, 32, max_sequence_length=64)
    for variable in backbone.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(15 * variable)
    return GPT2CausalLM(backbone, LanguageModelPreprocessor(tokenizer, 16))


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset") / "best"
    model.save_to_preset(folder)
    return folder


@pytest.fixture
def call(monkeypatch, preset):
    """A function that runs the program's main on arguments and, where given, standard input."""

    def call(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        values = flags.FlagValues()
        program.define_flags(values)
        parse(values, ["program", f"--preset={preset}", "--precision=float32", *arguments])
        program.main(values)

    return call


@pytest.fixture
def compiled(monkeypatch, model):
    """The model whose steps are compiled, which the program takes for the one in the preset."""
    monkeypatch.setattr(program.CausalLM, "from_preset", lambda handle, dtype: model)
    return model


@pytest.fixture
def calls(monkeypatch):
    """What `generate` is called with, in place of which each prompt gets itself twice."""
    found = []

    def generate(model, prompts, **settings):
        found.append({"model": model, "prompts": prompts, **settings})
        return [2 * prompt for prompt in prompts]

    monkeypatch.setattr(GPT2CausalLM, "generate", generate)
    return found


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function that says what a user types on a terminal: lines, and exceptions for Ctrl-C."""

    def typed(*lines):
        for stream in (sys.stdin, sys.stdout):
            monkeypatch.setattr(stream, "isatty", lambda: True)
        given = iter([*lines, EOFError()])

        def answer(prompt):
            line = next(given)
            if isinstance(line, BaseException):
                raise line
            return line

        monkeypatch.setattr("builtins.input", answer)

    return typed


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_lines_give_json_lines(call, compiled, capsys):
    call("--max_new_tokens=8", "--batch_size=1", stdin="\n".join(PROMPTS) + "\n")
    texts = compiled.generate(PROMPTS, 8, batch_size=1)
    assert lines(capsys) == [
        {"prompt": prompt, "text": text} for prompt, text in zip(PROMPTS, texts, strict=True)
    ]
    assert len(set(texts)) == 3


def test_terminal_shows_the_same_texts(call, compiled, typed, capsys):
    typed("a", "x" * 63, "größer\tÜ")
    call("--max_new_tokens=8")
    answers = capsys.readouterr().out
    first, second = (compiled.generate(prompt, 8) for prompt in ("a", "größer\tÜ"))
    assert answers.startswith(f"{first}\nPrompt 0 has 63 tokens, ")
    assert answers.endswith(f"lower max_new_tokens.\n{second}\n\n")


def test_answers_end_with_control_c(typed, capsys):
    def answer(line):
        if line == "wrong":
            raise DataError("It cannot be.")
        yield "begins"
        raise KeyboardInterrupt

    typed("a", KeyboardInterrupt(), "wrong", "b")
    converse(answer)
    assert capsys.readouterr().out == "begins\n\nIt cannot be.\nbegins\n\n"


def test_several_texts_on_a_terminal(call, calls, typed, capsys):
    typed("ab")
    call("--sampler=beam", "--num_samples=2")
    assert capsys.readouterr().out == "1. aa\n2. bb\n\n\n"
    assert "stream" not in calls[0]


def test_prompts_come_from_flags_and_files(call, calls, tmp_path, capsys):
    call("--prompt=one\ntwo", "--prompt=three")
    assert lines(capsys) == [
        {"prompt": "one\ntwo", "text": "one\ntwo" * 2},
        {"prompt": "three", "text": "three" * 2},
    ]
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "one\\ntwo"}\n' + 4 * '{"prompt": "x"}\n')
    call(f"--input={tmp_path}/prompts.jsonl", "--batch_size=2")
    assert [each["prompts"] for each in calls[1:]] == [["one\ntwo", "x"], ["x", "x"], ["x"]]
    (tmp_path / "prompts").write_text("{\n")
    call(f"--input={tmp_path}/prompts")
    assert calls[-1]["prompts"] == ["{"]


def test_flags_reach_generate(call, calls):
    call(
        *("--prompt=a", "--sampler=sample", "--temperature=0.5", "--top_k=3", "--num_samples=2"),
        *("--stop=.", "--stop=\n", "--seed=7", "--precision=bfloat16", "--int8"),
    )
    (given,) = calls
    sampler, model = given["sampler"], given["model"]
    assert (sampler.temperature, sampler.top_k, sampler.top_p) == (0.5, 3, None)
    assert (sampler.num_samples, given["seed"], given["stop"]) == (2, 7, [".", "\n"])
    assert (model.compute_dtype, model.variable_dtype) == ("bfloat16", "bfloat16")
    assert model.backbone.quantization == "int8"


def test_mistakes_in_lines_say_where(call, calls, model, monkeypatch):
    with pytest.raises(DataError, match="line 2 of the input: there is no column 'prompt'"):
        call("--format=jsonl", stdin='{"prompt": "a"}\n{"text": "b"}\n')

    def generate(model, prompts, **settings):
        if prompts != ["a"]:
            raise DataError("Prompt 0 is too long.")
        return prompts

    monkeypatch.setattr(GPT2CausalLM, "generate", generate)
    with pytest.raises(DataError, match="behind the first 1 of the input: Prompt 0 is too long"):
        call("--batch_size=1", stdin="a\nb\n")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--sampler=best"], ConfigError, "There is no sampler 'best'"),
        (["--temperature=2"], ConfigError, "The sampler 'greedy' takes no temperature"),
        (["--sampler=sample", "--top_p=2"], ConfigError, "top_p is 2.0"),
        (["--max_new_tokens=0"], ConfigError, "max_new_tokens"),
        (["--prompt=a", "--input=b"], ConfigError, "give one of the two"),
        (["--input=tests"], DataError, "tests is no file"),
        (["--preset="], ConfigError, "--preset=gpt2_base_en"),
        (["--preset=nobody_knows"], HandleError, "nobody_knows"),
    ],
)
def test_mistakes_in_flags(call, arguments, error, message):
    with pytest.raises(error, match=message):
        call(*arguments)
