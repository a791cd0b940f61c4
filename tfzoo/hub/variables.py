"""The variables of a loaded module, and Keras variables around them."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    import tensorflow as tf


def trainable_variables(module: Any, traces: Sequence[Any]) -> list["tf.Variable"]:
    """The float variables that a module says are trainable.

    Args:
        module: what `tf.saved_model.load` gives, or any callable.
        traces: the graphs that are called; what they use counts where the module says nothing.
    """
    declared = getattr(module, "trainable_variables", None)
    if declared is None and hasattr(module, "graph"):  # of TF1, where a collection holds them
        names = {each.name for each in module.graph.get_collection("trainable_variables")}
        declared = [each for each in module.variables if each.name in names]
    if declared is None:
        declared = [each for each in _variables(module, traces) if each.trainable]
    return [each for each in declared if each.dtype.is_floating]


def keras_variables(module: Any, traces: Sequence[Any]) -> list[keras.Variable]:
    """Keras variables around a module's own, so that what is assigned to one reaches the other.

    They are called as in the module, below the name scopes that are open: `a/b/kernel:0` becomes
    the path `a/b/kernel`, and a second one `a/b/kernel_1`. The arguments are those of
    `trainable_variables`.
    """
    trainable = trainable_variables(module, traces)
    unique = {id(each): each for each in (*trainable, *_variables(module, traces))}
    paths: set[str] = set()
    wrapped = []
    for variable in unique.values():
        path = _free(variable.name.partition(":")[0], paths)
        paths.add(path)
        wrapped.append(_wrapped(variable, path, any(variable is each for each in trainable)))
    return wrapped


def _variables(module: Any, traces: Sequence[Any]) -> list["tf.Variable"]:
    """Those of a module but for strings and open shapes, which no weights file holds."""
    used = [variable for trace in traces for variable in trace.variables]
    variables = getattr(module, "variables", used)
    return [v for v in variables if v.dtype.name != "string" and v.shape.is_fully_defined()]


def _free(path: str, taken: set[str]) -> str:
    count, candidate = 0, path
    while candidate in taken:
        count += 1
        candidate = f"{path}_{count}"
    return candidate


def _wrapped(variable: "tf.Variable", path: str, trainable: bool) -> keras.Variable:
    if trainable and not variable.trainable:
        variable._trainable = True  # which old TF1 modules do not note
    *scopes, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        return keras.Variable(variable, trainable=trainable, autocast=False, name=name)
