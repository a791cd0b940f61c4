"""The Model Garden's checkpoints: of an encoder beside a config, or of its trainer."""

from pathlib import Path

from tfzoo.weights.checkpoint import ObjectCheckpoint, has_object_graph, latest_checkpoint
from tfzoo.weights.formats.google import CONFIGS
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_json


def open_folder(folder: Path) -> Source | None:
    """The newest checkpoint in a folder; None if there is none that TensorFlow 2 wrote."""
    prefix = latest_checkpoint(folder)
    if prefix is None or not has_object_graph(prefix):
        return None
    tensors = ObjectCheckpoint(prefix)
    for family, name in CONFIGS.items():
        if (folder / name).is_file():
            config = read_json(folder / name)
            return Source("model_garden", folder, tensors, config, family=family)
    return Source("model_garden", folder, tensors)
