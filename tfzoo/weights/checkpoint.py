"""TensorFlow checkpoints: by name as TensorFlow 1 wrote them, by object as SavedModels have it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint_index import read_index
from tfzoo.weights.tensors import Spec, Tensors, listed, widened

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_TRAINING_STATE = re.compile(r"optimizer/|.*/\.OPTIMIZER_SLOT/|(global_step|save_counter)/\.")
_AUTOMATIC = re.compile(r"^[a-z]+_encoder(_v\d+)?(_\d+)?/|_\d+(?=/embeddings$)")
# Parts of the names of what an optimizer of TensorFlow 1 keeps.
_OPTIMIZER = re.compile(
    r"(adam|lamb)_[mv]|(Adam|AdamWeightDecayOptimizer|LAMB|LAMBOptimizer)(_\d+)?"
    r"|beta[12]_power|global_step"
)


class Checkpoint(Tensors):
    """The variables of a checkpoint that names them, such as Google's `bert_model.ckpt`.

    Optimizer slots and the global step are left out, and so are strings.

    Args:
        prefix: the path of the checkpoint without `.index` or `.data-00000-of-00001`.

    Raises:
        WeightsError: a file of the checkpoint is damaged, truncated or missing.
    """

    def __init__(self, prefix: Path):
        import tensorflow as tf

        self.path = prefix
        with _reporting_damage(prefix):
            if prefix.is_dir():  # in which TensorFlow would look for another checkpoint
                raise ValueError("it is a folder")
            stored = {
                key: spec for key, spec in read_index(prefix).items() if not spec.dtype.hasobject
            }
            self._reader = tf.train.load_checkpoint(str(prefix))
        self._keys = self._named(stored)
        self.specs = {
            name: Spec(stored[key].shape, widened(stored[key].dtype))
            for name, key in self._keys.items()
        }

    def read(self, name: str) -> np.ndarray:
        with _reporting_damage(self.path):
            array = np.asarray(self._reader.get_tensor(self._keys[name]))
        return array.astype(widened(array.dtype), copy=False)

    def _named(self, keys: Iterable[str]) -> dict[str, str]:
        """The name of every tensor to show, with its key in the file."""
        return {key: key for key in keys if not any(map(_OPTIMIZER.fullmatch, key.split("/")))}


class ObjectCheckpoint(Checkpoint):
    """The variables of a checkpoint that TensorFlow 2 wrote, as in the `variables` of a SavedModel.

    Its keys are paths through Python objects, `trainable_variables/7`; the names that the
    variables had in their program stand in the object graph beside them. A variable without a name
    of its own keeps its path. The SavedModel itself is neither loaded nor run.
    """

    def _named(self, keys: Iterable[str]) -> dict[str, str]:
        from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

        if not self._reader.has_tensor(_OBJECT_GRAPH):
            raise WeightsError(
                f"{self.path} has no object graph, so TensorFlow 2 did not write it; take a "
                "SavedModel of TensorFlow 2, or the original checkpoint."
            )
        with _reporting_damage(self.path):
            graph = TrackableObjectGraph.FromString(self._reader.get_tensor(_OBJECT_GRAPH))
        values = [value for node in graph.nodes for value in node.attributes]
        known = [
            (_canonical(value.full_name), value.checkpoint_key)
            for value in values
            if value.checkpoint_key in keys and not _TRAINING_STATE.match(value.checkpoint_key)
        ]
        repeated = Counter(name for name, _ in known)
        return {
            name if name not in ("", "Variable") and repeated[name] == 1 else _path(key): key
            for name, key in known
        }


def latest_checkpoint(folder: Path) -> Path | None:
    """The prefix of the checkpoint in a folder; of several, the one that `checkpoint` names.

    Raises:
        WeightsError: there are several, and nothing tells which is meant.
    """
    prefixes = {path.stem: path.with_suffix("") for path in folder.glob("*.index")}
    if len(prefixes) < 2:
        return next(iter(prefixes.values()), None)
    state = folder / "checkpoint"
    text = state.read_text(encoding="utf-8", errors="replace") if state.is_file() else ""
    named = re.search(r'^model_checkpoint_path: "(?:[^"]*/)?([^"/]+)"', text, re.MULTILINE)
    if named is None or named[1] not in prefixes:
        raise WeightsError(
            f"{folder} holds several checkpoints ({listed(sorted(prefixes))}), and no file "
            "'checkpoint' says which is meant; keep one of them."
        )
    return prefixes[named[1]]


def has_object_graph(prefix: Path) -> bool:
    """Whether TensorFlow 2 wrote a checkpoint.

    Raises:
        WeightsError: its index is damaged, or does not fit its data files.
    """
    with _reporting_damage(prefix):
        return _OBJECT_GRAPH in read_index(prefix)


def _canonical(name: str) -> str:
    """A variable's name without what Keras made up for a model that was given no name."""
    return _AUTOMATIC.sub("", name)


def _path(key: str) -> str:
    return key.removesuffix(_VALUE)


def write_checkpoint(arrays: Mapping[str, np.ndarray], prefix: Path) -> None:
    """Writes a checkpoint that names its variables, in one data file, and the file `checkpoint`.

    Args:
        arrays: name -> value.
        prefix: the path of the checkpoint without `.index`.

    Raises:
        OSError: it cannot be written.
    """
    import tensorflow as tf

    names = sorted(arrays)
    try:
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(arrays[name]) for name in names],
        )
    except tf.errors.OpError as error:
        raise OSError(error.message) from error
    (prefix.parent / "checkpoint").write_text(
        f'model_checkpoint_path: "{prefix.name}"\n', encoding="utf-8"
    )


@contextmanager
def _reporting_damage(prefix: Path) -> Iterator[None]:
    from google.protobuf.message import DecodeError
    from tensorflow.errors import OpError

    kinds = (OpError, DecodeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    try:
        yield
    except kinds as error:
        raise WeightsError(
            f"Cannot read the checkpoint {prefix} ({error}); "
            "it is damaged or incomplete: fetch it again."
        ) from error
