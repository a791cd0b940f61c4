"""What backbones of embeddings and a stack of Transformer layers have in common."""

from contextlib import nullcontext
from typing import Any

import keras

from tfzoo.layers import TransformerEmbedding
from tfzoo.layers.int8 import int8_matrices
from tfzoo.models.backbone import Backbone

_OF_EMBEDDINGS = (
    "vocabulary_size",
    "hidden_dim",
    "embedding_dim",
    "max_sequence_length",
    "num_segments",
)
_OF_STACK = ("num_layers", "num_groups", "num_inner_repetitions")


class StackedBackbone(Backbone):
    """`embeddings` and a `stack`, from whose settings and state the backbone is made again."""

    embeddings: TransformerEmbedding
    return_encoder_outputs: bool

    def get_config(self) -> dict[str, Any]:
        known = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
            **{name: getattr(self.embeddings, name) for name in _OF_EMBEDDINGS},
            **{name: getattr(self.stack, name) for name in _OF_STACK},
            **self.stack.layer_config,
            "return_encoder_outputs": self.return_encoder_outputs,
        }
        names = self.argument_names()
        config = {name: value for name, value in known.items() if name in names}
        frozen = [part.name for part in self.parts() if not part.trainable]
        changes = {"frozen": frozen, "lora": self.lora, "quantization": self.quantization}
        return {**config, **{name: value for name, value in changes.items() if value}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StackedBackbone":
        config = dict(config)
        frozen, trainable = config.pop("frozen", ()), config.pop("trainable", True)
        lora, quantization = config.pop("lora", None), config.pop("quantization", None)
        with int8_matrices() if quantization else nullcontext():
            backbone = cls(**config)
        if lora:
            backbone.enable_lora(**lora)
        for part in backbone.parts():
            if part.trainable == (part.name in frozen):
                part.trainable = not part.trainable
        if not trainable:
            backbone.trainable = False
        return backbone

    def parts(self) -> list[keras.layers.Layer]:
        """What can be frozen on its own."""
        return [self.embeddings, *self.stack.groups]
