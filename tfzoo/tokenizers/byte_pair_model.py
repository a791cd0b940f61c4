"""Byte-pair merges as a SentencePiece model, which tensorflow-text runs in the graph.

SentencePiece's byte-pair encoding merges the two neighbours whose joint piece scores best, and
looks at pieces alone; GPT-2's looks at a list of pairs. The two are the same where a token can only
arise in one way, and where merges have been learnt by counting pairs
(https://arxiv.org/abs/1508.07909) that is so. A list in which it is not is refused.
"""

from collections.abc import Iterator, Mapping, Sequence

from tfzoo.errors import WeightsError

# An empty table of replacements: a trie without branches, and no texts. Without a table, the
# library says at every start that it has none.
_NO_REPLACEMENTS = (1024).to_bytes(4, "little") + bytes(1024) + b"\0"


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


def merge_model(vocabulary: Sequence[str], merges: Sequence[str], unknown: str) -> bytes:
    """A serialized `sentencepiece.ModelProto` that splits words as the merges do.

    It takes a word byte by byte, each as the character of that number, but U+0100 for zero, which
    native code takes for an end.

    Args:
        vocabulary: the tokens, in the order of their ids.
        merges: pairs of tokens with a space between them, the first merge first.
        unknown: a special token of the vocabulary.

    Raises:
        WeightsError: the vocabulary lacks a byte, or merges are not those that training gives.
    """
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    ranks = _ranks(set(vocabulary), merges)
    proto = ModelProto()
    proto.trainer_spec.model_type = proto.trainer_spec.BPE
    rules = proto.normalizer_spec
    rules.precompiled_charsmap = _NO_REPLACEMENTS
    rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = False
    kinds = ModelProto.SentencePiece
    for index, token in enumerate(vocabulary):
        if token in ranks or token in ALPHABET:
            piece = token_bytes(token).decode("latin-1").replace("\0", "\u0100")
            proto.pieces.add(piece=piece, score=-ranks.get(token, 0), type=kinds.NORMAL)
        else:  # no text becomes this token
            kind = kinds.UNKNOWN if token == unknown else kinds.CONTROL
            proto.pieces.add(piece=f"\u0101{index}", type=kind)
    return proto.SerializeToString()


# Pairs of edges to be compared; GPT-2's 50,000 merges have less than a million.
_MAX_WORK = 10_000_000


def _ranks(vocabulary: set[str], merges: Sequence[str]) -> dict[str, int]:
    """What each merge makes -> its number."""
    if lacking := [f"0x{byte:02x}" for token, byte in ALPHABET.items() if token not in vocabulary]:
        raise WeightsError(
            f"The vocabulary lacks the byte {lacking[0]}, so it cannot spell every text; is it one "
            "of byte-level byte-pair encoding?"
        )
    ranks: dict[str, int] = {}
    halves: dict[str, tuple[str, str]] = {}
    edges = {0: dict.fromkeys(ALPHABET, 1), 1: dict.fromkeys(ALPHABET, 1)}  # of each token, by side
    work = 0
    for rank, merge in enumerate(merges):
        left, _, right = merge.partition(" ")
        made = left + right
        are_known = all(half in ALPHABET or half in ranks for half in (left, right))
        if not are_known or made in ranks or made not in vocabulary:
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
