r"""Goes on with prompts by a language model: on a terminal one after the other, else JSON lines.

  python -m tfzoo.generate --preset=gpt2_base_en
  python -m tfzoo.generate --preset=runs/gpt/best --prompt='Once upon a time' --prompt='The end'
  python -m tfzoo.generate --preset=runs/gpt/best < prompts.txt > texts.jsonl

On a terminal it asks for prompts and shows texts as they come. Ctrl-C ends a text, Ctrl-D the
program. Elsewhere each line of standard input, or of --input, is a prompt, and gives a line, in the
same order and as soon as its batch is complete:

  {"prompt": "Once upon a time", "text": " there was a king"}

With --num_samples above 1 `text` is a list. Prompts of several lines come as JSON objects with a
field `prompt`, from a file named .jsonl or with --format=jsonl.

  ... --sampler=sample --temperature=0.8 --top_k=40 --top_p=0.95 --num_samples=3 --seed=1
  ... --sampler=beam --num_samples=2
  ... --stop=$'\n' --max_new_tokens=100
"""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from absl import flags

from tfzoo.binaries.conversation import converse
from tfzoo.binaries.run import require, run
from tfzoo.binaries.splits import local
from tfzoo.binaries.texts import read_stream
from tfzoo.errors import ConfigError, DataError
from tfzoo.generation import Sampler, make_sampler
from tfzoo.tasks import CausalLM
from tfzoo.training import choose_precision

_SETTINGS = ("num_samples", "temperature", "top_k", "top_p", "repetition_penalty")


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string("preset", None, "a language model: a preset's name, or a handle", values)
    flags.DEFINE_multi_string("prompt", [], "to go on with; may be repeated", values)
    flags.DEFINE_string("input", None, "file or handle of prompts; else standard input", values)
    flags.DEFINE_enum(
        "format", None, ["text", "jsonl"], "of lines; by default as the file's name says", values
    )
    flags.DEFINE_string("sampler", "greedy", "how tokens are chosen, see CausalLM.generate", values)
    flags.DEFINE_multi_string("stop", [], "string before which a text ends; repeatable", values)
    for name, default, meaning in (
        ("max_new_tokens", 64, "of a text, which may end before"),
        ("batch_size", 8, "prompts that are gone on with together"),
        ("num_samples", None, "texts for each prompt"),
        ("top_k", None, "draw among so many likeliest tokens"),
    ):
        flags.DEFINE_integer(name, default, meaning, lower_bound=1, flag_values=values)
    for name, meaning in (
        ("top_p", "draw among the likeliest tokens that have this probability together"),
        ("temperature", "above 1 for bolder draws, below for safer"),
        ("repetition_penalty", "above 1 for less repetition"),
    ):
        flags.DEFINE_float(name, None, meaning, flag_values=values)
    flags.DEFINE_integer("seed", None, "of draws; else another one each time", flag_values=values)
    flags.DEFINE_enum(
        "precision",
        "auto",
        ["auto", "float32", "mixed_bfloat16", "bfloat16"],
        "of the computations, and with bfloat16 of the weights; auto decides from the device",
        values,
    )
    flags.DEFINE_bool("int8", False, "whether to hold the weights in 8 bits", values)
    require(values, preset="gpt2_base_en")


def main(values: flags.FlagValues) -> None:
    given = {name: values[name].value for name in _SETTINGS}
    sampler = make_sampler(
        values.sampler, {name: value for name, value in given.items() if value is not None}
    )
    is_asked = not values.prompt and values.input is None
    is_terminal = is_asked and sys.stdin.isatty() and sys.stdout.isatty()
    batches = None if is_terminal else _batches(values)
    model = _model(values)
    generate = functools.partial(
        model.generate,
        max_new_tokens=values.max_new_tokens,
        sampler=sampler,
        stop=values.stop,
        seed=values.seed,
        batch_size=values.batch_size,
    )
    if batches is None:
        converse(functools.partial(_pieces, generate, sampler))
    else:
        _write(generate, batches)


def _model(values: flags.FlagValues) -> CausalLM:
    precision = values.precision
    dtype = precision if precision == "bfloat16" else choose_precision(precision)
    model = CausalLM.from_preset(values.preset, dtype=dtype)
    if values.int8:
        model.quantize("int8")
    return model


def _batches(values: flags.FlagValues) -> Iterator[list[str]]:
    """Prompts as they come, no more than a batch at once."""
    if values.prompt and values.input is not None:
        raise ConfigError("Prompts are in --input and in --prompt; give one of the two.")
    chunks = iter([values.prompt]) if values.prompt else _chunks(values)
    size = values.batch_size
    return (chunk[i : i + size] for chunk in chunks for i in range(0, len(chunk), size))


def _chunks(values: flags.FlagValues) -> Iterator[list[str]]:
    stream, form = sys.stdin.buffer, values.format or "text"
    if values.input is not None:
        path = Path(local(values.input))
        if not path.is_file():
            raise DataError(f"{values.input} is no file; give one with a prompt in each line.")
        stream = path.open("rb")
        form = values.format or ("jsonl" if path.suffix == ".jsonl" else "text")
    field = "prompt" if form == "jsonl" else "text"
    return ([record.text(field) for record in chunk] for chunk in read_stream(stream, form))


def _write(generate: Callable, batches: Iterator[list[str]]) -> None:
    # An escape of a lone surrogate, which no UTF-8 can hold, is just what JSON wants.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    answered = 0
    for prompts in batches:
        try:
            texts = generate(prompts)
        except DataError as error:
            raise DataError(f"behind the first {answered:,} of the input: {error}") from None
        for prompt, text in zip(prompts, texts, strict=True):
            print(json.dumps({"prompt": prompt, "text": text}, ensure_ascii=False))
        sys.stdout.flush()
        answered += len(prompts)


def _pieces(generate: Callable, sampler: Sampler, prompt: str) -> Iterable[str]:
    """What follows a prompt, as it comes; of several texts each with its number."""
    if sampler.rows == 1:
        return generate(prompt, stream=True)
    texts = generate(prompt)
    if isinstance(texts, str):
        return [texts]
    return [f"{number}. {text}\n" for number, text in enumerate(texts, 1)]


if __name__ == "__main__":
    run(main, define_flags)
