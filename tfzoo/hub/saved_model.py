"""Loading a SavedModel, of TF2 or a TF1 hub module: this runs the code that is in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfzoo.errors import ConfigError, HandleError, WeightsError
from tfzoo.weights.resolve import resolve

_MARKER = "saved_model.pb"


def load(handle: str, tags: Sequence[str] | None = None, options: Any = None) -> Any:
    """`tf.saved_model.load` for any handle.

    Args:
        handle: what `tfzoo.weights.resolve` takes.
        tags: which graph, where there are several; by default that of a TF1 hub module without
            tags, which is for inference.
        options: a `tf.saved_model.LoadOptions`.

    Raises:
        HandleError: nothing is found there, or no SavedModel.
        ConfigError: there is no graph with these tags.
        WeightsError: it is damaged, or needs operations that are not known here.
    """
    folder = _saved_model_folder(resolve(handle), handle)
    try:
        known = _tag_sets(folder)
        if tags is None and len(known) > 1:
            tags = []
        if tags is None or sorted(tags) in known:
            return _load(folder, tags, options)
    except Exception as error:  # TensorFlow raises errors of every kind
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"The SavedModel {handle} cannot be loaded ({reason:.300}); fetch it again, or import "
            "the library that its operations come from."
        ) from error
    raise ConfigError(
        f"{handle} has no graph with the tags {sorted(tags)}; choose tags= from "
        f"{', '.join(map(str, known))}."
    )


def _load(folder: Path, tags: Sequence[str] | None, options: Any) -> Any:
    import tensorflow as tf

    try:
        return tf.saved_model.load(str(folder), tags, options)
    except Exception as error:
        if "Op type not registered" not in str(error):
            raise
        import tensorflow_text  # noqa: F401  registers the operations of tokenizers

        return tf.saved_model.load(str(folder), tags, options)


def _saved_model_folder(path: Path, handle: str) -> Path:
    """The folder itself, or the only folder in it, as archives often have it."""
    inside = sorted(path.iterdir()) if path.is_dir() else []
    for folder in (path, *(inside if len(inside) == 1 else ())):
        if (folder / _MARKER).is_file():
            return folder
    names = ", ".join(each.name for each in inside[:8])
    raise HandleError(
        f"{handle} is no SavedModel: it has no {_MARKER} (it holds {names or 'nothing'}); give the "
        "handle of a TF2 SavedModel or a TF1 hub module."
    )


def _tag_sets(folder: Path) -> list[list[str]]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    graphs = SavedModel.FromString((folder / _MARKER).read_bytes()).meta_graphs
    return [sorted(graph.meta_info_def.tags) for graph in graphs]
