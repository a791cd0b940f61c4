"""How the parts of a task fit together, and which part a keyword argument is for."""

from typing import Any

from tfzoo.errors import ConfigError
from tfzoo.models import Backbone
from tfzoo.signatures import constructor_parameters


def arguments(cls: type) -> set[str]:
    """The names of a constructor's own arguments."""
    return set(constructor_parameters(cls))


def routed(overrides: dict[str, Any], **parts: set[str]) -> dict[str, dict[str, Any]]:
    """Deals out overrides to every part that knows them.

    Args:
        overrides: argument -> value.
        parts: part -> the arguments that it knows.

    Returns:
        part -> its arguments and values.

    Raises:
        ConfigError: no part knows an argument.

    Example:

    >>> routed({"dropout": 0.2}, task={"dropout"}, backbone={"dropout", "dtype"}, tokenizer=set())
    {'task': {'dropout': 0.2}, 'backbone': {'dropout': 0.2}, 'tokenizer': {}}
    """
    unknown = overrides.keys() - set().union(*parts.values())
    if unknown:
        raise ConfigError(
            f"There is no argument {', '.join(sorted(unknown))}; known are "
            f"{', '.join(sorted(set().union(*parts.values())))}."
        )
    return {
        part: {name: value for name, value in overrides.items() if name in known}
        for part, known in parts.items()
    }


def check_fit(backbone: Backbone, preprocessor: Any) -> None:
    """Checks that a preprocessor gives only ids and lengths that a backbone has.

    Raises:
        ConfigError: it does not.
    """
    positions = backbone.embeddings.max_sequence_length
    if preprocessor.sequence_length > positions:
        raise ConfigError(
            f"sequence_length is {preprocessor.sequence_length}, and the backbone has {positions} "
            "positions; lower sequence_length."
        )
    rows, words = backbone.token_embedding.input_dim, preprocessor.tokenizer.vocabulary_size
    if not 0 <= rows - words < 128:  # some models pad their table to a multiple of up to 128
        raise ConfigError(
            f"The vocabulary has {words} entries and the embedding {rows} rows; use the vocabulary "
            "that belongs to these weights."
        )
    padding, pad = backbone.embeddings.padding_id, preprocessor.tokenizer.pad_id
    if padding not in (None, pad):
        raise ConfigError(
            f"Padding has the id {pad} in the vocabulary, and {padding} in the backbone, which "
            "counts positions without it; use the vocabulary that belongs to these weights."
        )
