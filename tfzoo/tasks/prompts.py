"""From prompts to batches for the decode loop, and from its tokens to texts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.generation import Sampler, check_count, results_so_far
from tfzoo.generation.loop import NO_END
from tfzoo.tasks.token_lists import end_id, plain, token_lists

_WIDTH = 32  # columns that prompts and new tokens are rounded up to
_UNFINISHED = "\ufffd"  # what the first bytes of a character become


class Continuations:
    """One call of `generate`.

    Args:
        model: a `tfzoo.tasks.CausalLM`.
        prompts, max_new_tokens, sampler, stop, seed, batch_size: as in `generate`.

    Raises:
        ConfigError, DataError: as in `generate`.
    """

    def __init__(
        self,
        model: Any,
        prompts: Any,
        max_new_tokens: int,
        sampler: Sampler,
        stop: str | Sequence[str],
        seed: int | None,
        batch_size: int,
    ) -> None:
        check_count("max_new_tokens", max_new_tokens)
        check_count("batch_size", batch_size)
        self.model = model
        self.sampler = sampler
        self.steps = max_new_tokens
        self.batch_size = batch_size if sampler.takes_batches else 1
        self.tokenizer = model.preprocessor and model.preprocessor.tokenizer
        self.end = NO_END if end_id(model) is None else end_id(model)
        prompts = plain(prompts)
        lists, self.is_one = token_lists(model, prompts)
        first = prompts if isinstance(prompts, str | bytes) else prompts[0]
        self.takes_text = isinstance(first, str | bytes)
        self.ids = [self._checked(ids.tolist(), index) for index, ids in enumerate(lists)]
        is_several = isinstance(stop, Iterable) and not isinstance(stop, str)
        self.stops = list(stop) if is_several else [stop]
        if not all(isinstance(each, str) and each for each in self.stops):
            raise ConfigError(f"stop is {stop!r:.60}; give strings that are not empty.")
        if self.stops and not self.takes_text:
            raise ConfigError("Stop strings end texts, and these prompts are ids; give texts.")
        if seed is not None and type(seed) is not int:
            raise ConfigError(f"seed is {seed!r:.60}; give a whole number.")
        if seed is None:
            from tfzoo.data.inputs import draw_seed

            seed = draw_seed()
        self.seed = seed

    def finish(self, piece: int, callback: Callable[[list], Any] | None) -> Any:
        """All texts, when they are complete.

        Args:
            piece: steps between two looks.
            callback: as in `generate`.
        """
        answers: list[Any] = [self._answer([]) for _ in self.ids]
        by_length = sorted(range(len(self.ids)), key=lambda index: len(self.ids[index]))
        for first in range(0, len(by_length), self.batch_size):
            batch = by_length[first : first + self.batch_size]
            for results in self._results(batch, piece):
                for index, answer in zip(batch, self._answers(results, len(batch)), strict=True):
                    answers[index] = answer
                if callback is not None and callback(answers[0] if self.is_one else [*answers]):
                    return answers[0] if self.is_one else answers
        return answers[0] if self.is_one else answers

    def stream(self, callback: Callable[[list], Any] | None) -> Iterator[Any]:
        """Pieces of texts, as they come; of all prompts in one batch.

        Raises:
            ConfigError: a prompt has several rows, or is ids; the sampler takes no batches, and
                there are several prompts; or there is a callback.
        """
        if self.sampler.rows > 1 or not self.takes_text:
            raise ConfigError(
                "stream=True gives one text for a prompt of text; leave out num_samples and beams."
            )
        if len(self.ids) > 1 and not self.sampler.takes_batches:
            raise ConfigError(
                f"A {type(self.sampler).__name__} sampler goes on with one prompt at a time; give "
                "one with stream=True."
            )
        if callback is not None:
            raise ConfigError(
                "With stream=True, leave the loop over the pieces, not by a callback."
            )
        return self._streamed()

    def _streamed(self) -> Iterator[Any]:
        given = [""] * len(self.ids)
        for results in self._results(range(len(self.ids)), piece=1):
            over = results["lengths"].max(initial=0) >= self.steps
            pieces = []
            for row, before in enumerate(given):
                text = self._text(self._row(results, row))
                if not (results["finished"][row] or over):
                    text = self._settled(text)
                pieces.append(text[len(before) :])
                given[row] = before + pieces[-1]
            if any(pieces):
                yield pieces[0] if self.is_one else pieces

    def _settled(self, text: str) -> str:
        """A text without what the next token may yet change: half a character or a stop string."""
        text = text.rstrip(_UNFINISHED)
        longest = max((len(stop) for stop in self.stops), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self.stops):
                return text[:-size]
        return text

    def _results(self, batch: Sequence[int], piece: int) -> Iterator[dict[str, np.ndarray]]:
        """Results of some prompts so far, in which rows with a stop string have ended."""
        lay_out, start, advance = self.model.compiled_steps(self.sampler)
        rows, weights = self.sampler.rows, lay_out()
        state = start(weights, *self._inputs([self.ids[index] for index in batch]))
        for results in results_so_far(state, partial(advance, weights), rows, self.steps, piece):
            if results["broken"].any():
                row = int(results["broken"].argmax())
                raise WeightsError(
                    f"After {results['lengths'][row] - 1} tokens behind prompt "
                    f"{batch[row // rows]} the model's logits are no numbers (NaN); look for NaN "
                    "in its weights, or use another dtype."
                )
            for row in range(len(batch) * rows if self.stops else 0):
                text = self._text(self._row(results, row), cut=False)
                results["finished"][row] |= any(stop in text for stop in self.stops)
            yield results

    def _inputs(self, prompts: list[list[int]]) -> list[Any]:
        """The arguments of a compiled start; the batch is filled up to a power of two."""
        size = 1 << (len(prompts) - 1).bit_length()
        lengths = [len(ids) for ids in prompts] + [1] * (size - len(prompts))
        positions = self.model.backbone.embeddings.max_sequence_length
        token_ids = np.zeros((size, min(_rounded(max(lengths)), positions)), "int32")
        for row, ids in enumerate(prompts):
            token_ids[row, : len(ids)] = ids
        rows = self.sampler.rows
        values = (
            token_ids,
            np.array(lengths, "int32"),
            np.zeros((size * rows, _rounded(self.steps + self.sampler.spare)), "int32"),
            np.repeat(np.arange(size) >= len(prompts), rows),
            np.array([self.seed % 2**31, 0], "int32"),
            np.array(self.end, "int32"),
        )
        return [ops.convert_to_tensor(value) for value in values]

    def _answers(self, results: dict[str, np.ndarray], prompts: int) -> list[Any]:
        chosen = ops.convert_to_numpy(self.sampler.best(results))[:prompts]  # (B, texts)
        return [self._answer([self._row(results, row) for row in rows]) for rows in chosen]

    def _answer(self, rows: list[list[int]]) -> Any:
        """What a prompt gets: a text or ids, or a list of them where several are wanted."""
        texts = [self._text(ids) if self.takes_text else ids for ids in rows]
        if getattr(self.sampler, "num_samples", 1) > 1:
            return texts
        return texts[0] if texts else "" if self.takes_text else []

    def _row(self, results: dict[str, np.ndarray], row: int) -> list[int]:
        """The ids of a row, without the end token and what may stand behind it."""
        ids = results["tokens"][row, : min(results["lengths"][row], self.steps)].tolist()
        return ids[:-1] if ids and ids[-1] == self.end else ids

    def _text(self, ids: list[int], cut: bool = True) -> str:
        """The text of ids, up to the stop string that is complete first."""
        text = ops.convert_to_numpy(self.tokenizer.detokenize([ids]))[0].decode() if ids else ""
        starts = {stop: text.find(stop) for stop in self.stops if stop in text} if cut else {}
        ends = [(start + len(stop), start) for stop, start in starts.items()]
        return text[: min(ends)[1]] if ends else text

    def _checked(self, ids: list[int], index: int) -> list[int]:
        if not ids and self.end == NO_END:
            raise DataError(
                f"Prompt {index} is empty, and the model has no end token, <|endoftext|>, to begin "
                "with; give it at least one token."
            )
        ids = ids or [self.end]
        positions = self.model.backbone.embeddings.max_sequence_length
        if len(ids) + self.steps > positions:
            raise DataError(
                f"Prompt {index} has {len(ids)} tokens, which with max_new_tokens={self.steps} are "
                f"more than the model's {positions} positions; shorten it, or lower max_new_tokens."
            )
        return ids


def _rounded(columns: int) -> int:
    return -(-columns // _WIDTH) * _WIDTH
