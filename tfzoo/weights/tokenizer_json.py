"""Tokenizers as Hugging Face writes them: `tokenizer.json`, `tokenizer_config.json`, `vocab.txt`.

Their WordPiece differs from the original code, which tfzoo follows, in what occurs in hardly any
text: words of 101 to 200 characters are unknown to them, a capital sigma is never a final one, and
characters for private use are dropped. Their GPT-1 cuts words as BERT does, where the original has
spaCy do it. All of theirs also find special tokens that are spelled out in texts.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import listed, read_json, read_optional_json

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CLS = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
_A = {"Sequence": {"id": "A", "type_id": 0}}
_SEP = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
_B = {"Sequence": {"id": "B", "type_id": 1}}
_SEP_B = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
# What there may be in tokenizer.json; None stands for nothing.
_KNOWN = {
    "model.type": ("WordPiece", None),
    "model.unk_token": ("[UNK]",),
    "model.continuing_subword_prefix": ("##",),
    "model.max_input_chars_per_word": (100, 200),
    "normalizer.type": ("BertNormalizer",),
    "normalizer.clean_text": (True,),
    "normalizer.handle_chinese_chars": (True,),
    "pre_tokenizer.type": ("BertPreTokenizer",),
    "post_processor.type": ("TemplateProcessing", "BertProcessing", None),
    "post_processor.single": ([_CLS, _A, _SEP], None),
    "post_processor.pair": ([_CLS, _A, _SEP, _B, _SEP_B], None),
}
# What there may be in tokenizer_config.json.
_KNOWN_OPTIONS = {
    "do_basic_tokenize": (True, None),
    "tokenize_chinese_chars": (True, None),
}
_KNOWN_CLASSES = (
    "BertTokenizer",
    "BertTokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    None,
)
SENTENCEPIECE = "spiece.model"
_KNOWN_SENTENCEPIECE_OPTIONS = {
    "keep_accents": (False, None),
    "remove_space": (True, None),
    "tokenizer_class": ("AlbertTokenizer", "AlbertTokenizerFast", None),
}
_BYTE_PAIRS = {
    "model.type": ("BPE", None),
    "model.dropout": (None, 0.0),
    "model.continuing_subword_prefix": ("", None),
    "model.byte_fallback": (False, None),
    "model.ignore_merges": (False, None),
    "post_processor.special_tokens": ({}, None),
}
_BYTE_LEVEL = {
    **_BYTE_PAIRS,
    "model.end_of_word_suffix": ("", None),
    "normalizer": (None,),
    "pre_tokenizer.type": ("ByteLevel",),
    "pre_tokenizer.use_regex": (True, None),
}
# Of each family what there may be in tokenizer.json, the tokens that it may keep whole, and the
# class of its tokenizer.
_KNOWN_BYTE_PAIRS = {
    "roberta": (
        {**_BYTE_LEVEL, "post_processor.type": ("RobertaProcessing", None)},
        ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
        "RobertaTokenizer",
    ),
    "gpt2": (
        {**_BYTE_LEVEL, "post_processor.type": ("ByteLevel", "TemplateProcessing", None)},
        ("<|endoftext|>",),
        "GPT2Tokenizer",
    ),
    "openai-gpt": (
        {
            **_BYTE_PAIRS,
            "model.end_of_word_suffix": ("</w>",),
            "model.unk_token": ("<unk>",),
            "normalizer.type": ("BertNormalizer",),
            "normalizer.lowercase": (True,),
            "pre_tokenizer.type": ("BertPreTokenizer",),
            "post_processor.type": ("TemplateProcessing", None),
        },
        ("<unk>",),
        "OpenAIGPTTokenizer",
    ),
}
_UNPRINTABLE = re.compile("[\r\n\ud800-\udfff]")  # has no line of UTF-8 in a vocab.txt


def casing(folder: Path) -> bool | None:
    """Whether the tokenizer in a folder lower-cases; None where no file says so.

    Raises:
        WeightsError: a file is damaged.
    """
    return _flag(folder, "do_lower_case", "normalizer.lowercase")


def prefix_space(folder: Path) -> bool | None:
    """Whether the tokenizer in a folder puts a space before a text; None where no file says so.

    Raises:
        WeightsError: a file is damaged.
    """
    return _flag(folder, "add_prefix_space", "pre_tokenizer.add_prefix_space")


def _flag(folder: Path, option: str, part: str) -> bool | None:
    """What `tokenizer_config.json` says, or else `tokenizer.json`."""
    for name, key in (("tokenizer_config.json", option), ("tokenizer.json", part)):
        value = _get(read_optional_json(folder / name), key)
        if not isinstance(value, bool | None):
            raise WeightsError(
                f"{key} in {folder / name} is {value!r:.200}, not true or false; correct it."
            )
        if value is not None:
            return value
    return None


def wordpieces(folder: Path) -> list[str] | None:
    """The pieces in `tokenizer.json`, in the order of their ids; None if there is no such file.

    Raises:
        WeightsError: a file is damaged, or the tokenizer is none that `BertTokenizer` equals.
    """
    options = read_optional_json(folder / "tokenizer_config.json")
    _check(folder / "tokenizer_config.json", options, _KNOWN_OPTIONS)
    accents = {"strip_accents": (casing(folder), None)}
    _check(folder / "tokenizer_config.json", options, accents)
    path = folder / "tokenizer.json"
    if not path.is_file():
        for name in ("tokenizer_config.json", "config.json"):
            _check(
                folder / name,
                read_optional_json(folder / name),
                {"tokenizer_class": _KNOWN_CLASSES},
            )
        _check_added(folder / "added_tokens.json", read_optional_json(folder / "added_tokens.json"))
        return None
    tokenizer = read_json(path)
    _check(path, tokenizer, _KNOWN)
    _check(path, tokenizer.get("normalizer"), accents)
    pieces = _pieces(path, tokenizer)
    if bad := [piece for piece in pieces if _UNPRINTABLE.search(piece)]:
        raise WeightsError(
            f"The piece {bad[0]!r:.200} in {path} is not a line of text; fetch the file again."
        )
    return pieces


def byte_pair_tokens(folder: Path, family: str) -> list[str] | None:
    """The tokens in `tokenizer.json`, in the order of their ids; None if there is no such file.

    Args:
        folder: of the tokenizer.
        family: "roberta", "gpt2" or "openai-gpt".

    Raises:
        WeightsError: a file is damaged, or the tokenizer works in another way than the family's.
    """
    tokenizer = _byte_pairs(folder, family)
    special = _KNOWN_BYTE_PAIRS[family][1]
    return tokenizer and _pieces(folder / "tokenizer.json", tokenizer, special)


def byte_pair_merges(folder: Path, family: str) -> list[str] | None:
    """The merges in `tokenizer.json`, as lines of a `merges.txt`; None if there is no such file.

    Arguments and errors are those of `byte_pair_tokens`.
    """
    tokenizer = _byte_pairs(folder, family)
    if tokenizer is None:
        return None
    try:  # lines, or since 2024 pairs
        return [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    except (TypeError, KeyError):
        raise WeightsError(
            f"{folder / 'tokenizer.json'} has no list of merges; fetch the file again."
        ) from None


def _byte_pairs(folder: Path, family: str) -> dict | None:
    known, special, name_of_class = _KNOWN_BYTE_PAIRS[family]
    path = folder / "tokenizer.json"
    if not path.is_file():
        classes = {"tokenizer_class": (name_of_class, f"{name_of_class}Fast", None)}
        for name in ("tokenizer_config.json", "config.json"):
            _check(folder / name, read_optional_json(folder / name), classes)
        added = read_optional_json(folder / "added_tokens.json")
        _check_added(folder / "added_tokens.json", added, special)
        return None
    tokenizer = read_json(path)
    _check(path, tokenizer, known)
    return tokenizer


def check_sentencepiece(folder: Path) -> None:
    """Checks that the tokenizer in a folder is one that `AlbertTokenizer` equals.

    Raises:
        WeightsError: it is not, it is damaged, or the folder does not have the file of its model.
    """
    if not (folder / SENTENCEPIECE).is_file():
        raise WeightsError(
            f"{folder} has no {SENTENCEPIECE}, of which tfzoo makes its tokenizer; add the one of "
            "the model that this was fine-tuned from, for a tokenizer.json alone is not read."
        )
    path = folder / "tokenizer_config.json"
    _check(path, read_optional_json(path), _KNOWN_SENTENCEPIECE_OPTIONS)
    _check_added(folder / "added_tokens.json", read_optional_json(folder / "added_tokens.json"))


def _pieces(path: Path, tokenizer: dict, special: Sequence[str] = _SPECIAL) -> list[str]:
    try:
        added = {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or ()}
        ids = {**tokenizer["model"]["vocab"], **added}
    except (TypeError, KeyError):
        raise WeightsError(
            f"{path} has no vocabulary of pieces and ids; fetch the file again."
        ) from None
    _check_added(path, added, special)
    whole = all(type(token_id) is int for token_id in ids.values())
    if not whole or set(ids.values()) != set(range(len(ids))):
        raise WeightsError(
            f"The ids of the {len(ids)} pieces in {path} are not those from 0 to {len(ids) - 1}, "
            "so the rows of the embedding have no certain meaning; fetch the file again."
        )
    return sorted(ids, key=ids.get)


def _check(path: Path, stated: Any, known: dict[str, tuple]) -> None:
    for name, values in known.items():
        if (value := _get(stated, name)) not in values:
            raise _foreign(path, f"its {name} is {value!r:.200}")


def _check_added(path: Path, tokens: Iterable, special: Sequence[str] = _SPECIAL) -> None:
    if added := [repr(token) for token in tokens if token not in special]:
        raise _foreign(path, f"it keeps {listed(added)} whole in any text")


def _foreign(path: Path, difference: str) -> WeightsError:
    return WeightsError(
        f"{path} describes a tokenizer that works in another way than tfzoo's ({difference}); load "
        "the backbone alone, and feed it what that tokenizer makes."
    )


def _get(value: Any, name: str) -> Any:
    """What a JSON value has at `a.b`; None if there is nothing."""
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
