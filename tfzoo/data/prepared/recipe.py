"""What becomes of documents: rows of one form, masked or not."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from tfzoo.data.masking import Masking, mask_tokens
from tfzoo.data.prepared.documents import split_sentences
from tfzoo.data.prepared.sentence_pairs import encode_documents, pair_rows
from tfzoo.data.rows import Rows, document_rows, sentence_rows, text_rows
from tfzoo.errors import ConfigError
from tfzoo.tokenizers import TextPreprocessor
from tfzoo.tokenizers.tokenizer import Tokenizer

PAIRS = ("nsp", "sop")
FULL_SENTENCES = "full_sentences"
TEXTS = ("packed", "lines")  # of whole documents, which are not cut into sentences
CAUSAL = "causal"
FORMATS = (*PAIRS, FULL_SENTENCES, *TEXTS, CAUSAL)
SENTENCES = ("split", "lines")

_SHORTEST = {FULL_SENTENCES: 3, CAUSAL: 1}  # rows; of other formats, 5 tokens
_TEXTS = 8192  # tokenized at once
_MASKED = 256  # rows at once


@dataclass(frozen=True)
class Recipe:
    """How rows are made.

    Args:
        format: "nsp" and "sop", pairs of segments for `BertPretrainer` and `AlbertPretrainer`, see
            `pair_rows`; "full_sentences", see `tfzoo.data.rows.sentence_rows`; "packed", several
            documents in a row that do not see one another, see `tfzoo.data.rows.text_rows`;
            "lines", one document in a row; in these two a document that is too long is cut off. Or
            "causal", documents in turn for language models, see `tfzoo.data.rows.document_rows`.
        sequence_length: S, tokens of a row.
        masking: how tokens are masked, now or when the rows are read.
        static: whether they are masked now.
        duplicates: how often the corpus is gone through, each time with other pairs and masks.
        sentences: "split", see `split_sentences`, or "lines", each of which is one.
        short_share: of the pairs, whose length is random.
        seed: decides all that is random.

    Raises:
        ConfigError: a value is none of those, or language models' rows shall have masks.
    """

    format: str = FULL_SENTENCES
    sequence_length: int = 128
    masking: Masking = field(default_factory=Masking)
    static: bool = False
    duplicates: int = 1
    sentences: str = "split"
    short_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("format", self.format, FORMATS),
            ("sentences", self.sentences, SENTENCES),
        ):
            if value not in known:
                raise ConfigError(f"{name} is one of {', '.join(known)}, not {value!r:.60}.")
        for name, value, smallest in (
            ("sequence_length", self.sequence_length, _SHORTEST.get(self.format, 5)),
            ("duplicates", self.duplicates, 1),
        ):
            if value < smallest:
                raise ConfigError(f"{name} must be at least {smallest}, not {value}.")
        if not 0 <= self.short_share <= 1:
            raise ConfigError(f"short_share is a share of 1, not {self.short_share}.")
        if self.static and self.format == CAUSAL:
            raise ConfigError(f"Rows of the format {CAUSAL} have no masks; leave out static ones.")

    @property
    def features(self) -> dict[str, int | None]:
        """Name of a feature of a row -> how many integers it has; None is one number."""
        names = ["token_ids", "padding_mask"]
        names += ["labels"] if self.format == CAUSAL else ["segment_ids"]
        names += ["sequence_ids"] if self.format in ("packed", CAUSAL) else []
        features: dict[str, int | None] = dict.fromkeys(names, self.sequence_length)
        if self.format in PAIRS:
            features["next_sentence"] = None
        if self.static:
            names = ["masked_positions", "masked_ids", "masked_weights"]
            features |= dict.fromkeys(names, self.masking.width(self.sequence_length))
        return features

    @property
    def masked_later(self) -> bool:
        """Whether tokens are masked each time that the rows are read."""
        return not self.static and self.format != CAUSAL

    def rows(
        self, tokenizer: Tokenizer, documents: Sequence[Sequence[str]], name: str
    ) -> Iterator[Rows]:
        """Makes rows of documents.

        Args:
            tokenizer: turns texts into ids.
            documents: lists of lines.
            name: with the seed, decides all that is random.

        Yields:
            Some rows each time. With static masks they have `masked_positions`, `masked_ids` and
            `masked_weights`, (R, P) int32.

        Raises:
            ConfigError: the tokenizer's family has other formats.
        """
        if self.format != CAUSAL and "mask_id" not in tokenizer.special_tokens:
            raise ConfigError(
                f"A {type(tokenizer).__name__} has no mask, which rows of the format {self.format} "
                f"are for; choose the format {CAUSAL}."
            )
        rng = random.Random(f"{self.seed} {name}")
        for rows in self._plain_rows(tokenizer, documents, rng):
            yield from self._masked(tokenizer, rows, rng) if self.static else [rows]

    def _plain_rows(
        self, tokenizer: Tokenizer, documents: Sequence[Sequence[str]], rng: random.Random
    ) -> Iterator[Rows]:
        """The rows of all duplicates, tokenized once."""
        if self.format in PAIRS:
            encoded = encode_documents(tokenizer, map(self._cut, documents))
            for _ in range(self.duplicates):
                yield pair_rows(
                    tokenizer,
                    encoded,
                    self.sequence_length,
                    swapped=self.format == "sop",
                    short_share=self.short_share,
                    rng=rng,
                )
            return
        if self.format == FULL_SENTENCES:
            made = sentence_rows(tokenizer, map(self._cut, documents), self.sequence_length)
        elif self.format == CAUSAL:
            made = document_rows(tokenizer, map("\n".join, documents), self.sequence_length)
        else:
            preprocessor = TextPreprocessor(tokenizer, self.sequence_length)
            make = text_rows if self.format == "packed" else _line_rows
            made = make(preprocessor, list(map("\n".join, documents)))
        kept = list(made)
        for _ in range(self.duplicates):
            yield from kept

    def _cut(self, lines: Sequence[str]) -> list[str]:
        """The sentences of a document."""
        if self.sentences == "lines":
            return list(lines)
        return [sentence for line in lines for sentence in split_sentences(line)]

    def _masked(self, tokenizer: Tokenizer, rows: Rows, rng: random.Random) -> Iterator[Rows]:
        for start in range(0, len(rows["token_ids"]), _MASKED):
            some = {name: column[start : start + _MASKED] for name, column in rows.items()}
            seed = tf.constant([rng.getrandbits(31), rng.getrandbits(31)])
            ids = {name: tf.constant(column) for name, column in some.items()}
            features, hidden, weights = mask_tokens(ids, tokenizer, seed, self.masking)
            masked = {**features, "masked_ids": hidden, "masked_weights": weights}
            yield {name: np.asarray(column).astype(np.int32) for name, column in masked.items()}


def _line_rows(preprocessor: TextPreprocessor, texts: Sequence[str]) -> Iterator[Rows]:
    for start in range(0, len(texts), _TEXTS):
        features = preprocessor(texts[start : start + _TEXTS], preprocessor.sequence_length)
        yield {name: column.numpy() for name, column in features.items()}
