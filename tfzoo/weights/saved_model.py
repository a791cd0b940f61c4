"""Facts that only the graph of a SavedModel states, read without loading or running it."""

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfzoo.errors import WeightsError

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef, MetaGraphDef

Scalar = bool | int | float | str

# The graphs of 24 layers take 3 to 6 MiB. Parsing hostile bytes takes up to 90 times their size.
_MAX_BYTES = 10 * 2**20
_MAX_GRAPHS = 16
_TRAINING = "train"  # the tag of a TF1 hub module's graph with dropout
_SCALE = "*attention*/self/Mul/y"
_FIELDS = {
    "bool": ("bool_val", bool),
    "int32": ("int_val", int),
    "int64": ("int64_val", int),
    "float32": ("float_val", float),
    "float64": ("double_val", float),
    "string": ("string_val", bytes),
}


class SavedModelGraph:
    """The constants, signatures and assets of a SavedModel's graph for inference.

    Args:
        folder: the SavedModel of TensorFlow 1 or 2, or the TF1 hub module.

    Attributes:
        path: its `saved_model.pb`.
        assets: name of the node that stands for an asset -> name of the file in `assets`, which
            may be missing there but is nowhere else.

    Raises:
        WeightsError: `saved_model.pb` is missing, damaged or too large, or has no such graph.

    Example:
        >>> import pathlib, tempfile, tensorflow as tf
        >>> from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
        >>> model = SavedModel()
        >>> node = model.meta_graphs.add().graph_def.node.add(name="a/self/Mul/y", op="Const")
        >>> node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0.25))
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "saved_model.pb").write_bytes(model.SerializeToString())
        >>> SavedModelGraph(folder).constants("*/self/*")
        {'a/self/Mul/y': 0.25}
    """

    def __init__(self, folder: Path):
        self.path = folder / "saved_model.pb"
        with self._reporting_damage():
            graph = _inference_graph(self.path)
            self.assets = {
                _node(asset.tensor_info.name): _plain(asset.filename) for asset in _assets(graph)
            }
            self._nodes = {node.name: node for node in graph.graph_def.node}
            self._functions = graph.graph_def.library.function
            self._signatures = graph.signature_def

    def constants(self, pattern: str) -> dict[str, Scalar]:
        """The scalar constants of some name.

        Args:
            pattern: of the node's name, for `fnmatch`.

        Raises:
            WeightsError: one of them is no scalar, or is damaged.
        """
        with self._reporting_damage():
            return {
                name: _scalar(node)
                for name, node in self._nodes.items()
                if node.op == "Const" and fnmatchcase(name, pattern)
            }

    def output(self, signature: str, name: str) -> Scalar | None:
        """The value of a signature's output that is a scalar constant.

        Args:
            signature: such as "tokenization_info".
            name: of the output, such as "do_lower_case".

        Returns:
            The value, for an asset the name of its file; None where there is no such output, or
            where it is computed.

        Raises:
            WeightsError: it is a constant and no scalar, or is damaged.
        """
        if signature not in self._signatures or name not in self._signatures[signature].outputs:
            return None
        with self._reporting_damage():
            node = self._origin(self._signatures[signature].outputs[name].name)
            if node is None or node.op != "Const":
                return None
            return self.assets.get(node.name) or _scalar(node)

    def count(self, op: str, pattern: str) -> int:
        """How many nodes of a kind there are in the function that has most of them.

        Args:
            op: such as "Softmax".
            pattern: of the nodes' names, for `fnmatch`.
        """
        counts = (
            sum(node.op == op and fnmatchcase(node.name, pattern) for node in function.node_def)
            for function in self._functions
        )
        return max(counts, default=0)

    def _origin(self, tensor: str) -> "NodeDef | None":
        """The node that computes a tensor, beyond any Identity."""
        node = self._nodes.get(_node(tensor))
        passed = set()
        while node is not None and node.op == "Identity" and node.input:
            if node.name in passed:
                raise ValueError("its graph runs in a circle")
            passed.add(node.name)
            node = self._nodes.get(_node(node.input[0]))
        return node

    @contextmanager
    def _reporting_damage(self) -> Iterator[None]:
        from google.protobuf.message import DecodeError

        try:
            yield
        except (DecodeError, OSError, TypeError, ValueError) as error:
            raise WeightsError(
                f"Cannot read {self.path} ({error}); it is damaged or incomplete: fetch it again."
            ) from error


def num_heads(graph: SavedModelGraph, hidden_dim: int) -> int | None:
    """The number of attention heads in a graph that Google's code for TensorFlow 1 made.

    It is in no variable. BERT, ALBERT and ELECTRA multiply the attention scores of every layer by
    a constant, 1 / sqrt(hidden_dim / num_heads), in all versions of their `modeling.py`.

    Args:
        graph: of the whole model.
        hidden_dim: the width of its hidden states.

    Returns:
        The number, or None where the graph has no such constant.

    Raises:
        WeightsError: the constants make no number of heads.
    """
    scales = set(graph.constants(_SCALE).values())
    if not scales:
        return None
    scale = scales.pop()
    if not scales and type(scale) is float and 0 < scale <= 1:
        heads = round(hidden_dim * scale**2)
        if heads and hidden_dim % heads == 0 and np.isclose(hidden_dim * scale**2, heads):
            return heads
    raise WeightsError(
        f"{graph.path} scales attention by constants that fit no number of heads for "
        f"{hidden_dim} hidden dimensions; it is damaged: fetch it again."
    )


def _inference_graph(path: Path) -> "MetaGraphDef":
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES >> 20} MiB")
    graphs = SavedModel.FromString(path.read_bytes()).meta_graphs
    if len(graphs) > _MAX_GRAPHS:
        raise ValueError(f"it has {len(graphs)} graphs")
    graphs = [graph for graph in graphs if _TRAINING not in graph.meta_info_def.tags]
    if not graphs:
        raise ValueError("it has no graph for inference")
    return min(graphs, key=lambda graph: len(graph.meta_info_def.tags))


def _assets(graph: "MetaGraphDef") -> "Iterator[AssetFileDef]":
    """Those of TensorFlow 2, which have a field, and those of TF1 hub modules: a collection."""
    from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef

    yield from graph.asset_file_def
    for packed in graph.collection_def["saved_model_assets"].any_list.value:
        asset = AssetFileDef()
        if not packed.Unpack(asset):
            raise ValueError("an asset is of the wrong kind")
        yield asset


def _plain(name: str) -> str:
    if name in ("", ".", "..") or set(name) & set("/\\:\0"):
        raise ValueError(f"an asset has the name {name[:200]!r}")
    return name


def _node(tensor: str) -> str:
    return tensor.removesuffix(":0")


def _scalar(node: "NodeDef") -> Scalar:
    """The value of a constant, whose stated shape and dtype nobody has checked yet."""
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    dtype = tf.as_dtype(tensor.dtype).name
    shape = tensor.tensor_shape
    if dtype not in _FIELDS or shape.unknown_rank or shape.dim:
        raise ValueError(f"its constant {node.name[:200]!r} is no scalar")
    field, kind = _FIELDS[dtype]
    values, stored = getattr(tensor, field), tensor.tensor_content
    size = 0 if dtype == "string" else np.dtype(dtype).itemsize
    if len(values) > 1 or (stored and (values or len(stored) != size)):
        raise ValueError(f"its constant {node.name[:200]!r} has data of the wrong size")
    if stored:
        return np.frombuffer(stored, dtype).item()
    value = values[0] if values else kind()  # zeros may be left out
    return value.decode() if dtype == "string" else value
