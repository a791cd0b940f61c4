"""How the next token is chosen: greedy search and sampling."""

from typing import Any

from keras import ops

from tfzoo.generation.loop import LanguageModel, State
from tfzoo.generation.settings import check_count, check_number
from tfzoo.layers.backend import stateless_uniform

PROBABILITY = "a probability above 0, up to 1"
_HIDDEN = -1e9  # of a logit that is not to be chosen


class Sampler:
    """Greedy search: always the likeliest token.

    What is chosen is held in a state, a dict of tensors with the B rows of a batch as first axis:
    `token` (B,), the last one; `tokens` (B, N), all; `lengths` (B,), how many of them count;
    `finished` (B,); `broken` (B,), whether logits were no numbers; and the scalars `step`, how many
    tokens there are, and `end`, the id that ends a text.

    Attributes:
        takes_batches: False for one that goes on with one prompt at a time.
        spare: columns behind those of the wanted tokens that a step may write into.
        draft: a `tfzoo.tasks.CausalLM` that is asked first; None for none.

    Args:
        repetition_penalty: what the logits of tokens that a row has already are divided by, or
            where they are negative multiplied (https://arxiv.org/abs/1909.05858, section 4.1).

    Raises:
        ConfigError: it is not positive.
    """

    takes_batches: bool = True
    spare: int = 0
    draft: Any = None

    def __init__(self, repetition_penalty: float = 1.0) -> None:
        check_number(
            "repetition_penalty",
            repetition_penalty,
            lambda x: x > 0,
            "a positive number, 1 for none",
        )
        self.repetition_penalty = repetition_penalty

    @property
    def rows(self) -> int:
        """How many rows of a batch a prompt has."""
        return 1

    def key(self) -> tuple:
        """What tells one compiled step from another."""
        return (type(self), *sorted(vars(self).items()))

    def of_prompts(
        self, model: LanguageModel, token_ids: Any, hidden: Any, columns: State
    ) -> State:
        """What a state holds of prompts besides their cache.

        Args:
            model: the model.
            token_ids: (B, P), prompts and padding behind them.
            hidden: (B, P, H), their hidden states.
            columns: of `prompt_state`, for K columns.
        """
        if self.repetition_penalty == 1:
            return {}
        rows, width = token_ids.shape
        is_real = columns["padding_mask"][:, :width] > 0
        ids = ops.reshape(ops.where(is_real, token_ids, token_ids[:, :1]), (-1,))
        places = ops.stack([ops.repeat(ops.arange(rows, dtype=ids.dtype), width), ids], axis=1)
        table = ops.zeros((rows, model.vocabulary_size), "int32")
        return {"seen": ops.scatter_update(table, places, ops.ones_like(ids)) > 0}

    def start(self, model: LanguageModel, hidden: Any, state: State) -> State:
        """The first token, from the hidden states (B, H) of the last tokens of prompts."""
        return self.take(model.logits(hidden), state)

    def advance(self, model: LanguageModel, state: State) -> State:
        """One more token for each row."""
        hidden, cache = model.decode(state["token"][:, None], state, last_column(state))
        return self.take(model.logits(hidden[:, -1]), {**state, "cache": cache})

    def take(self, logits: Any, state: State) -> State:
        """Chooses a token for each row, and writes it into the state."""
        state = with_broken(logits, state)
        return written(self.choose(self.penalized(logits, state), state), state)

    def choose(self, logits: Any, state: State) -> Any:
        """Ids (B,), given logits (B, V)."""
        return ops.argmax(logits, axis=-1)

    def best(self, state: State) -> Any:
        """Rows of the texts of each prompt (B, texts), when all are written."""
        return ops.reshape(ops.arange(state["finished"].shape[0]), (-1, self.rows))

    def penalized(self, logits: Any, state: State) -> Any:
        """Logits, with less for tokens that have been `seen` (B, V)."""
        if self.repetition_penalty == 1:
            return logits
        less = ops.where(
            logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty
        )
        return ops.where(state["seen"], less, logits)


def last_column(state: State) -> Any:
    """The column of the last token, which the model has not seen yet."""
    columns, steps = ops.shape(state["padding_mask"])[1], ops.shape(state["tokens"])[1]
    return columns - steps + state["step"] - 1


def with_broken(logits: Any, state: State) -> State:
    """The state, which notes rows not finished whose logits (B, ..., V) are no finite numbers."""
    sums = ops.sum(logits, axis=tuple(range(1, len(logits.shape))))
    return {**state, "broken": state["broken"] | ~(state["finished"] | ops.isfinite(sums))}


def written(token: Any, state: State) -> State:
    """The state with one more token in each row, the end token where it has finished."""
    token = ops.where(state["finished"], state["end"], ops.cast(token, "int32"))
    changes = {
        "token": token,
        "tokens": ops.slice_update(state["tokens"], (0, state["step"]), token[:, None]),
        "lengths": state["lengths"] + ops.cast(~state["finished"], "int32"),
        "finished": state["finished"] | state["broken"] | (token == state["end"]),
        "step": state["step"] + 1,
    }
    if "seen" in state:
        changes["seen"] = state["seen"] | ops.one_hot(token, state["seen"].shape[1], dtype="bool")
    return {**state, **changes}


class Sample(Sampler):
    """Draws from the softmax of the logits, or from its likeliest part.

    A seed, the number of a sample and the step decide what is drawn, and nothing else does: not
    what other prompts are in the batch. So the same prompt gets the same texts.

    Args:
        temperature: what logits are divided by.
        top_k: only the k likeliest tokens are drawn; None for all
            (https://arxiv.org/abs/1805.04833).
        top_p: only the likeliest tokens that together have this probability are drawn, or at least
            one; None for all (https://arxiv.org/abs/1904.09751).
        num_samples: rows of a prompt, one after the other, each with draws of its own.
        repetition_penalty: as in `Sampler`.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        num_samples: int = 1,
        repetition_penalty: float = 1.0,
    ) -> None:
        super().__init__(repetition_penalty)
        wanted = "a positive number, or the sampler 'greedy'"
        check_number("temperature", temperature, lambda x: x > 0, wanted)
        if top_k is not None:
            check_count("top_k", top_k)
        if top_p is not None:
            check_number("top_p", top_p, lambda x: 0 < x <= 1, PROBABILITY)
        check_count("num_samples", num_samples)
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.num_samples = num_samples

    @property
    def rows(self) -> int:
        return self.num_samples

    def choose(self, logits: Any, state: State) -> Any:
        logits = self.restricted(logits / self.temperature)
        samples, words = self.num_samples, logits.shape[-1]
        seed = state["seed"] + ops.stack([0, state["step"]])
        noise = gumbel(stateless_uniform((samples, words), seed))
        logits = ops.reshape(logits, (-1, samples, words)) + noise
        return ops.reshape(ops.argmax(logits, axis=-1), (-1,))

    def restricted(self, logits: Any) -> Any:
        """Logits (B, V) of which only those that may be drawn are kept."""
        if self.top_k is not None:
            logits = within_top_k(logits, min(self.top_k, logits.shape[-1]))
        if self.top_p is not None and self.top_p < 1:
            logits = within_top_p(logits, self.top_p)
        return logits


def gumbel(uniform: Any) -> Any:
    """Noise of which the largest sum with logits is a draw, of numbers from 0 to 1."""
    return -ops.log(-ops.log(ops.maximum(uniform, 1e-20)))


def within_top_k(logits: Any, top_k: Any) -> Any:
    """Logits (B, V) of which the likeliest `top_k` are kept."""
    kept = ops.top_k(logits, top_k)[0]
    return ops.where(logits < kept[:, -1:], _HIDDEN, logits)


def within_top_p(logits: Any, top_p: Any) -> Any:
    """Logits (B, V) of which the likeliest that together have the probability `top_p` are kept."""
    order = -ops.sort(-logits, axis=-1)
    before = ops.cumsum(ops.softmax(order), axis=-1) - ops.softmax(order)
    least = ops.min(ops.where(before < top_p, order, -_HIDDEN), axis=-1, keepdims=True)
    return ops.where(logits < least, _HIDDEN, logits)


class Typical(Sample):
    """Draws from the tokens whose information is nearest to the expected one.

    Locally typical sampling, https://arxiv.org/abs/2202.00666.

    Args:
        mass: the probability that these tokens have together, at least.
        temperature, num_samples, repetition_penalty: as in `Sample`.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(
        self,
        mass: float = 0.9,
        temperature: float = 1.0,
        num_samples: int = 1,
        repetition_penalty: float = 1.0,
    ) -> None:
        super().__init__(temperature, None, None, num_samples, repetition_penalty)
        check_number("mass", mass, lambda x: 0 < x <= 1, PROBABILITY)
        self.mass = mass

    def restricted(self, logits: Any) -> Any:
        information = -ops.log_softmax(logits)
        shares = ops.exp(-information)
        expected = ops.sum(shares * information, axis=-1, keepdims=True)
        distance = ops.abs(information - expected)
        order = ops.argsort(distance, axis=-1)
        ordered = ops.take_along_axis(shares, order, axis=-1)
        before = ops.cumsum(ordered, axis=-1) - ordered
        farthest = ops.max(
            ops.where(before < self.mass, ops.take_along_axis(distance, order, axis=-1), 0.0),
            axis=-1,
            keepdims=True,
        )
        return ops.where(distance > farthest, _HIDDEN, logits)
