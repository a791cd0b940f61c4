"""How sentence-transformers says, beside a model of Hugging Face's, that it is an embedder.

https://sbert.net/docs/sentence_transformer/usage/custom_models.html: `modules.json` lists what a
text goes through, and each module has its settings in a folder.
"""

import json
import warnings
from pathlib import Path
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights.tensors import listed, read_json, read_optional_json

MARKER = "modules.json"
_PACKAGE = "sentence_transformers."
_CHAIN = ["Transformer", "Pooling", "Normalize"]  # what tfzoo can do, the last one or not
_POOLING = "1_Pooling"
_LENGTH = "sentence_bert_config.json"
# Settings of the pooling before its version 6, of which those that are true count.
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
}


def read_settings(folder: Path) -> dict[str, Any]:
    """The arguments `pooling` and `normalize` of an embedder; none where nothing is said of them.

    Raises:
        WeightsError: the files are damaged, or ask for what tfzoo does not have.
    """
    if not (folder / MARKER).is_file():
        return {}
    modules = read_json(folder / MARKER, list)
    names = [_module(each, folder) for each in modules]
    if names not in (_CHAIN[:2], _CHAIN):
        raise WeightsError(
            f"{folder} passes texts through {listed(names) or 'nothing'}, and tfzoo's embedders "
            f"through {', '.join(_CHAIN[:2])} and optionally {_CHAIN[2]}; load the backbone alone."
        )
    _check_texts(folder)
    return {"pooling": _pooling(modules[1], folder), "normalize": names == _CHAIN}


def read_length(folder: Path) -> int | None:
    """Where the embedder truncates texts, in tokens; None where nothing is said of it.

    Raises:
        WeightsError: a file is damaged.
    """
    stated = read_optional_json(folder / _LENGTH).get("max_seq_length")
    if stated is None and (folder / MARKER).is_file():  # since version 6
        stated = read_optional_json(folder / "tokenizer_config.json").get("model_max_length")
    return stated if type(stated) is int and stated > 0 else None


def write(folder: Path, settings: dict[str, Any], hidden_dim: int, length: int | None) -> None:
    """Adds the files to a folder that holds the model.

    Args:
        folder: is filled.
        settings: `pooling` and `normalize`.
        hidden_dim: size of an embedding.
        length: where texts are truncated, in tokens; None for a model that takes features.
    """
    chain = _CHAIN if settings["normalize"] else _CHAIN[:2]
    paths = ["", _POOLING, "2_Normalize"]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"{_PACKAGE}models.{name}"}
        for index, (name, path) in enumerate(zip(chain, paths, strict=False))
    ]
    modes = {name: mode == settings["pooling"] for name, mode in _POOLINGS.items()}
    (folder / _POOLING).mkdir()
    files = {
        MARKER: modules,
        f"{_POOLING}/config.json": {"word_embedding_dimension": hidden_dim, **modes},
    }
    if length is not None:
        files[_LENGTH] = {"max_seq_length": length, "do_lower_case": False}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _module(entry: object, folder: Path) -> str:
    """The name of a module, such as "Pooling"; its whole path if it is another package's."""
    name = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise WeightsError(f"{folder / MARKER} has a module without a type; fetch the file again.")
    return name.rpartition(".")[2] if name.startswith(_PACKAGE) else name


def _pooling(entry: dict, folder: Path) -> str:
    place = entry.get("path")
    if not isinstance(place, str) or place in ("", "..") or Path(place).name != place:
        raise WeightsError(f"{folder / MARKER} names {place!r:.80}, which is no folder beside it.")
    config = read_json(folder / place / "config.json")
    modes = config.get("pooling_mode")
    if modes is None:
        old = [name for name in config if name.startswith("pooling_mode_")]
        modes = [_POOLINGS.get(name, name) for name in old if config[name] is True]
        modes = modes if old else ["mean"]
    modes = modes if isinstance(modes, list) else [modes]
    if len(modes) != 1 or modes[0] not in _POOLINGS.values():
        raise WeightsError(
            f"{folder / place} pools by {listed(list(map(str, modes))) or 'nothing'}, and tfzoo's "
            f"embedders by one of {', '.join(_POOLINGS.values())}; load the backbone alone."
        )
    return modes[0]


def _check_texts(folder: Path) -> None:
    """Warns of what is to be done to texts before they are tokenized."""
    if read_optional_json(folder / _LENGTH).get("do_lower_case") is True:
        warnings.warn(
            f"{folder} is for texts in lower case; give it such, unless its tokenizer lower-cases.",
            stacklevel=5,
        )
    config = read_optional_json(folder / "config_sentence_transformers.json")
    name, prompts = config.get("default_prompt_name"), config.get("prompts")
    prompt = prompts.get(name) if isinstance(name, str) and isinstance(prompts, dict) else None
    if prompt:
        warnings.warn(
            f"{folder} is for texts that begin with {prompt!r:.200}, which tfzoo does not add; put "
            "it there.",
            stacklevel=5,
        )
