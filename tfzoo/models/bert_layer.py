"""BERT as one layer from ids to a vector, as notebooks once wrote it around TF-Hub."""

import os
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError, DataError
from tfzoo.models.bert import BertBackbone

_POOLINGS = ("first", "mean")


@keras.saving.register_keras_serializable(package="tfzoo")
class BertLayer(keras.layers.Layer):
    """A BERT whose last layers are fine-tuned, pooled to one vector per sequence.

    Args:
        handle: what `BertBackbone.from_preset` takes; or a `BertBackbone`.
        n_fine_tune_layers: how many of the last Transformer layers are trained. Of the rest only
            the pooler is, and only where it is used. Setting `trainable` keeps to this.
        pooling: "first" for the pooler's output, made of the first token's hidden state; "mean" for
            the mean of the hidden states of real tokens.
        kwargs: `name`, `trainable`, and for a handle `dtype`.

    Call arguments:
        inputs: `[ids, mask, segments]` or `[ids, mask]`, (B, S) each, integer or float; the mask is
            1 for real tokens and 0 for padding.

    Returns:
        (B, H).

    Raises:
        HandleError, WeightsError: see `BertBackbone.from_preset`.
        ConfigError: the pooling is unknown, there are fewer layers, or the model is another.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=4, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ids, mask, segments = (keras.Input((128,)) for _ in range(3))
    >>> BertLayer(backbone, n_fine_tune_layers=2)([ids, mask, segments]).shape
    (None, 8)
    """

    def __init__(
        self,
        handle: str | os.PathLike[str] | BertBackbone,
        n_fine_tune_layers: int = 3,
        pooling: str = "first",
        trainable: bool = True,
        **kwargs: Any,
    ) -> None:
        if pooling not in _POOLINGS:
            raise ConfigError(f"pooling is {pooling!r}; choose one of {', '.join(_POOLINGS)}.")
        if isinstance(handle, BertBackbone):
            backbone = handle
        elif not isinstance(handle, str | os.PathLike):
            raise ConfigError(
                f"BertLayer takes a handle or a BertBackbone, not a {type(handle).__name__}; of a "
                "task, give its backbone."
            )
        else:
            backbone = BertBackbone.from_preset(handle, dtype=kwargs.get("dtype"))
        # Without autocast, for ids above 256 do not survive in bfloat16.
        super().__init__(**{**kwargs, "dtype": backbone.dtype_policy, "autocast": False})
        self.backbone = backbone
        self.n_fine_tune_layers = n_fine_tune_layers
        self.pooling = pooling
        if trainable:
            self._choose_trained()
        self.trainable = trainable
        self.built = True

    @keras.layers.Layer.trainable.setter
    def trainable(self, value: bool) -> None:
        keras.layers.Layer.trainable.fset(self, value)
        if value:
            self._choose_trained()

    def _choose_trained(self) -> None:
        self.backbone.train_last_layers(self.n_fine_tune_layers)
        self.backbone.pooler.trainable = self.pooling == "first"

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) not in (2, 3):
            many = isinstance(inputs, list | tuple)
            given = f"a list of {len(inputs)}" if many else f"a {type(inputs).__name__}"
            raise DataError(
                f"BertLayer takes [ids, mask, segments] or [ids, mask], and was given {given}."
            )
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        names = ("token_ids", "padding_mask", "segment_ids")
        features = {
            name: ops.cast(value, "int32") for name, value in zip(names, inputs, strict=False)
        }
        outputs = self.backbone(features, training=training)
        if self.pooling == "first":
            return outputs["pooled_output"]
        hidden = outputs["sequence_output"]  # (B, S, H)
        mask = ops.cast(features["padding_mask"], "float32")
        shares = mask / ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1)  # (B, S)
        return ops.einsum("bs,bsh->bh", ops.cast(shares, hidden.dtype), hidden)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["dtype"]  # the backbone's
        return {
            **config,
            "handle": keras.saving.serialize_keras_object(self.backbone),
            "n_fine_tune_layers": self.n_fine_tune_layers,
            "pooling": self.pooling,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "BertLayer":
        if not isinstance(config["handle"], dict):
            raise ConfigError("A BertLayer is made anew from its own config, not from a handle.")
        backbone = keras.saving.deserialize_keras_object(config["handle"])
        return cls(**{**config, "handle": backbone})
