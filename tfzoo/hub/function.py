"""The function of a loaded module that a layer calls: the module's own call, or a signature."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfzoo.errors import ConfigError
from tfzoo.hub.loops import cut_at_loops, has_loops
from tfzoo.hub.specs import fits, misfit
from tfzoo.hub.variables import trainable_variables


class ModuleCall:
    """A module that is called itself, with one structure of tensors; or any other callable.

    Args:
        module: what is called.
        name: what errors call it.

    Attributes:
        traces: the graphs behind it; none behind a Python function.
        accepted: the structures of `tf.TypeSpec` that it takes, as far as they are known.
    """

    def __init__(self, module: Callable, name: str) -> None:
        self.name = name
        calls = (module, module.__call__)  # the graphs are with either
        self._call = next((each for each in calls if hasattr(each, "concrete_functions")), module)
        self.traces = list(getattr(self._call, "concrete_functions", ()))
        positional = [trace.structured_input_signature[0] for trace in self.traces]
        self.accepted = [args[0] for args in positional if args]
        self._takes_training = _takes_training(self._call)

    def choose_output(self, output_key: str | None, as_dict: bool | None) -> str | None:
        """The key of the output to give; None for all.

        Raises:
            ConfigError: `as_dict` is asked for, which only a signature knows.
        """
        if as_dict:
            raise ConfigError(
                f"signature_outputs_as_dict is for signatures, and {self.name} is called without "
                "one; leave it out."
            )
        return output_key

    def check_trainable(self) -> None:
        """Nothing forbids to train a module that is called itself."""

    def __call__(self, inputs: Any, arguments: Mapping[str, Any], training: bool) -> Any:
        """The module's outputs.

        Args:
            inputs: tensors, structured as the module wants them.
            arguments: other keyword arguments.
            training: given to the module if it has such an argument.

        Raises:
            ConfigError: the module has no such argument.
            DataError: the inputs are not what the module takes.
        """
        import tensorflow as tf

        if self._takes_training:
            arguments = {**arguments, "training": training}
        fitting = next((each for each in self.accepted if fits(inputs, each)), None)
        if fitting is not None:  # down to whether it is a list or a tuple
            inputs = tf.nest.pack_sequence_as(fitting, tf.nest.flatten(inputs))
        try:
            return self._call(inputs, **arguments)
        except Exception:  # TensorFlow tells in a hundred lines that it has no graph for these
            if unknown := _unknown_arguments(self._call, arguments):
                raise ConfigError(
                    f"{self.name} has no argument {', '.join(unknown)}; leave it out of arguments=."
                ) from None
            if not self.accepted or fitting is not None:
                raise
            raise misfit(inputs, self.accepted, self.name) from None


class Signature:
    """A signature of a module: from a dict of tensors, or the only one, to a dict of tensors.

    Args:
        module: what has the signature.
        signature: its name.
        name: what errors call the module.

    Attributes:
        traces, accepted: see `ModuleCall`.

    Raises:
        ConfigError: there is no such signature.
    """

    def __init__(self, module: Any, signature: str, name: str) -> None:
        known = getattr(module, "signatures", {})
        if signature not in known:
            raise ConfigError(
                f"{name} has no signature {signature!r}; "
                + (
                    f"choose signature= from {', '.join(sorted(known))}."
                    if known
                    else "it has none."
                )
            )
        function = known[signature]
        self.name = name
        self.traces = [function]
        self._inputs = function.structured_input_signature[1]
        self._outputs = function.structured_outputs
        only = self._inputs.values() if len(self._inputs) == 1 else ()
        self.accepted = [*only, self._inputs]
        self._is_tf1 = hasattr(function, "prune")
        self._run = function
        self._differentiable = True
        if self._is_tf1 and has_loops(function):
            run = cut_at_loops(function, trainable_variables(module, self.traces))
            self._run = run or cut_at_loops(function, ())
            self._differentiable = run is not None

    def choose_output(self, output_key: str | None, as_dict: bool | None) -> str | None:
        """The key of the output to give, by default "default"; None for all.

        Raises:
            ConfigError: there is no such output, or both it and all are asked for.
        """
        if as_dict and output_key is not None:
            raise ConfigError("Give either output_key or signature_outputs_as_dict=True, not both.")
        output_key = None if as_dict else output_key or "default"
        select(self._outputs, output_key, self.name)
        return output_key

    def check_trainable(self) -> None:
        """Checks that the module's variables can be trained through the signature.

        Raises:
            ConfigError: gradients do not reach them, or a distribution strategy does not.
        """
        import tensorflow as tf

        if not self._differentiable:
            raise ConfigError(
                f"{self.name} cannot be trained, because its loops are of TF1, of which TensorFlow "
                "2 knows no gradient; use it with trainable=False."
            )
        if self._is_tf1 and tf.distribute.has_strategy():
            raise ConfigError(
                f"{self.name} is of TF1, whose variables have no replicas, and cannot be trained "
                "under a distribution strategy; use it with trainable=False."
            )

    def __call__(self, inputs: Any, arguments: Mapping[str, Any], training: bool) -> dict:
        """The signature's outputs.

        Args:
            inputs: a dict of tensors, or one tensor where there is one input.
            arguments: further inputs, as tensors or plain Python values.
            training: means nothing to a signature.

        Raises:
            DataError: the inputs are not what the signature takes.
        """
        import tensorflow as tf

        given = {name: tf.convert_to_tensor(value) for name, value in arguments.items()}
        free = self._inputs.keys() - given.keys()
        if isinstance(inputs, Mapping):
            given |= inputs
        elif len(free) == 1:
            given[free.pop()] = inputs
        if not fits(given, self._inputs):  # where a function is traced, TensorFlow does not check
            raise misfit(inputs, self.accepted, self.name)
        return self._run(**given)


def select(outputs: Any, output_key: str | None, name: str) -> Any:
    """One output of a module; all of them for None.

    Raises:
        ConfigError: there is no such output.
    """
    if output_key is None:
        return outputs
    if not isinstance(outputs, Mapping):
        raise ConfigError(f"{name} gives no dict; leave output_key={output_key!r} out.")
    if output_key not in outputs:
        raise ConfigError(
            f"{name} gives no output {output_key!r}; choose output_key= from "
            f"{', '.join(sorted(outputs))}, or take all of a signature's with "
            "signature_outputs_as_dict=True."
        )
    return outputs[output_key]


def _unknown_arguments(call: Callable, arguments: Iterable[str]) -> list[str]:
    """Those names that no parameter of a callable has."""
    parameters = inspect.signature(call).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return []
    return sorted(set(arguments) - set(parameters))


def _takes_training(call: Callable) -> bool:
    """Whether a callable has a `training` argument, as itself or its `__call__` tells."""
    return any("training" in inspect.signature(each).parameters for each in (call, call.__call__))
