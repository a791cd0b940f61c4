"""Folders of prepared data: what is in them, and the tokenizer that goes with them."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfzoo import tokenizers
from tfzoo.data.masking import Masking
from tfzoo.data.prepared.documents import Corpus
from tfzoo.data.prepared.recipe import Recipe
from tfzoo.data.prepared.records import Shard
from tfzoo.errors import DataError, WeightsError
from tfzoo.tokenizers.tokenizer import Tokenizer
from tfzoo.weights.arguments import has_argument
from tfzoo.weights.download import checksum
from tfzoo.weights.formats.tfzoo import MARKER
from tfzoo.weights.tensors import read_json

DESCRIPTION = "prepared.json"
_VERSION = 1


@dataclass(frozen=True)
class Description:
    """What `prepared.json` says.

    Attributes:
        recipe: how the rows were made.
        shards: name of a file -> its rows and its size in bytes.
    """

    recipe: Recipe
    shards: Mapping[str, tuple[int, int]]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(rows for rows, _ in self.shards.values())


def write_description(
    folder: Path, recipe: Recipe, corpus: Corpus, shards: Sequence[Shard]
) -> dict[str, Any]:
    """Writes `prepared.json`, and returns what is in it."""
    rows, tokens = sum(each.rows for each in shards), sum(each.tokens for each in shards)
    description = {
        "version": _VERSION,
        "recipe": dataclasses.asdict(recipe),
        "documents": sum(each.documents for each in shards),
        "rows": rows,
        "tokens": tokens,
        "fill_share": round(tokens / (rows * recipe.sequence_length), 4),
        "shards": {each.name: {"rows": each.rows, "bytes": each.bytes} for each in shards},
        "inputs": [
            {
                "file": path.name,
                "bytes": path.stat().st_size,
                "sha256": checksum(path, str(path)),
            }
            for path in corpus.files
        ],
    }
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
    return description


def read_description(folder: Path) -> Description:
    """Reads `prepared.json`, and checks that the shards are there.

    Raises:
        DataError: there is none, it is damaged, or a shard is missing or cut off.
    """
    if not (folder / DESCRIPTION).is_file():
        raise DataError(
            f"{folder} holds no {DESCRIPTION}, so it is no folder that tfzoo.prepare wrote."
        )
    try:
        content = read_json(folder / DESCRIPTION)
        if content["version"] != _VERSION:
            raise DataError(
                f"{folder / DESCRIPTION} has the version {content['version']!r:.60}, and this "
                f"tfzoo reads {_VERSION}; upgrade tfzoo."
            )
        recipe = dict(content["recipe"])
        found = Description(
            Recipe(**{**recipe, "masking": Masking(**recipe["masking"])}),
            {name: (each["rows"], each["bytes"]) for name, each in content["shards"].items()},
        )
        kinds = type(found.recipe.sequence_length), type(found.recipe.static)
        shards = found.shards.items()
        if kinds != (int, bool) or not shards or not all(_is_shard(*each) for each in shards):
            raise ValueError
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError(f"{folder / DESCRIPTION} is damaged; prepare the data again.") from None
    for name, (_, size) in found.shards.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise DataError(f"{path} is missing or cut off; prepare the data again.")
    return found


def _is_shard(name: str, numbers: tuple) -> bool:
    """Whether it is a file of the folder itself, with rows; whoever wrote that may be anybody."""
    is_inside = Path(name).name == name and name not in ("", "..")
    return is_inside and all(type(number) is int and number > 0 for number in numbers)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes a tokenizer's files, and what else makes it, as in a tfzoo preset."""
    tokenizer.save(folder)
    settings = {k: v for k, v in tokenizer.get_config().items() if k not in tokenizer.assets}
    config = {"tokenizer": {"class": type(tokenizer).__name__, "config": settings}}
    (folder / MARKER).write_text(json.dumps({"version": 1, **config}, indent=2) + "\n")


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder of prepared data, of a vocabulary, or of a preset.

    Raises:
        WeightsError: there is none, or it is damaged.
    """
    config = read_json(folder / MARKER)
    part = config.get("tokenizer")
    known = {name: getattr(tokenizers, name) for name in tokenizers.__all__}
    known = {name: each for name, each in known.items() if issubclass(each, Tokenizer)}
    cls = known.get(str(part.get("class"))) if isinstance(part, dict) else None
    settings = part.get("config", {}) if cls else None
    if not isinstance(settings, dict) or not all(
        name not in cls.assets and has_argument(cls, name, value)
        for name, value in settings.items()
    ):
        raise WeightsError(f"{folder / MARKER} names no tokenizer that tfzoo has; write it again.")
    return cls(**settings, **{name: folder / file for name, file in cls.assets.items()})
