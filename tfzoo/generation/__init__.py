"""The decode loop, and how the next token is chosen."""

from typing import Any

from tfzoo.errors import ConfigError
from tfzoo.generation.beam import Beam
from tfzoo.generation.contrastive import Contrastive
from tfzoo.generation.loop import LanguageModel, prefill, prompt_state
from tfzoo.generation.run import PIECE, advance_until, results_so_far
from tfzoo.generation.samplers import Sample, Sampler, Typical
from tfzoo.generation.settings import check_count
from tfzoo.generation.speculative import Speculative
from tfzoo.signatures import constructor_parameters

__all__ = [
    "PIECE",
    "Beam",
    "Contrastive",
    "LanguageModel",
    "Sample",
    "Sampler",
    "Speculative",
    "Typical",
    "advance_until",
    "check_count",
    "make_sampler",
    "prefill",
    "prompt_state",
    "results_so_far",
]

_SAMPLERS = {
    "beam": Beam,
    "contrastive": Contrastive,
    "greedy": Sampler,
    "sample": Sample,
    "typical": Typical,
}


def make_sampler(sampler: str | Sampler, settings: dict[str, Any]) -> Sampler:
    """A sampler by its name.

    Args:
        sampler: a name, or a sampler.
        settings: arguments of the sampler; none for one that is made already.

    Raises:
        ConfigError: there is no such sampler, it does not take an argument, or one is out of range.

    >>> make_sampler("sample", {"top_k": 5}).top_k
    5
    """
    if isinstance(sampler, Sampler):
        if settings:
            raise ConfigError(
                f"The sampler is a {type(sampler).__name__} with settings of its own; give "
                f"{', '.join(settings)} to it."
            )
        return sampler
    if not isinstance(sampler, str) or sampler not in _SAMPLERS:
        raise ConfigError(
            f"There is no sampler {sampler!r:.60}; choose {', '.join(_SAMPLERS)}, or give one of "
            "tfzoo.generation."
        )
    known = constructor_parameters(_SAMPLERS[sampler])
    if unknown := [name for name in settings if name not in known]:
        raise ConfigError(
            f"The sampler {sampler!r} takes no {' or '.join(unknown)}; leave it out, or choose "
            f"another sampler, such as 'sample'."
        )
    return _SAMPLERS[sampler](**settings)
