"""KerasHub's presets: `config.json`, `model.weights.h5`, a task, a tokenizer.

In the file, the layers of a model are named by class and counted: `layers/dense`, `layers/dense_1`.
Tables of names give the first one its number too, `layers/dense_0`, and begin the names of what
lies in a task's own file with `task/`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tfzoo.errors import WeightsError
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
_TASKS = {"Classifier": "TextClassifier", "MaskedLM": "MaskedLM"}
_ASSETS = {"vocab.txt": "vocabulary.txt"}


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
        lowercase=_lowercase(folder / _TOKENIZER),
        assets={ours: f"tokenizer/{theirs}" for ours, theirs in _ASSETS.items()},
    )


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a preset that KerasHub loads."""
    arrays = model.arrays()
    heads = {name for name in arrays if name.startswith("task/")}
    write_h5({_counted(name): arrays[name] for name in arrays.keys() - heads}, folder / _WEIGHTS)
    backbone = _object(model, "Backbone", model.format.describe(model.config))
    objects = {MARKER: backbone}
    tokenizer = preprocessor = None
    if model.tokenizer is not None:
        tokenizer = _object(model, "Tokenizer", model.format.describe_tokenizer(model.tokenizer))
        objects[_TOKENIZER] = tokenizer
        assets = folder / "assets" / "tokenizer"
        assets.mkdir(parents=True)
        model.tokenizer.save(assets)
        (assets / model.tokenizer.asset).rename(assets / _ASSETS[model.tokenizer.asset])
    if model.task is not None:
        kind = _TASKS[model.task]
        if model.sequence_length is not None:
            settings = {"tokenizer": tokenizer, "sequence_length": model.sequence_length}
            preprocessor = _object(model, f"{kind}Preprocessor", settings)
            objects["preprocessor.json"] = preprocessor
        settings = {name: model.settings[name] for name in ("num_classes", "dropout")}
        settings |= {"backbone": backbone, "preprocessor": preprocessor}
        objects[_TASK] = _object(model, kind, settings)
        task_names = {name: _counted(name.removeprefix("task/")) for name in heads}
        write_h5(
            {theirs: arrays[name] for name, theirs in task_names.items()}, folder / _TASK_WEIGHTS
        )
    for name, value in objects.items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
