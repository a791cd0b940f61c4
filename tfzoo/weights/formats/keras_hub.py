"""KerasHub's presets: `config.json`, `model.weights.h5`, a task, a tokenizer.

In the file, the layers of a model are named by class and counted: `layers/dense`, `layers/dense_1`.
Tables of names give the first one its number too, `layers/dense_0`, and begin the names of what
lies in a task's own file with `task/`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.arguments import is_number
from tfzoo.weights.family import Snapshot
from tfzoo.weights.h5_file import H5File, write_h5
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import Tensors, read_json

MARKER = "config.json"
_WEIGHTS = "model.weights.h5"
_SHARDS = "model_*.weights.h5"
_TASK = "task.json"
_TASK_WEIGHTS = "task.weights.h5"
_TOKENIZER = "tokenizer.json"
_PREPROCESSOR = "preprocessor.json"
_TASKS = {"Classifier": "TextClassifier", "MaskedLM": "MaskedLM", "CausalLM": "CausalLM"}
# What a tokenizer may state.
_KNOWN = {"split": True, "split_on_cjk": True, "suffix_indicator": "##", "oov_token": "[UNK]"}
_ASSETS = {
    "vocab.txt": "vocabulary.txt",
    "vocab.json": "vocabulary.json",
    "merges.txt": "merges.txt",
}


class _PresetWeights(Tensors):
    """The weights in the files of a preset, under the names that tables give them."""

    def __init__(self, folder: Path, backbone: Iterable[H5File], task: Iterable[H5File]):
        self.path = folder
        files = [*(("", file) for file in backbone), *(("task/", file) for file in task)]
        self._places = {
            prefix + _numbered(name): (file, name) for prefix, file in files for name in file.specs
        }
        self.specs = {name: file.specs[theirs] for name, (file, theirs) in self._places.items()}

    def read(self, name: str) -> np.ndarray:
        file, theirs = self._places[name]
        return file.read(theirs)


def open_folder(folder: Path) -> Source | None:
    """The preset in a folder; None if there is none."""
    backbone, config = _read_object(folder / MARKER)
    weights = [folder / _WEIGHTS] if (folder / _WEIGHTS).is_file() else sorted(folder.glob(_SHARDS))
    if not backbone or not weights:
        return None
    task = _task(folder, backbone.removesuffix("Backbone"))
    heads = [folder / _TASK_WEIGHTS] if task and (folder / _TASK_WEIGHTS).is_file() else []
    return Source(
        "keras_hub",
        folder,
        _PresetWeights(folder, map(H5File, weights), map(H5File, heads)),
        config,
        family=backbone.removesuffix("Backbone").lower(),
        task=task,
        settings=_settings(folder),
        lowercase=_flag(folder / _TOKENIZER, "lowercase"),
        add_prefix_space=_flag(folder / _TOKENIZER, "add_prefix_space"),
        assets={ours: f"tokenizer/{theirs}" for ours, theirs in _ASSETS.items()},
    )


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a preset that KerasHub loads."""
    arrays = {_counted(name): array for name, array in model.arrays().items()}
    for name, value in _objects(model).items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    heads = {name: arrays.pop(name) for name in list(arrays) if name.startswith("task/")}
    write_h5(arrays, folder / _WEIGHTS)
    if heads:
        heads = {name.removeprefix("task/"): array for name, array in heads.items()}
        write_h5(heads, folder / _TASK_WEIGHTS)
    if model.tokenizer is not None:
        assets = folder / "assets" / "tokenizer"
        assets.mkdir(parents=True)
        model.tokenizer.save(assets)
        for ours in model.tokenizer.assets.values():
            (assets / ours).rename(assets / _ASSETS.get(ours, ours))


def _objects(model: Snapshot) -> dict[str, dict]:
    """The files that describe a model's parts, and what stands in them."""
    files = {MARKER: _object(model, "Backbone", model.format.describe(model.config))}
    if model.tokenizer is not None:
        settings = model.format.describe_tokenizer(model.tokenizer)
        files[_TOKENIZER] = _object(model, "Tokenizer", settings)
    if model.task is None:
        return files
    if model.task not in _TASKS:
        raise ConfigError(
            f"KerasHub has no {model.prefix}{model.task}; choose another format, or save the "
            "backbone alone."
        )
    kind = _TASKS[model.task]
    if model.sequence_length is not None:
        settings = {"tokenizer": files[_TOKENIZER], "sequence_length": model.sequence_length}
        files[_PREPROCESSOR] = _object(model, f"{kind}Preprocessor", settings)
    settings = {
        "backbone": files[MARKER],
        "preprocessor": files.get(_PREPROCESSOR),
        **{name: v for name, v in model.settings.items() if name in ("num_classes", "dropout")},
    }
    return {**files, _TASK: _object(model, kind, settings)}


def _object(model: Snapshot, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What Keras makes an object of KerasHub's from, all arguments at their defaults but these."""
    name = model.prefix + kind
    return {
        "module": "keras_hub.models",
        "class_name": name,
        "config": settings,
        "registered_name": f"keras_hub>{name}",
    }


def _read_object(path: Path) -> tuple[str, dict[str, Any]]:
    """The class and the arguments in a file of `_objects`; nothing where it is not KerasHub's."""
    value = read_json(path) if path.is_file() else {}
    name = value.get("registered_name")
    if not isinstance(name, str) or not name.startswith(("keras_hub>", "keras_nlp>")):
        return "", {}
    config = value.get("config")
    if not isinstance(config, dict):
        raise WeightsError(f"{path} has no arguments for a {name:.200}; fetch it again.")
    return name.partition(">")[2], config


def _task(folder: Path, prefix: str) -> str | None:
    """The kind of task of a `BertTextClassifier`, or, as it once was called, `BertClassifier`."""
    kind = _read_object(folder / _TASK)[0].removeprefix(prefix)
    return next((ours for ours, theirs in _TASKS.items() if kind in (ours, theirs)), None)


def _settings(folder: Path) -> dict[str, Any]:
    """The arguments of a task that tfzoo's has too."""
    dropout = _read_object(folder / _TASK)[1].get("dropout")
    return {"dropout": dropout} if is_number(dropout) and 0 <= dropout < 1 else {}


def _flag(path: Path, name: str) -> bool | None:
    """What the tokenizer's configuration says; None where there is no tokenizer."""
    tokenizer, config = _read_object(path)
    if not tokenizer:
        return None
    for setting, known in _KNOWN.items():
        if config.get(setting, known) != known:
            raise WeightsError(
                f"{setting} in {path} is {config[setting]!r:.200}, and tfzoo's tokenizer knows "
                f"only {known!r}; choose other weights."
            )
    value = config.get(name, False)
    if not isinstance(value, bool):
        raise WeightsError(f"{name} in {path} is {value!r:.200}, not true or false.")
    return value


def _numbered(name: str) -> str:
    """`layers/dense/vars/0` -> `layers/dense_0/vars/0`."""
    return re.sub(r"^(layers/[^/]*?)(_\d+)?/", lambda m: f"{m[1]}{m[2] or '_0'}/", name)


def _counted(name: str) -> str:
    """`layers/dense_0/vars/0` -> `layers/dense/vars/0`."""
    return re.sub(r"^((?:task/)?layers/[^/]*)_0/", r"\1/", name)
