"""Speculative decoding: a small model proposes tokens, and the large one checks them together."""

from typing import Any

from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.generation.loop import LanguageModel, State, prefill
from tfzoo.generation.samplers import Sample, gumbel, last_column, with_broken
from tfzoo.generation.settings import check_count
from tfzoo.layers.backend import stateless_uniform


class Speculative(Sample):
    """Lets a draft model propose tokens, which the model accepts or not, several in one pass.

    https://arxiv.org/abs/2211.17192. The texts are distributed as those of the model alone; without
    a temperature they are those of its greedy search. Prompts are continued one by one.

    Args:
        draft: a smaller `tfzoo.tasks.CausalLM`, with the vocabulary of the model and no fewer
            positions.
        tokens: how many it proposes at a time.
        temperature: what logits are divided by, of both models; None for greedy search.
        top_k, top_p: as in `Sample`.

    Raises:
        ConfigError: a number is out of range; or later, the draft does not fit the model.
    """

    takes_batches = False

    def __init__(
        self,
        draft: Any,
        tokens: int = 4,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> None:
        super().__init__(1.0 if temperature is None else temperature, top_k, top_p)
        check_count("tokens", tokens)
        self.draft = draft
        self.tokens = tokens
        self.is_greedy = temperature is None

    @property
    def spare(self) -> int:
        return self.tokens

    def key(self) -> tuple:
        return (*super().key(), *map(id, self.draft.variables))

    def of_prompts(
        self, model: LanguageModel, token_ids: Any, hidden: Any, columns: State
    ) -> State:
        """`draft_cache`, as the `cache` is that of the model."""
        draft = model.draft
        if draft.vocabulary_size != model.vocabulary_size or draft.positions < model.positions:
            raise ConfigError(
                f"The draft has {draft.vocabulary_size} tokens and {draft.positions} positions, "
                f"the model {model.vocabulary_size} and {model.positions}; choose a draft with the "
                "same tokens and no fewer positions."
            )
        return {"draft_cache": prefill(draft, token_ids, columns)[1]}

    def choose(self, logits: Any, state: State) -> Any:
        return ops.argmax(logits, axis=-1) if self.is_greedy else super().choose(logits, state)

    def advance(self, model: LanguageModel, state: State) -> State:
        column, count = last_column(state), self.tokens
        seed = state["seed"] + ops.stack([0, state["step"]])
        uniform = stateless_uniform((count + 1, model.vocabulary_size + 1), seed)
        noise = gumbel(uniform[:, 1:])
        proposed, theirs, draft_cache = self._propose(model.draft, noise, column, state)
        token_ids = ops.concatenate([state["token"][:, None], proposed[:, :count]], axis=1)
        hidden, cache = model.decode(token_ids, state, column)
        logits = model.logits(hidden[0])  # (tokens + 1, V)
        state = with_broken(theirs[None], with_broken(logits[None], state))
        accepted, rest = verdict(self.shares(logits), theirs, proposed[0], uniform[:count, 0])
        last = ops.argmax(ops.log(rest) + noise[count])
        places = ops.arange(count + 1)
        new = ops.where(places < accepted, proposed, ops.cast(last, "int32"))
        state = {**state, "cache": cache, "draft_cache": draft_cache}
        return _written(new, places <= accepted, state)

    def shares(self, logits: Any) -> Any:
        """Probabilities (B, V) of what is drawn, given logits (B, V)."""
        if self.is_greedy:
            return ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1])
        return ops.softmax(self.restricted(logits / self.temperature))

    def _propose(
        self, draft: LanguageModel, noise: Any, column: Any, state: State
    ) -> tuple[Any, Any, Any]:
        """What the draft says: tokens (1, T + 1), their distributions (T + 1, V), and its cache.

        The last one is not proposed. It is asked for so that the cache has all that may be
        accepted, and its distribution is zeros.
        """

        def propose(index: Any, values: tuple) -> tuple:
            token, cache, tokens, shares = values
            columns = {**state, "cache": cache}
            hidden, cache = draft.decode(token[:, None], columns, column + index)
            share = self.shares(draft.logits(hidden[:, -1]))
            token = ops.cast(ops.argmax(ops.log(share) + noise[index], axis=-1), "int32")
            tokens = ops.slice_update(tokens, (0, index), token[:, None])
            return token, cache, tokens, ops.slice_update(shares, (index, 0), share)

        rounds, words = noise.shape
        values = ops.zeros((1, rounds), "int32"), ops.zeros((rounds, words))
        values = (state["token"], state["draft_cache"], *values)
        _, cache, tokens, shares = ops.fori_loop(0, rounds, propose, values)
        return tokens, ops.where(ops.arange(rounds)[:, None] < self.tokens, shares, 0.0), cache


def verdict(ours: Any, theirs: Any, proposed: Any, uniform: Any) -> tuple[Any, Any]:
    """Which of T proposed tokens are accepted, by algorithm 1 of the paper.

    Args:
        ours: (T + 1, V) probabilities that the model gives.
        theirs: (T + 1, V), those of which tokens were drawn; zeros in the last row.
        proposed: (T + 1,) ids, of which the last one does not count.
        uniform: (T,) numbers from 0 to 1.

    Returns:
        How many are accepted, and numbers (V,) to which the probabilities of the next token are in
        proportion.

    >>> ours, theirs = ops.array([[0.5, 0.5], [1, 0]]), ops.array([[0, 1.0], [0, 0]])
    >>> for number in 0.4, 0.6:
    ...     accepted, rest = verdict(ours, theirs, ops.array([1, 0]), ops.array([number]))
    ...     print(int(accepted), ops.convert_to_numpy(rest))
    1 [1. 0.]
    0 [0.5 0. ]
    """

    def of_proposed(shares: Any) -> Any:
        return ops.take_along_axis(shares, proposed[:, None], axis=1)[:-1, 0]

    is_right = ops.cast(uniform * of_proposed(theirs) < of_proposed(ours), "int32")
    accepted = ops.sum(ops.cumprod(is_right))
    return accepted, ops.take(ops.maximum(ours - theirs, 0.0), accepted, axis=0)


def _written(tokens: Any, is_new: Any, state: State) -> State:
    """The state of one row with more tokens (1, T + 1), up to the end token or the last new one."""
    is_end = ops.cast(is_new & (tokens == state["end"]), "int32")
    has_end = ops.any(is_end > 0, axis=-1)
    count = ops.where(has_end, ops.argmax(is_end, axis=-1) + 1, ops.sum(ops.cast(is_new, "int32")))
    count = ops.cast(count, "int32")  # (1,)
    return {
        **state,
        "token": ops.take_along_axis(tokens, count[:, None] - 1, axis=1)[:, 0],
        "tokens": ops.slice_update(state["tokens"], (0, state["step"]), tokens),
        "lengths": state["lengths"] + count,
        "finished": state["finished"] | state["broken"] | has_end,
        "step": state["step"] + count[0],
    }
