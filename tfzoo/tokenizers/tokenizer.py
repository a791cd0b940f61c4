"""What all tokenizers have in common: a vocabulary, and the special tokens in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfzoo.errors import ConfigError, HandleError, WeightsError

_MAX_BYTES = 64 * 2**20  # of 250,000 pieces, a file is 5 MiB


def read_text(path: Path) -> str:
    """Reads a file of a vocabulary.

    Raises:
        HandleError: there is no such file.
        WeightsError: it is too large for one, or not UTF-8.
    """
    if not path.is_file():
        raise HandleError(f"There is no vocabulary file at {path}.")
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsError(f"{path} is larger than {_MAX_BYTES >> 20} MiB, so it is no vocabulary.")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise WeightsError(f"The vocabulary {path} is not UTF-8 ({error}).") from None


def appended(text: str, spelling: str) -> str:
    """A text and what comes next, of which white space at the seam is that of the latter.

    >>> appended("we ", " play"), appended("we play ", "ing"), appended(" ", " we")
    ('we play', 'we playing', 'we')
    """
    text = text.rstrip()
    return text + spelling if text else spelling.lstrip()


class Tokenizer:
    """Knows the tokens of a vocabulary; subclasses split texts into them.

    Args:
        vocabulary: the tokens; the position of one is its id.

    Raises:
        WeightsError: a special token is missing, or a token is there twice.
    """

    # Argument of the constructor -> the file of a folder of weights that it is.
    assets: ClassVar[dict[str, str]]
    # Attribute -> the special token whose id it is.
    special_tokens: ClassVar[dict[str, str]]
    # Whether segment ids tell the texts of a pair apart; else two separators between them do.
    has_segments: ClassVar[bool] = True
    # What stands before a word inside a text, where the word's tokens depend on it.
    before_word: ClassVar[str] = ""

    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    end_id: int | None = None  # of what ends a text that is generated, in families that have it

    def __init__(self, vocabulary: Sequence[str]):
        self.vocabulary = list(vocabulary)
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary)}
        if len(self._ids) < len(self.vocabulary):
            repeated = next(t for i, t in enumerate(self.vocabulary) if self._ids[t] != i)
            raise WeightsError(
                f"The vocabulary holds {repeated!r} more than once; every piece needs its own id."
            )
        for name, token in self.special_tokens.items():
            if token not in self._ids:
                raise WeightsError(
                    f"The vocabulary of {self.vocabulary_size} pieces has no {token}, which "
                    f"{type(self).__name__} needs; is it that of another family?"
                )
            setattr(self, name, self._ids[token])

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are: the number of rows of the embedding."""
        return len(self.vocabulary)

    @property
    def frame_ids(self) -> tuple[list[int], list[int], list[int]]:
        """The special tokens before, between and behind the texts of a row."""
        sep = [self.sep_id]
        return [self.cls_id], sep if self.has_segments else 2 * sep, sep

    @property
    def mask_token(self) -> str:
        """The mask as it is spelled."""
        return self.special_tokens["mask_id"]

    def token_to_id(self, token: str) -> int:
        """Returns the id of a token; ConfigError if the vocabulary lacks it."""
        if token not in self._ids:
            raise ConfigError(f"{token!r} is not a piece of the vocabulary.")
        return self._ids[token]

    def id_to_token(self, token_id: int) -> str:
        """Returns the token with this id; ConfigError if there is no such id."""
        if not 0 <= token_id < self.vocabulary_size:
            raise ConfigError(f"Token id {token_id} is outside 0..{self.vocabulary_size - 1}.")
        return self.vocabulary[token_id]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Tokenizer":
        """Rebuilds a tokenizer from `get_config()`."""
        return cls(**config)
