"""What inputs a function of a SavedModel takes: structures of `tf.TypeSpec`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfzoo.errors import DataError


def fits(inputs: Any, spec: Any) -> bool:
    """Whether a structure of tensors is as a structure of `tf.TypeSpec` says."""
    if isinstance(spec, Mapping):
        same = isinstance(inputs, Mapping) and inputs.keys() == spec.keys()
        return same and all(fits(inputs[name], spec[name]) for name in spec)
    if isinstance(spec, list | tuple):
        same = isinstance(inputs, list | tuple) and len(inputs) == len(spec)
        return same and all(map(fits, inputs, spec))
    return hasattr(inputs, "dtype") and spec.is_compatible_with(inputs)


def misfit(inputs: Any, accepted: Sequence[Any], name: str) -> DataError:
    """The error for inputs that fit none of the structures that the module `name` takes."""
    wanted = " or ".join(sorted(set(map(describe, accepted))))
    return DataError(
        f"{name} takes {wanted}, and was given {describe(inputs)}; structure and name the inputs "
        "so, and cast them, or give keras.Input that dtype."
    )


def describe(structure: Any) -> str:
    """The dtypes and shapes of a structure of tensors or of `tf.TypeSpec`, in one line.

    Example:

    >>> import tensorflow as tf
    >>> describe({"ids": tf.TensorSpec((None, 8), tf.int32), "text": [tf.constant("a")]})
    '{ids: int32 (None, 8), text: [string ()]}'
    """
    if isinstance(structure, Mapping):
        return (
            f"{{{', '.join(f'{name}: {describe(structure[name])}' for name in sorted(structure))}}}"
        )
    if isinstance(structure, list | tuple):
        return f"[{', '.join(map(describe, structure))}]"
    return f"{structure.dtype.name} {structure.shape}"


def input_dtype(accepted: Sequence[Any]) -> str | None:
    """The dtype of a function's inputs: of the first that is float, or else of the first.

    Args:
        accepted: the structures that it takes; None is the answer where none is known.
    """
    import tensorflow as tf

    specs = tf.nest.flatten(list(accepted[:1]))
    dtypes = [spec.dtype for spec in specs if isinstance(spec, tf.TypeSpec)]
    chosen = [dtype for dtype in dtypes if dtype.is_floating] or dtypes
    return chosen[0].name if chosen else None
