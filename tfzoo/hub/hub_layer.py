"""Any SavedModel as a Keras layer: what `hub.KerasLayer` was, for Keras 3."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras.src.saving.serialization_lib import in_safe_mode

from tfzoo.errors import ConfigError, TfzooError
from tfzoo.hub.function import ModuleCall, Signature, select
from tfzoo.hub.saved_model import load
from tfzoo.hub.specs import describe, input_dtype
from tfzoo.hub.symbolic import output_spec
from tfzoo.hub.variables import keras_variables

_OF_KERAS = {"name", "dtype", "activity_regularizer"}
_run_before: set[str] = set()  # handles whose programs this process has run


@keras.saving.register_keras_serializable(package="tfzoo")
class HubLayer(keras.layers.Layer):
    """A TF2 SavedModel or a TF1 hub module as a layer.

    Whoever wrote `hub.KerasLayer(...)`, which Keras 3 refuses, changes one word. The module's
    variables are the layer's weights: optimizers, `save_weights`, `.keras` files and distribution
    strategies see them. The layer works in functional and sequential models, with strings too, and
    inside what `model.export` writes. The module computes in its own dtypes under every dtype
    policy.

    A SavedModel is a program: whoever loads one and calls it runs what its author wrote. Load from
    those you trust, and where the architecture is one that tfzoo has, use the native class, such as
    `tfzoo.BertBackbone.from_preset(handle)`, which reads the weights and runs nothing.

    Args:
        handle: what `tfzoo.weights.resolve` takes (a folder, `https://tfhub.dev/...`,
            `kaggle://...`, an archive), or a callable or a module that is already loaded, with
            which the layer cannot be saved.
        trainable: whether to train the variables that the module itself declares trainable.
        arguments: more keyword arguments for the module, such as `{"seq_length": 64}`.
        tags: which graph of a TF1 module: by default the one for inference; `["train"]` often has
            dropout.
        signature: the signature to call; by default the module itself, or of a TF1 module the
            signature "default".
        signature_outputs_as_dict: gives all outputs of the signature.
        output_key: gives one output of many; of a signature by default the one called "default".
        output_shape: shapes of the outputs without the batch size, for modules that do not tell
            theirs; structured like the outputs.
        load_options: a `tf.saved_model.LoadOptions`; it is not saved with the layer.
        input_shape: in front of a `Sequential` model, the shape of the inputs without the batch
            size; better is a `keras.Input`.
        kwargs: `name`, `activity_regularizer`, and `dtype`, which is that of the inputs and counts
            only where the module does not tell.

    Call arguments:
        inputs: tensors, plain Python values or strings, structured as the module takes them.
        training: given to the module, if it has the argument, when the layer is trainable; a frozen
            layer is in inference mode, and a signature is as it was saved.

    Raises:
        ConfigError: the backend is not TensorFlow, or an argument has no meaning for this module.
        HandleError: there is no SavedModel.
        WeightsError: the SavedModel cannot be loaded.

    Example:

    >>> import tempfile
    >>> import tensorflow as tf
    >>> class Double(tf.Module):
    ...     @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    ...     def __call__(self, texts):
    ...         return {"doubled": texts + texts, "lengths": tf.strings.length(texts)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tf.saved_model.save(Double(), folder)
    ...     layer = HubLayer(folder, output_key="doubled")
    >>> layer(["la", "so"]).numpy().tolist()
    [b'lala', b'soso']
    >>> layer(keras.Input((), dtype="string")).shape
    (None,)
    """

    def __init__(
        self,
        handle: str | os.PathLike[str] | Callable,
        trainable: bool = False,
        arguments: Mapping[str, Any] | None = None,
        *,
        tags: Iterable[str] | None = None,
        signature: str | None = None,
        signature_outputs_as_dict: bool | None = None,
        output_key: str | None = None,
        output_shape: Any = None,
        load_options: Any = None,
        input_shape: Iterable[int | None] | None = None,
        **kwargs: Any,
    ) -> None:
        _check(kwargs)
        if tags is not None:
            tags = [tags] if isinstance(tags, str) else sorted(tags)
        module = _loaded(handle, tags, load_options)
        if signature is None and callable(module):
            function = ModuleCall(module, str(handle))
        else:
            function = Signature(module, signature or "default", str(handle))
        dtype = input_dtype(function.accepted) or kwargs.get("dtype") or "float32"
        policy = keras.dtype_policies.get(dtype)
        autocast = keras.backend.is_float_dtype(policy.compute_dtype)  # ids stay what they are
        super().__init__(**{**kwargs, "dtype": policy, "autocast": autocast})
        self.handle = os.fspath(handle) if isinstance(handle, os.PathLike) else handle
        self._given = MappingProxyType(  # which Keras does not turn into its own containers
            {
                "handle": self.handle,
                "arguments": dict(arguments or {}),
                "tags": tags,
                "signature": signature,
                "signature_outputs_as_dict": signature_outputs_as_dict,
                "output_key": output_key,
                "output_shape": output_shape,
            }
        )
        if input_shape is not None:
            self.input_shape = (None, *input_shape)  # where `Sequential` looks
        self.supports_jit = False  # strings and tables have no XLA
        self._module = module
        self._function = function
        self._chosen_output = function.choose_output(output_key, signature_outputs_as_dict)
        with keras.name_scope(self.name, caller=self):
            self._module_variables = keras_variables(module, function.traces)
        self.trainable = trainable
        self.built = True

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(_as_tensors(inputs), *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        with _plain_errors():
            return self._outputs(inputs, bool(training))

    def _outputs(self, inputs: Any, training: bool) -> Any:
        if self.trainable:
            self._function.check_trainable()
            for loss in getattr(self._module, "regularization_losses", ()):
                self.add_loss(loss())
        outputs = self._function(inputs, self._given["arguments"], training and self.trainable)
        outputs = select(outputs, self._chosen_output, str(self.handle))
        return self._with_shapes(outputs, self._given["output_shape"])

    def _with_shapes(self, outputs: Any, shapes: Any) -> Any:
        import tensorflow as tf

        if shapes is None:
            return outputs
        try:
            return keras.tree.map_structure_up_to(
                outputs,
                lambda output, shape: tf.ensure_shape(output, (None, *shape)),
                outputs,
                shapes,
            )
        except (TypeError, ValueError, tf.errors.InvalidArgumentError):
            raise ConfigError(
                f"output_shape={shapes!r} does not fit what {self.handle} gives, which is "
                f"{describe(outputs)}; give the shape of each output without the batch size."
            ) from None

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        with _plain_errors():
            return output_spec(lambda tensors: self.call(tensors, training), inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not self._function.accepted:
            return super().compute_output_shape(input_shape)
        accepted = self._function.accepted[0]
        inputs = keras.tree.map_structure_up_to(
            accepted,
            lambda spec, shape: keras.KerasTensor(shape, spec.dtype.name),
            accepted,
            input_shape,
        )
        return keras.tree.map_structure(lambda each: each.shape, self.compute_output_spec(inputs))

    def get_config(self) -> dict[str, Any]:
        if not isinstance(self.handle, str):
            raise ConfigError(
                "A HubLayer around a module that was already loaded cannot be saved or copied; "
                "make it from a handle."
            )
        try:
            own = json.loads(json.dumps(dict(self._given)))
        except TypeError as error:
            raise ConfigError(
                f"The arguments of HubLayer {self.name} cannot be saved ({error}); write them as "
                "plain numbers, strings, lists and dicts."
            ) from None
        config = super().get_config()
        del config["dtype"]  # the module's
        return {**config, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any], safe_mode: bool | None = None) -> "HubLayer":
        """A layer from its config.

        Args:
            config: what `get_config` gives.
            safe_mode: False allows to run the module, a program of whoever wrote the config; by
                default what the loading function was told, and otherwise a module that this process
                has run before is allowed.

        Raises:
            ConfigError: it is not allowed.
        """
        if safe_mode is None:
            safe_mode = in_safe_mode()
        if safe_mode or (safe_mode is None and config["handle"] not in _run_before):
            raise ConfigError(
                f"This model runs the SavedModel {config['handle']}, a program that can do "
                "anything; if you trust it, load the model with safe_mode=False."
            )
        return cls(**config)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Keeps Keras from adding a page about the arguments of the call to our sentences."""
    try:
        yield
    except TfzooError as error:
        error._keras_call_info_injected = True
        raise


def _check(others: dict[str, Any]) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            "HubLayer runs a TensorFlow program and needs the TensorFlow backend; set "
            "KERAS_BACKEND=tensorflow."
        )
    if unknown := others.keys() - _OF_KERAS:
        raise ConfigError(f"HubLayer has no argument {', '.join(sorted(unknown))}; leave it out.")


def _loaded(handle: Any, tags: Any, load_options: Any) -> Any:
    if isinstance(handle, str | os.PathLike):
        module = load(os.fspath(handle), tags, load_options)
        _run_before.add(os.fspath(handle))
        return module
    if tags is not None or load_options is not None:
        raise ConfigError("tags and load_options say how to load a handle, not a loaded module.")
    if not callable(handle) and not hasattr(handle, "signatures"):
        raise ConfigError(
            f"HubLayer takes a handle, a callable or a loaded module, not {handle!r:.80}."
        )
    return handle


def _as_tensors(inputs: Any) -> Any:
    """Inputs with what is plain Python, such as a list of strings, as tensors."""
    import tensorflow as tf

    if isinstance(inputs, Mapping):
        return {name: _as_tensors(value) for name, value in inputs.items()}
    if any(hasattr(each, "dtype") for each in keras.tree.flatten(inputs)):
        return inputs
    return tf.convert_to_tensor(inputs)
