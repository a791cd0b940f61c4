"""Original checkpoints: `bert_config.json`, `bert_model.ckpt.*` and the tokenizer's file."""

import json
from pathlib import Path

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint import Checkpoint, write_checkpoint
from tfzoo.weights.family import Snapshot
from tfzoo.weights.source import Source, contents
from tfzoo.weights.tensors import read_json

_CONFIGS = {"bert": "bert_config.json", "albert": "albert_config.json"}
MARKER = "checkpoint"


def open_folder(folder: Path) -> Source | None:
    """The checkpoint in a folder; None if there is none."""
    found = {family: name for family, name in _CONFIGS.items() if (folder / name).is_file()}
    checkpoints = sorted(path.with_suffix("") for path in folder.glob("*.index"))
    if not found or not checkpoints:
        return None
    if len(found) > 1 or len(checkpoints) > 1:
        raise WeightsError(
            f"{folder} holds several models ({contents(folder)}); keep one config and one "
            "checkpoint in it."
        )
    ((family, name),) = found.items()
    tensors = Checkpoint(checkpoints[0])
    return Source("google", folder, tensors, read_json(folder / name), family=family)


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a checkpoint as the family's authors published theirs."""
    family = model.backbone_class.family
    config = json.dumps(model.format.describe(model.config), indent=2)
    (folder / _CONFIGS[family]).write_text(config + "\n", encoding="utf-8")
    write_checkpoint(model.arrays(), folder / f"{family}_model.ckpt")
    if model.tokenizer is not None:
        model.tokenizer.save(folder)
