"""Tasks that a language model is told in its prompt, by a description and examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfzoo.errors import ConfigError, DataError
from tfzoo.generation import check_count
from tfzoo.tasks.scoring import log_probabilities
from tfzoo.tasks.token_lists import token_lists
from tfzoo.tokenizers.strings import text_list

_NORMALIZATIONS = ("token", "total", "unconditional")


class FewShot:
    """Mixed into a task that has `generate` and gives losses for `labels`."""

    def few_shot(
        self,
        task_description: str,
        examples: Sequence[tuple[str, str]],
        query: str | Sequence[str],
        options: Sequence[str] | None = None,
        *,
        arrow: str = " => ",
        separator: str = "\n",
        normalization: str = "token",
        answer_context: str = "Answer:",
        max_new_tokens: int = 64,
        batch_size: int = 8,
        **settings: Any,
    ) -> Any:
        r"""Has a task done that the prompt alone explains (https://arxiv.org/abs/2005.14165).

        The prompt is that of the paper's figure 2.1, `Translate English to French:`, then a line
        `cheese => fromage` for each example, and `mint =>`: zero-shot without examples, one-shot
        with one. The spaces that `arrow` ends with belong to the answer, as words have theirs in
        running text: the prompt ends before them, and an option's tokens are those of " fromage",
        made apart from the prompt's.

        Args:
            task_description: the first line; "" for none.
            examples: K pairs of strings, an input and its output.
            query: the input to be answered, or N of them.
            options: the possible answers, of which the likeliest is wanted (section 2.4); None has
                an answer generated.
            arrow: stands between input and output, such as "\nA: ".
            separator: stands between lines, and ends an answer that is generated.
            normalization: what options compete by. "token": the log-probability per token, which
                the paper compares for most tasks, and which does not favour short options.
                "total": the log-probability. "unconditional": that minus the option's after
                `answer_context`, as the paper does in ARC, OpenBookQA and RACE, so that an option
                does not win because it is common anywhere.
            answer_context: what any answer may follow, without the space behind it.
            max_new_tokens: of an answer that is generated.
            batch_size: prompts, each with one option, that are computed together.
            settings: others of `generate`, which is greedy by default.

        Returns:
            The answer, without white space around it, or what else `generate` is asked for. With
            options a dict: `choice`, the number of the best option from 0 on; its `text`; and
            `scores`, a list of one number per option. A list of these for a list of queries.

        Raises:
            ConfigError: `normalization` is none of these, `settings` of `generate` come with
                options, or one is out of range.
            DataError: the model has no preprocessor; something is no string, or an option or a
                context has no tokens; or a prompt is too long, and then how many examples fit.
            WeightsError: the model's logits are no numbers.

        Example:

        >>> from tfzoo import GPT2Backbone, GPT2CausalLM, GPT2Tokenizer, LanguageModelPreprocessor
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
        >>> backbone = GPT2Backbone(
        ...     vocabulary_size=257, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
        ... )
        >>> model = GPT2CausalLM(backbone, LanguageModelPreprocessor(tokenizer))
        >>> examples = [("great!", "good"), ("a bore", "bad")]
        >>> answer = model.few_shot("Is it good?", examples, "I slept.", options=["good", "bad"])
        >>> answer["text"] in ("good", "bad"), len(answer["scores"])
        (True, 2)
        """
        if normalization not in _NORMALIZATIONS:
            raise ConfigError(
                f"normalization is {normalization!r:.60}; choose one of "
                f"{', '.join(_NORMALIZATIONS)}."
            )
        if options is not None and settings:
            raise ConfigError(
                f"{', '.join(settings)} would be of a generated answer, and there are options to "
                "choose from; leave out the one or the other."
            )
        is_one = isinstance(query, str)
        queries = _read("query", [query] if is_one else query)
        description = _read_one("task_description", task_description)
        arrow, separator = _read_one("arrow", arrow), _read_one("separator", separator)
        prompts = _Prompts(self, description, _pairs(examples), arrow, separator)
        if options is None:
            check_count("max_new_tokens", max_new_tokens)
            prompts.tokens(queries, room=max_new_tokens)
            texts = prompts.texts(queries)
            settings = {"stop": separator, "batch_size": batch_size, **settings}
            answers = self.generate(texts[0] if is_one else texts, max_new_tokens, **settings)
            if settings.get("stream"):
                return answers
            return keras.tree.map_structure(str.strip, answers)
        options = _read("options", options)
        answers = prompts.option_tokens(options)
        room = max(map(len, answers)) - 1
        contexts = prompts.tokens(queries, room)
        scores = _sums(self, contexts, answers, batch_size)  # (N, O)
        if normalization == "token":
            scores /= [len(ids) for ids in answers]
        elif normalization == "unconditional":
            context = prompts.answer_context(answer_context, room)
            scores -= _sums(self, context, answers, batch_size)
        choices = [
            {"choice": best, "text": options[best], "scores": row.tolist()}
            for best, row in zip(scores.argmax(axis=1).tolist(), scores, strict=True)
        ]
        return choices[0] if is_one else choices


@dataclass(frozen=True)
class _Prompts:
    """A task in words, for a model."""

    model: Any
    description: str
    examples: list[tuple[str, str]]
    arrow: str
    separator: str

    def texts(self, queries: list[str], shots: int | None = None) -> list[str]:
        """The prompts of queries, with all or the first `shots` examples."""
        lines = [self.description] if self.description else []
        lines += [f"{given}{self.arrow}{answer}" for given, answer in self.examples[:shots]]
        return [self.separator.join([*lines, query + self.arrow.rstrip(" ")]) for query in queries]

    def tokens(self, queries: list[str], room: int) -> list[np.ndarray]:
        """The ids of the prompts of queries, which leave room for the answers' tokens."""
        found, _ = token_lists(self.model, self.texts(queries))
        positions = self.model.backbone.embeddings.max_sequence_length
        for index, ids in enumerate(found):
            if len(ids) + room > positions:
                raise DataError(
                    f"Query {index} with {len(self.examples)} examples makes a prompt of "
                    f"{len(ids)} tokens, and with {room} of the answer that is more than the "
                    f"model's {positions} positions; "
                    + self._advice(queries[index], positions - room)
                )
        return found

    def answer_context(self, text: str, room: int) -> list[np.ndarray]:
        """The ids of what any answer may follow, which leave room for the answers' tokens."""
        found, _ = token_lists(self.model, [_read_one("answer_context", text)])
        positions = self.model.backbone.embeddings.max_sequence_length
        if len(found[0]) + room > positions:
            raise DataError(
                f"answer_context has {len(found[0])} tokens, and with {room} of an option that is "
                f"more than the model's {positions} positions; shorten it."
            )
        return found

    def option_tokens(self, options: list[str]) -> list[np.ndarray]:
        """The ids of options, with the spaces before them."""
        spaces = self.arrow[len(self.arrow.rstrip(" ")) :]
        found, _ = token_lists(self.model, [spaces + option for option in options])
        for option, ids in zip(options, found, strict=True):
            if not len(ids):
                raise DataError(f"The option {option!r} has no tokens; spell it out.")
        return found

    def _advice(self, query: str, longest: int) -> str:
        """What to do about a prompt of more than `longest` tokens."""
        prompts = [self.texts([query], shots)[0] for shots in range(len(self.examples) + 1)]
        found, _ = token_lists(self.model, prompts)
        fitting = sum(len(ids) <= longest for ids in found)
        if not fitting:
            return "shorten the query or the description."
        return f"give at most {fitting - 1} examples."


def _sums(
    model: Any, contexts: list[np.ndarray], answers: list[np.ndarray], batch_size: int
) -> np.ndarray:
    """Log-probabilities (C, A) float64 of A answers behind C contexts."""
    if not all(len(ids) for ids in contexts):
        raise DataError(
            "There are no tokens before the options; give an arrow or an answer_context."
        )
    rows = [np.concatenate([context, ids]) for context in contexts for ids in answers]
    found = log_probabilities(model, rows, batch_size)
    sizes = len(contexts) * [len(ids) for ids in answers]
    sums = [row[-size:].sum(dtype="float64") for row, size in zip(found, sizes, strict=True)]
    return np.array(sums).reshape(len(contexts), len(answers))


def _read(name: str, texts: Any) -> list[str]:
    try:
        read = text_list(list(texts) if isinstance(texts, tuple) else texts)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    if not read:
        raise DataError(f"{name} is an empty list.")
    return read


def _read_one(name: str, text: Any) -> str:
    return _read(name, [text])[0]


def _pairs(examples: Any) -> list[tuple[str, str]]:
    """Pairs of strings, checked."""
    if not isinstance(examples, Sequence):
        raise DataError(f"examples is no list of pairs of strings, but {examples!r:.60}.")
    for index, pair in enumerate(examples):
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        if not is_pair or not all(isinstance(text, str) for text in pair):
            raise DataError(
                f"Example {index} is {pair!r:.60}; give pairs of strings, an input and its output."
            )
    return list(examples)
