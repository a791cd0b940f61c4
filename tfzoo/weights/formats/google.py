"""Original checkpoints: `bert_config.json`, `bert_model.ckpt.*` and the tokenizer's file.

ELECTRA's come without a configuration.
"""

import json
from pathlib import Path

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint import Checkpoint, latest_checkpoint, write_checkpoint
from tfzoo.weights.family import Snapshot
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_json
from tfzoo.weights.tokenizer_json import casing

CONFIGS = {"bert": "bert_config.json", "albert": "albert_config.json"}
_WITHOUT_CONFIG = {"electra": "electra/embeddings/word_embeddings"}  # a name that only it has


def open_folder(folder: Path) -> Source | None:
    """The checkpoint in a folder; None if there is none."""
    found = {family: name for family, name in CONFIGS.items() if (folder / name).is_file()}
    prefix = latest_checkpoint(folder)
    if prefix is None:
        return None
    if not found:
        return _open_without_config(folder, Checkpoint(prefix))
    if len(found) > 1:
        raise WeightsError(f"{folder} holds {' and '.join(found.values())}; keep one of them.")
    ((family, name),) = found.items()
    config = read_json(folder / name)
    tensors, lowercase = Checkpoint(prefix), casing(folder)
    return Source("google", folder, tensors, config, family=family, lowercase=lowercase)


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a checkpoint as the family's authors published theirs."""
    family = model.backbone_class.family
    config = json.dumps(model.format.describe(model.config), indent=2)
    if family in CONFIGS:
        (folder / CONFIGS[family]).write_text(config + "\n", encoding="utf-8")
    write_checkpoint(model.arrays(), folder / f"{family}_model.ckpt")
    if model.tokenizer is not None:
        model.tokenizer.save(folder)
        # The authors tell casing by the name of the folder alone.
        told = {"do_lower_case": getattr(model.tokenizer, "lowercase", True)}
        (folder / "tokenizer_config.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def _open_without_config(folder: Path, tensors: Checkpoint) -> Source | None:
    for family, name in _WITHOUT_CONFIG.items():
        if name in tensors.specs:
            return Source("google", folder, tensors, family=family, lowercase=casing(folder))
    return None
