"""Weights as a decode loop reads them fastest."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from tfzoo.layers.backend import turned_kernels


class HeldWeights:
    """The weights of a model, cast and laid out once for many steps.

    A step multiplies few rows with each matrix, and takes as long as the matrix takes to be read.
    On a CPU that is shortest for matrices (outputs, inputs) in bfloat16, and for (inputs, outputs)
    in float32. Kernels are (inputs, outputs), and embeddings (outputs, inputs).

    Args:
        variables: of the model.
        dtype: that the model computes in.
    """

    def __init__(self, variables: list, dtype: str) -> None:
        self._variables = variables
        self._dtype = dtype
        has_lora = any(variable.name.startswith("lora_") for variable in variables)
        self._turns = dtype != "float32" and not has_lora  # which adds to kernels as they are

    def laid_out(self, values: list) -> list:
        """What `scope` takes, given the variables' values."""
        return [
            self._laid_out(variable, value)
            for variable, value in zip(self._variables, values, strict=True)
        ]

    def _laid_out(self, variable: keras.Variable, value: Any) -> Any:
        if variable._autocast and keras.backend.is_float_dtype(variable.dtype):
            value = ops.cast(value, self._dtype)
        return ops.transpose(value) if self._is_turned(variable) else value

    def _is_turned(self, variable: keras.Variable) -> bool:
        is_kernel = variable.name == "kernel" and keras.backend.is_float_dtype(variable.dtype)
        return is_kernel and self._turns

    @contextlib.contextmanager
    def scope(self, held: list) -> Iterator[None]:
        """Where the model has weights of `laid_out`."""
        pairs = list(zip(self._variables, held, strict=True))
        turned = {id(variable): value for variable, value in pairs if self._is_turned(variable)}
        with keras.StatelessScope() as scope, turned_kernels(turned):
            # Given to the constructor, they would be cast to the dtypes of the variables.
            scope.state_mapping.update({id(variable): value for variable, value in pairs})
            yield

    def turned_table(self, table: Any) -> Any:
        """Embeddings (V, H) as they are held, to give logits fastest; and those held as (V, H)."""
        return ops.transpose(table) if self._dtype == "float32" else table
