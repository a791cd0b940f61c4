"""How language models generate text."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tfzoo.generation import PIECE, Sampler, advance_until, make_sampler, prefill, prompt_state
from tfzoo.generation.weights import HeldWeights
from tfzoo.layers.backend import compiled, fused_products
from tfzoo.tasks.prompts import Continuations

_PIECE_OF_STOPS = 8  # steps between two looks for a stop string
_KEPT = 16  # samplers whose compiled steps are kept


class Generation:
    """Mixed into a task that has `backbone`, a `DecoderBackbone`, and `logits`."""

    def generate(
        self,
        prompts: Any,
        max_new_tokens: int = 64,
        sampler: str | Sampler = "greedy",
        *,
        num_samples: int = 1,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float | None = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        stream: bool = False,
        callback: Callable[[list], Any] | None = None,
        batch_size: int = 8,
    ) -> Any:
        """Goes on with prompts.

        Prompts of different lengths share a batch; each gets what it would get alone. A step is
        compiled once for each sampler with its settings, and each rounded number of prompts, of
        their tokens and of new tokens; it is kept for the last 16 samplers.

        Args:
            prompts: a string or N strings; or lists of ids. An empty one stands for the beginning
                of a text.
            max_new_tokens: how many tokens are generated, unless the end token or a stop string
                comes before.
            sampler: "greedy", "sample", "typical", "contrastive", "beam", or a sampler of
                `tfzoo.generation` with settings of its own.
            num_samples: how many texts a prompt gets: draws, or the best beams.
            temperature, top_k, top_p: see `tfzoo.generation.Sample`.
            repetition_penalty: see `tfzoo.generation.Sampler`.
            stop: strings before which a text ends; if none comes, it has `max_new_tokens`.
            seed: of draws, None for another one each time. The same seed gives a prompt the same
                texts in whatever batch, on one backend.
            stream: whether to give texts as they come, in an iterator of pieces.
            callback: called every few tokens with what would be returned so far; ends all where it
                returns True.
            batch_size: prompts that are generated together.

        Returns:
            What follows each prompt, without it: a string, or a list of ids for a prompt of ids; a
            list of these where `num_samples` is above 1; and a list of all that for several
            prompts. With `stream`, an iterator of strings that make up the text of one prompt, or
            of lists of such for several.

        Raises:
            ConfigError: there is no such sampler, it does not take a setting, or a setting is out
                of range.
            DataError: there are no prompts, one is neither a string nor ids, or it is longer than
                the model's context with the new tokens.
            WeightsError: the model's logits are no numbers.

        Example:

        >>> from tfzoo import GPT2Backbone, GPT2CausalLM
        >>> backbone = GPT2Backbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
        ... )
        >>> len(GPT2CausalLM(backbone).generate([3, 14, 15], max_new_tokens=4))
        4
        """
        settings = {
            "num_samples": None if num_samples == 1 else num_samples,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "repetition_penalty": repetition_penalty,
        }
        sampler = make_sampler(sampler, {k: v for k, v in settings.items() if v is not None})
        run = Continuations(self, prompts, max_new_tokens, sampler, stop, seed, batch_size)
        if stream:
            return run.stream(callback)
        return run.finish(_PIECE_OF_STOPS if stop or callback is not None else PIECE, callback)

    def compiled_steps(self, sampler: Sampler) -> tuple[Callable, Callable, Callable]:
        """The compiled functions of a sampler.

        Returns:
            One that lays out the weights; one from these and prompts to a state; and one from the
            weights, a state and a number of steps to the state after them.
        """
        variables = [*self.variables, *(sampler.draft.variables if sampler.draft else ())]
        mine = tuple(map(id, self.variables))
        if self.__dict__.get("_compiled_variables") != mine:  # as after `quantize`
            self.__dict__.update(_compiled_variables=mine, _compiled_steps={})
        key, steps = sampler.key(), self.__dict__["_compiled_steps"]
        if key not in steps:
            if len(steps) == _KEPT:
                del steps[next(iter(steps))]
            xla = self.compute_dtype == "float32"  # whose products XLA leaves as fast as they are

            def lay_out(values: list) -> list:
                return _laid_out(self, values, sampler.draft)

            def start(_: list, weights: list, *args: Any) -> Any:
                return self._start(_Held(self, weights, sampler.draft), sampler, *args)

            def advance(_: list, weights: list, state: Any, until: Any) -> Any:
                held = _Held(self, weights, sampler.draft)
                return advance_until(sampler, held, state, until)

            advance = compiled(advance, [], xla)

            def advanced(weights: list, state: Any, until: Any) -> Any:
                # Products of several rows in bfloat16 are faster alone than with their biases.
                with fused_products(len(state["token"]) == 1):
                    return advance(weights, state, until)

            steps[key] = (
                compiled(lay_out, variables, xla=False),
                compiled(start, [], xla),
                advanced,
            )
        return steps[key]

    def generated(
        self, sampler: Sampler, token_ids: Any, lengths: Any, steps: Any, seed: Any, end: Any
    ) -> Any:
        """The whole of a generation in one graph, for an export; shapes may be unknown.

        Args:
            sampler: has one row for each prompt.
            token_ids: (B, P), prompts and padding behind them.
            lengths: (B,) tokens of each prompt.
            steps: how many tokens are generated.
            seed: (2,) integers.
            end: the id that ends a text.

        Returns:
            The sampler's last state.
        """

        def run(values: list, token_ids: Any, lengths: Any, steps: Any, seed: Any, end: Any) -> Any:
            held, rows = _Held(self, _laid_out(self, values)), ops.shape(token_ids)[0]
            tokens, finished = ops.zeros((rows, steps), "int32"), ops.zeros((rows,), "bool")
            state = self._start(held, sampler, token_ids, lengths, tokens, finished, seed, end)
            return advance_until(sampler, held, state, steps)

        run = compiled(run, self.variables, xla=False)
        return run(token_ids, lengths, steps, seed, end)

    def _start(
        self,
        held: "_Held",
        sampler: Sampler,
        token_ids: Any,
        lengths: Any,
        tokens: Any,
        finished: Any,
        seed: Any,
        end: Any,
    ) -> Any:
        """A sampler's first state.

        Args:
            held: this model.
            sampler: has R rows for each prompt.
            token_ids: (B, P), prompts and padding behind them.
            lengths: (B,) tokens of each prompt.
            tokens: (B R, N), room for new tokens.
            finished: (B R,), rows of which nothing is wanted.
            seed: (2,) integers.
            end: the id that ends a text.
        """
        width, steps = ops.shape(token_ids)[1], ops.shape(tokens)[1]
        columns = prompt_state(lengths, width, steps, held.positions)
        hidden, cache = prefill(held, token_ids, columns)
        kept = sampler.of_prompts(held, token_ids, hidden, columns)
        last = ops.cast(lengths, "int32")[:, None, None] - 1
        hidden = ops.take_along_axis(hidden, last, axis=1)[:, 0]
        hidden, state = keras.tree.map_structure(
            lambda each: ops.repeat(each, sampler.rows, axis=0),
            (hidden, {**columns, **kept, "cache": cache}),
        )
        zeros = ops.zeros_like(finished, dtype="int32")
        state |= {
            "token": zeros,
            "tokens": tokens,
            "lengths": zeros,
            "finished": finished,
            "broken": ops.zeros_like(finished),
            "step": ops.zeros((), "int32"),
            "seed": seed,
            "end": end,
        }
        return sampler.start(held, hidden, state)


def _laid_out(model: Any, values: list, draft: Any = None) -> list:
    """What a `_Held` takes, given the values of a model's variables and behind them the draft's."""
    count = len(model.variables)
    layout = HeldWeights(model.variables, model.compute_dtype)
    weights = layout.laid_out(values[:count])
    with layout.scope(weights):
        table = model.output_matrix(model.compute_dtype)
    theirs = _laid_out(draft, values[count:]) if draft else []
    return [*weights, layout.turned_table(table), *theirs]


class _Held:
    """A `tfzoo.generation.LanguageModel`, its weights laid out for many steps.

    Args:
        model: the language model.
        weights: of `_laid_out`.
        draft: another language model; None for none.
    """

    def __init__(self, model: Any, weights: list, draft: Any = None) -> None:
        count = len(model.variables)
        self.vocabulary_size = model.backbone.token_embedding.input_dim
        self.positions = model.backbone.embeddings.max_sequence_length
        self.empty_cache = model.backbone.empty_cache
        self.draft = draft and _Held(draft, weights[count + 1 :])
        self._model = model
        self._layout = HeldWeights(model.variables, model.compute_dtype)
        self._weights, self._table = weights[:count], weights[count]

    def decode(self, token_ids: Any, state: Any, index: Any) -> tuple[Any, Any]:
        """See `tfzoo.generation.LanguageModel`, and so below."""
        inputs = {name: state[name] for name in ("padding_mask", "position_ids")}
        with self._layout.scope(self._weights):
            outputs = self._model.backbone(
                {"token_ids": token_ids, **inputs}, cache=state["cache"], cache_index=index
            )
        return outputs["sequence_output"], outputs["cache"]

    def logits(self, hidden: Any) -> Any:
        return self._model.logits(hidden, self._layout.turned_table(self._table))
