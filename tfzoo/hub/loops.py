"""Signatures of TF1 graphs with loops, whose gradients TensorFlow 2 cannot compute."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


def has_loops(function: Any) -> bool:
    """Whether a signature has loops of TF1."""
    return any(map(_is_loop, function.graph.get_operations()))


def cut_at_loops(function: Any, variables: Iterable["tf.Variable"]) -> Callable | None:
    """The same signature, but so that gradients reach variables that come after all its loops.

    TensorFlow 2 asks for the gradients of everything that a function captures, and a loop of TF1
    has lost what its gradient needs. So the graph is cut in two: what does not depend on the
    variables, through which no gradient goes, and what does.

    Args:
        function: a signature of a TF1 graph.
        variables: those that gradients shall reach.

    Returns:
        A function of keyword arguments; None where a loop depends on the variables.
    """
    import tensorflow as tf

    graph, outputs = function.graph, function.structured_outputs
    handles = {id(variable.handle) for variable in variables}
    dependent = _consumers(inner for outer, inner in graph.captures if id(outer) in handles)
    if any(map(_is_loop, dependent)):
        return None
    needed = (*outputs.values(), *(each for operation in dependent for each in operation.inputs))
    between = {
        each.name: each
        for each in needed
        if each.op not in dependent and each.op.type not in ("Const", "Placeholder")
    }
    specs = function.structured_input_signature[1]
    names = sorted(specs)  # the order of `function.inputs`
    first = function.prune(function.inputs, between)
    second = function.prune(between, outputs)

    @tf.function(autograph=False, input_signature=[specs[name] for name in names])
    def before(*inputs: Any) -> Any:
        return tf.nest.map_structure(tf.stop_gradient, first(*inputs))

    def call(**inputs: Any) -> dict[str, Any]:
        results = second(*tf.nest.flatten(before(*(inputs[name] for name in names))))
        return {name: tf.ensure_shape(results[name], outputs[name].shape) for name in outputs}

    return call


def _consumers(tensors: Iterable["tf.Tensor"]) -> set["tf.Operation"]:
    """All operations that depend on tensors."""
    found: set[tf.Operation] = set()
    waiting = [each for tensor in tensors for each in tensor.consumers()]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [each for tensor in operation.outputs for each in tensor.consumers()]
    return found


def _is_loop(operation: "tf.Operation") -> bool:
    return operation.type in ("Enter", "RefEnter")
