"""A folder of weights: its format is detected from what lies in it, never from its handle."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfzoo.errors import HandleError, WeightsError
from tfzoo.weights.checkpoint import Checkpoint, ObjectCheckpoint
from tfzoo.weights.safetensors_file import SafetensorsFile, ShardedSafetensors
from tfzoo.weights.tensors import Spec, Tensors, listed, read_json

MARKER = "tfzoo.json"  # makes a folder a tfzoo preset, and holds its configuration
WEIGHTS = "model.safetensors"
_GOOGLE_CONFIGS = {"bert_config.json": "bert", "albert_config.json": "albert"}


@dataclass(frozen=True)
class Source:
    """Published weights, ready to be read.

    Attributes:
        format: "tfzoo", "huggingface", "google" (an original checkpoint with its JSON config) or
            "hub" (a TF2 SavedModel).
        folder: where it lies.
        tensors: its weights.
        config: the configuration in the terms of its format; empty for a SavedModel.
        family: the architecture as the source calls it, such as "bert"; None where it does not say.
        lowercase: whether its tokenizer lower-cases; None where it does not say.
        class_names: the names of a classifier's classes, in order, where it has real ones.
    """

    format: str
    folder: Path
    tensors: Tensors
    config: dict = field(default_factory=dict)
    family: str | None = None
    lowercase: bool | None = None
    class_names: list[str] | None = None

    def asset(self, pattern: str) -> Path:
        """The first file of this name in the folder or its `assets`.

        Args:
            pattern: a name or a pattern, such as `vocab.txt` or `*.model`.

        Raises:
            WeightsError: there is none.
        """
        for folder in (self.folder, self.folder / "assets"):
            for path in sorted(folder.glob(pattern)):
                return path
        raise WeightsError(
            f"{self.folder} has no {pattern}, which its tokenizer needs (it holds "
            f"{_contents(self.folder)}); add the file, or fetch the complete weights."
        )


def open_source(folder: Path | str) -> Source:
    """Opens a local folder of weights.

    A folder that holds one folder and nothing else, as archives often do, stands for that one.

    Args:
        folder: see `Source.format` for what may lie in it.

    Raises:
        HandleError: the folder does not exist, or holds nothing that is known.
        WeightsError: it holds weights that are damaged, or of a kind that is not read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HandleError(f"There is no folder {folder}; check the handle.")
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir():
        folder = inside[0]
    for opener in (_open_tfzoo, _open_huggingface, _open_google, _open_hub):
        if source := opener(folder):
            return source
    raise _unknown(folder)


def _open_tfzoo(folder: Path) -> Source | None:
    if not (folder / MARKER).is_file():
        return None
    tensors = _open_safetensors(folder)
    if tensors is None:
        raise WeightsError(f"{folder} has a {MARKER} and no {WEIGHTS}; save the preset again.")
    return Source("tfzoo", folder, tensors, read_json(folder / MARKER))


def _open_huggingface(folder: Path) -> Source | None:
    path = folder / "config.json"
    config = read_json(path) if path.is_file() else {}
    if not config.keys() & {"model_type", "architectures"}:
        return None
    tensors = _open_safetensors(folder)
    if tensors is None:
        return None
    family = config.get("model_type")
    if not isinstance(family, str | None):
        raise WeightsError(f"model_type in {path} is {family!r}, not a name; correct it.")
    tokenizer = folder / "tokenizer_config.json"
    lowercase = read_json(tokenizer).get("do_lower_case") if tokenizer.is_file() else None
    if not isinstance(lowercase, bool | None):
        raise WeightsError(
            f"do_lower_case in {tokenizer} is {lowercase!r}, not true or false; correct it."
        )
    return Source(
        "huggingface",
        folder,
        tensors,
        config,
        family=family,
        lowercase=lowercase,
        class_names=_class_names(config.get("id2label"), path),
    )


def _open_google(folder: Path) -> Source | None:
    configs = [name for name in _GOOGLE_CONFIGS if (folder / name).is_file()]
    checkpoints = sorted(path.with_suffix("") for path in folder.glob("*.index"))
    if not configs or not checkpoints:
        return None
    if len(configs) > 1 or len(checkpoints) > 1:
        raise WeightsError(
            f"{folder} holds several models ({_contents(folder)}); keep one config and one "
            "checkpoint in it."
        )
    config = read_json(folder / configs[0])
    return Source(
        "google", folder, Checkpoint(checkpoints[0]), config, family=_GOOGLE_CONFIGS[configs[0]]
    )


def _open_hub(folder: Path) -> Source | None:
    if not (folder / "saved_model.pb").is_file() or (folder / "tfhub_module.pb").is_file():
        return None
    tensors = ObjectCheckpoint(folder / "variables" / "variables")
    lowercase = None
    if tensors.specs.get("do_lower_case") == Spec((), np.dtype(bool)):
        lowercase = bool(tensors.read("do_lower_case"))
    return Source("hub", folder, tensors, lowercase=lowercase)


def _open_safetensors(folder: Path) -> Tensors | None:
    if (folder / WEIGHTS).is_file():
        return SafetensorsFile(folder / WEIGHTS)
    index = folder / f"{WEIGHTS}.index.json"
    return ShardedSafetensors(index) if index.is_file() else None


def _class_names(labels: object, path: Path) -> list[str] | None:
    """The values of `id2label`, unless they are the placeholders LABEL_0, LABEL_1, ..."""
    if not isinstance(labels, dict):
        return None
    names = [labels.get(str(index)) for index in range(len(labels))]
    if not all(isinstance(name, str) for name in names):
        raise WeightsError(f"id2label in {path} does not name every class from 0 on; correct it.")
    return None if all(re.fullmatch(r"LABEL_\d+", name) for name in names) else names


def _unknown(folder: Path) -> HandleError | WeightsError:
    if (folder / "tfhub_module.pb").is_file():
        return WeightsError(
            f"{folder} is a TF1 hub module, which is not read yet; use the TF2 version of it, "
            "or the original checkpoint."
        )
    if pickles := sorted(folder.glob("pytorch_model*.bin")):
        return WeightsError(
            f"{folder} has its weights only in {pickles[0].name}, a pickle, which could run code "
            "and is not opened; if you trust it, load it with transformers and write it anew with "
            "save_pretrained(), which makes a model.safetensors of it."
        )
    return HandleError(
        f"{folder} holds no weights that are known (it holds {_contents(folder)}); give a folder "
        "with a tfzoo preset, config.json and model.safetensors, bert_config.json and a "
        "checkpoint, or a TF2 SavedModel."
    )


def _contents(folder: Path) -> str:
    return listed(sorted(path.name for path in folder.iterdir())) or "nothing"
