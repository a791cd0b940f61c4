"""Byte-pair merges as a SentencePiece model, which tensorflow-text runs in the graph.

SentencePiece's byte-pair encoding merges the two neighbours whose joint piece scores best, and
looks at pieces alone; GPT-2's looks at a list of pairs. The two are the same where a token can only
arise in one way, and where merges have been learnt by counting pairs
(https://arxiv.org/abs/1508.07909) that is so. A list in which it is not is refused.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from unicodedata import category

from tfzoo.errors import WeightsError

# An empty table of replacements: a trie without branches, and no texts. Without a table, the
# library says at every start that it has none.
_NO_REPLACEMENTS = (1024).to_bytes(4, "little") + bytes(1024) + b"\0"

_IN_NO_WORD = "\u2028"  # a line separator, which both kinds of models know not

# How GPT's files mark that a token ends a word.
END_OF_WORD = "</w>"


def _alphabet() -> dict[str, int]:
    """The character by which GPT-2's files write a byte -> the byte.

    >>> _alphabet()["a"], _alphabet()["Ġ"], len(_alphabet())
    (97, 32, 256)
    """
    written = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]  # as Latin-1 does
    others = [byte for byte in range(256) if byte not in written]
    codes = [*written, *range(256, 256 + len(others))]
    return {chr(code): byte for code, byte in zip(codes, [*written, *others], strict=True)}


ALPHABET = _alphabet()


def token_bytes(token: str) -> bytes:
    """What a token of GPT-2's alphabet spells; a token with other characters spells itself.

    >>> token_bytes("Ġcaf"), token_bytes("Ã©"), token_bytes("日")
    (b' caf', b'\\xc3\\xa9', b'\\xe6\\x97\\xa5')
    """
    if all(character in ALPHABET for character in token):
        return bytes(ALPHABET[character] for character in token)
    return token.encode("utf-8", "replace")


def byte_model(vocabulary: Sequence[str], merges: Sequence[str]) -> bytes:
    """A serialized `sentencepiece.ModelProto` that splits words as merges of bytes do.

    It takes a word byte by byte, each as the character of that number, but U+0100 for zero, which
    native code takes for an end.

    Args:
        vocabulary: the tokens, in the order of their ids.
        merges: pairs of tokens with a space between them, the first merge first.

    Raises:
        WeightsError: the vocabulary lacks a byte, or merges are not those that training gives.
    """
    known = set(vocabulary)
    if lacking := [f"0x{byte:02x}" for token, byte in ALPHABET.items() if token not in known]:
        raise WeightsError(
            f"The vocabulary lacks the byte {lacking[0]}, so it cannot spell every text; is it one "
            "of byte-level byte-pair encoding?"
        )
    ranks = _ranks(known, merges, ALPHABET)
    pieces = {
        token: token_bytes(token).decode("latin-1").replace("\0", "\u0100")
        for token in (*ALPHABET, *ranks)
    }
    return _model((pieces.get(token), ranks.get(token)) for token in vocabulary)


def end_of_word_alphabet(vocabulary: Iterable[str]) -> str:
    """The characters that are tokens, in a word or with </w> at its end, but for white space.

    A line break is one of them, but no other control character, for no word has one.

    >>> end_of_word_alphabet(["<unk>", "a", "b</w>", "ab</w>", "\\n</w>", " "])
    'ab\\n'
    """
    stems = dict.fromkeys(token.removesuffix(END_OF_WORD) for token in vocabulary)
    return "".join(
        stem
        for stem in stems
        if stem == "\n" or (len(stem) == 1 and category(stem) not in ("Cc", "Cs", "Zl", "Zp", "Zs"))
    )


def end_of_word_model(vocabulary: Sequence[str], merges: Sequence[str]) -> bytes:
    """A serialized `sentencepiece.ModelProto` that splits words as merges with </w> do.

    It takes a word with a space behind it, which stands for </w>, and with a tab for a character
    that is not in `end_of_word_alphabet(vocabulary)`. Ids behind those of the vocabulary are what
    it does not know, each one character.

    Args:
        vocabulary: the tokens, in the order of their ids; "</w>" ends the last one of a word.
        merges: pairs of tokens with a space between them, the first merge first.

    Raises:
        WeightsError: the merges are not those that training gives.
    """
    known = set(vocabulary)
    single = [c + end for c in end_of_word_alphabet(vocabulary) for end in ("", END_OF_WORD)]
    ranks = _ranks(known, merges, single)
    pieces = {
        token: re.sub(rf"(?s)(?<=.){END_OF_WORD}\Z", " ", token) for token in (*single, *ranks)
    }
    unknown = [*(pieces[token] for token in single if token not in known), "\t", "\t "]
    return _model(
        [
            *((pieces.get(token), ranks.get(token)) for token in vocabulary),
            *((piece, None) for piece in unknown),
        ]
    )


def _model(tokens: "Iterable[tuple[str | None, int | None]]") -> bytes:
    """A model of the tokens, and of one more, for what none of them spells.

    Args:
        tokens: in the order of their ids, each with its piece, or None if no text becomes it; and
            with the number of the merge that makes it, or None if it is there before all merges.
    """
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    proto = ModelProto()
    proto.trainer_spec.model_type = proto.trainer_spec.BPE
    rules = proto.normalizer_spec
    rules.precompiled_charsmap = _NO_REPLACEMENTS
    rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = False
    kinds = ModelProto.SentencePiece
    for index, (piece, rank) in enumerate(tokens):
        if piece is None:
            proto.pieces.add(piece=f"{_IN_NO_WORD}{index}", type=kinds.CONTROL)
        else:
            score = 0 if rank is None else -1 - rank
            proto.pieces.add(piece=piece, score=score, type=kinds.NORMAL)
    proto.pieces.add(piece=_IN_NO_WORD, type=kinds.UNKNOWN)
    return proto.SerializeToString()


# Pairs of edges to be compared; GPT-2's 50,000 merges have less than a million.
_MAX_WORK = 10_000_000


def _ranks(known: set[str], merges: Sequence[str], alphabet: Iterable[str]) -> dict[str, int]:
    """What each merge makes -> its number.

    Args:
        known: the tokens of the vocabulary.
        merges: pairs of tokens.
        alphabet: the tokens that are there before any merge.
    """
    ranks: dict[str, int] = {}
    halves: dict[str, tuple[str, str]] = {}
    edges = {0: dict.fromkeys(alphabet, 1), 1: dict.fromkeys(alphabet, 1)}  # of each token, by side
    work = 0
    for rank, merge in enumerate(merges):
        left, _, right = merge.partition(" ")
        made = left + right
        are_known = left in edges[1] and right in edges[0]
        if not are_known or made in edges[0] or made not in known:
            raise _unlearnt(rank, merge)
        work += edges[1][left] * edges[0][right]
        if work > _MAX_WORK:
            raise WeightsError(
                "The merges of the vocabulary are nested deeper than those of any text; fetch it "
                "again."
            )
        edges[0][made], edges[1][made] = edges[0][left] + 1, edges[1][right] + 1
        if _is_crossed(left, right, rank, ranks, halves):
            raise _unlearnt(rank, merge)
        ranks[made], halves[made] = rank, (left, right)
    return ranks


def _is_crossed(
    left: str,
    right: str,
    rank: int,
    ranks: Mapping[str, int],
    halves: Mapping[str, tuple[str, str]],
) -> bool:
    """Whether an earlier merge joins the end of one with the start of the other.

    Then these two never become neighbours.
    """

    def edges(token: str, side: int) -> Iterator[tuple[str, int]]:
        """What stands at an edge of a token while it is made, each with the merge that ends it."""
        until = rank
        while token in halves:
            yield token, until
            until, token = ranks[token], halves[token][side]
        yield token, until

    return any(
        halves.get(end + start) == (end, start)
        and ranks[end + start] < end_until
        and ranks[end + start] <= start_until  # of two alike that overlap, the left one comes first
        for end, end_until in edges(left, 1)
        for start, start_until in edges(right, 0)
    )


def _unlearnt(rank: int, merge: str) -> WeightsError:
    return WeightsError(
        f"Merge {rank}, {merge!r:.100}, is none that training gives after those before it; fetch "
        "the vocabulary and the merges again."
    )
