"""Original checkpoints: `bert_config.json`, `bert_model.ckpt.*` and the tokenizer's file."""

import json
from pathlib import Path

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint import Checkpoint, latest_checkpoint, write_checkpoint
from tfzoo.weights.family import Snapshot
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_json

CONFIGS = {"bert": "bert_config.json", "albert": "albert_config.json"}


def open_folder(folder: Path) -> Source | None:
    """The checkpoint in a folder; None if there is none."""
    found = {family: name for family, name in CONFIGS.items() if (folder / name).is_file()}
    prefix = latest_checkpoint(folder)
    if not found or prefix is None:
        return None
    if len(found) > 1:
        raise WeightsError(f"{folder} holds {' and '.join(found.values())}; keep one of them.")
    ((family, name),) = found.items()
    return Source("google", folder, Checkpoint(prefix), read_json(folder / name), family=family)


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a checkpoint as the family's authors published theirs."""
    family = model.backbone_class.family
    config = json.dumps(model.format.describe(model.config), indent=2)
    (folder / CONFIGS[family]).write_text(config + "\n", encoding="utf-8")
    write_checkpoint(model.arrays(), folder / f"{family}_model.ckpt")
    if model.tokenizer is not None:
        model.tokenizer.save(folder)
