"""TF-Hub's TF2 SavedModels, of which only the variables are read."""

from pathlib import Path

import numpy as np

from tfzoo.weights.checkpoint import ObjectCheckpoint
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import Spec


def open_folder(folder: Path) -> Source | None:
    """The SavedModel in a folder; None if there is none."""
    if not (folder / "saved_model.pb").is_file() or (folder / "tfhub_module.pb").is_file():
        return None
    tensors = ObjectCheckpoint(folder / "variables" / "variables")
    lowercase = None
    if tensors.specs.get("do_lower_case") == Spec((), np.dtype(bool)):
        lowercase = bool(tensors.read("do_lower_case"))
    return Source("hub", folder, tensors, lowercase=lowercase)
