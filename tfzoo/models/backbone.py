"""What every family's backbone has in common."""

import gc
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from tfzoo.errors import ConfigError
from tfzoo.layers import Dense, TransformerStack
from tfzoo.layers.initializers import no_initial_weights
from tfzoo.layers.int8 import Int8Matrix, quantized_policy
from tfzoo.signatures import constructor_parameters
from tfzoo.weights.arguments import is_number
from tfzoo.weights.family import Format, Preset


class OwnQuantize:
    """Mixed into a `keras.Model` whose `quantize` is its own, arguments and errors too."""

    def __new__(cls, *args: Any, **kwargs: Any) -> keras.Model:
        model = super().__new__(cls, *args, **kwargs)
        del model.quantize  # the instance's, which Keras has wrapped around that of the class
        return model


class Backbone(OwnQuantize, keras.Model):
    """A model from token ids to hidden states, built completely when it is constructed.

    A family is a subclass in a file of its own, which states its name in the formats of others
    (`family`), its published weights (`presets`) and how other formats write them (`formats`), and
    has its layers as `stack` and its token table as `token_embedding`.
    """

    family: ClassVar[str]
    presets: ClassVar[Mapping[str, Preset]]
    formats: ClassVar[Mapping[str, Format]]
    # Of the hidden layer of a classifier's head, in families whose backbone has no pooler.
    head_activation: ClassVar[str | None] = None

    stack: TransformerStack

    @classmethod
    def choices(cls) -> "list[type[Backbone]]":
        """This class, or where it is of no family, those below it that are."""
        if hasattr(cls, "family"):
            return [cls]
        return [choice for below in cls.__subclasses__() for choice in below.choices()]

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        """The table of token embeddings (vocabulary, width), which language-model heads share."""
        return self.embeddings.token_embedding

    @classmethod
    def from_preset(
        cls, handle: str | os.PathLike[str], load_weights: bool = True, **overrides: Any
    ) -> "Backbone":
        """A backbone with published or saved weights.

        `Backbone.from_preset` chooses the family from the weights.

        Args:
            handle: a preset's name, or a handle of any kind that `tfzoo.weights.resolve` takes.
            load_weights: False leaves the initial random weights; for a preset's name nothing is
                downloaded then.
            overrides: constructor arguments in place of the weights' own.

        Raises:
            HandleError: nothing is found there.
            WeightsError: what is found is damaged, or not of this family.
            ConfigError: an override is no constructor argument.

        Example:

        >>> from tfzoo import BertBackbone
        >>> tiny = BertBackbone.from_preset("bert_tiny_en_uncased", load_weights=False)
        >>> f"{tiny.count_params():,}"
        '4,385,920'
        """
        from tfzoo.weights import preset

        choices = cls.choices()
        known = set().union(*(choice.argument_names() for choice in choices))
        if unknown := overrides.keys() - known:
            raise ConfigError(f"{cls.__name__} has no argument {', '.join(sorted(unknown))}.")
        if not load_weights:
            for family in choices:
                if handle in family.presets:
                    return family(**{**family.presets[handle].sizes, **overrides})
        family, source = preset.open_preset(choices, handle)
        return preset.load_backbone(family, source, overrides, no_initial_weights, load_weights)

    def save_to_preset(self, folder: str | os.PathLike[str], format: str = "tfzoo") -> None:
        """Writes a folder that `from_preset` reads, complete or not at all.

        Args:
            folder: created; a preset in it is replaced by a preset.
            format: "tfzoo", or that of others: "huggingface", "keras_hub", "google" or "openai".

        Raises:
            ConfigError: the folder holds something else, or cannot be written; or the format cannot
                say what the model is.
        """
        from tfzoo.weights.saving import save

        save(folder, format, self)

    def train_last_layers(self, count: int) -> None:
        """Freezes everything but the pooler and the last layers of the stack, before `compile`.

        Args:
            count: how many of the last layers are trained; 0 freezes the whole stack.

        Raises:
            ConfigError: there are not so many layers.
        """
        layers = self.stack.layers
        if type(count) is not int or not 0 <= count <= len(layers):
            raise ConfigError(
                f"The last {count} layers cannot be trained alone: the model has {len(layers)}."
            )
        trained = layers[len(layers) - count :]
        self.embeddings.trainable = False
        for layer in layers:
            layer.trainable = layer in trained

    def enable_lora(self, rank: int, alpha: float | None = None) -> None:
        """Leaves only LoRA's small matrices to be trained, before `compile`.

        Low-rank adaptation (https://arxiv.org/abs/2106.09685): in each layer, the matrix (H, 3 H)
        that gives query, key and value changes by the product of a trained (H, rank) and a trained
        (rank, 3 H). These have as many parameters as the paper's choice, a product each for query
        and value (section 7.1). All else in the backbone is frozen, the heads of a task are not.
        Layers that share parameters share their change. LoRA wants a learning rate about ten times
        as high, such as 5e-4.

        A preset holds the changed matrices, and loads as any other; a `.keras` file holds LoRA's.

        Args:
            rank: of the change; 8 is usual.
            alpha: the change is scaled by alpha / rank; None means `rank`.

        Raises:
            ConfigError: the rank or alpha is not positive, the rank is above H, or the model has
                LoRA or is int8.

        Example:

        >>> from tfzoo import BertBackbone
        >>> tiny = BertBackbone.from_preset("bert_tiny_en_uncased", load_weights=False)
        >>> tiny.enable_lora(rank=8)
        >>> sum(int(keras.ops.size(variable)) for variable in tiny.trainable_variables)
        8192
        """
        if type(rank) is not int or rank < 1:
            raise ConfigError(f"The rank of LoRA is {rank!r}; it must be a positive integer.")
        if rank > (width := self._adapted[0]._kernel.shape[0]):
            raise ConfigError(
                f"The rank of LoRA is {rank}; choose one up to {width}, the model's width."
            )
        if alpha is not None and not (is_number(alpha) and alpha > 0):
            raise ConfigError(f"The alpha of LoRA is {alpha!r:.60}; it must be positive.")
        if self.quantization or self.lora:
            state = "is int8" if self.quantization else "has it already"
            raise ConfigError(
                f"LoRA cannot be added to a model that {state}; enable it once, and not with int8."
            )
        self.trainable = True
        for layer in self.layers:
            layer.trainable = False
        for layer in self._adapted:
            layer.trainable = True
            layer.enable_lora(rank, alpha)
            layer.bias.trainable = False

    def quantize(self, mode: str = "int8") -> None:
        """Makes the model a quarter as large, for prediction.

        The kernels of dense layers become int8 numbers with a scale for each column, and the tables
        of embeddings with one for each row. Products have the kernels in floating point again, so a
        batch takes about as long as before; a short text alone may take twice as long.

        A task is quantized by its own `quantize`.

        Args:
            mode: "int8".

        Raises:
            ConfigError: the mode is another, or the model has LoRA, is int8 already, or computes in
                float16.

        Example:

        >>> from tfzoo import BertBackbone
        >>> tiny = BertBackbone.from_preset("bert_tiny_en_uncased", load_weights=False)
        >>> tiny.quantize("int8")
        >>> tiny.token_embedding.weights[0].dtype
        'int8'
        """
        quantized_policy(mode, self.dtype_policy)  # raises where there is none
        if self.quantization:
            raise ConfigError("The model is int8 already; quantize it once.")
        if self.lora:
            raise ConfigError(
                "A model with LoRA cannot be quantized; save it by save_to_preset, which merges "
                "LoRA, and quantize what from_preset makes of that."
            )
        gc.freeze()  # so that Keras' search for garbage after each layer takes no time
        try:
            super().quantize(mode, filters=lambda layer: isinstance(layer, Int8Matrix))
        finally:
            gc.unfreeze()

    @property
    def lora(self) -> dict[str, Any] | None:
        """The arguments of `enable_lora`; None where it was not called."""
        layer = self._adapted[0]
        return {"rank": layer.lora_rank, "alpha": layer.lora_alpha} if layer.lora_enabled else None

    @property
    def quantization(self) -> str | None:
        """The argument of `quantize`; None where it was not called."""
        return self._adapted[0].quantization_mode

    @property
    def _adapted(self) -> list[Dense]:
        """The layers that LoRA changes."""
        return [layer.attention.query_key_value for layer in self.stack.groups]

    @classmethod
    def argument_names(cls) -> set[str]:
        """The names of the constructor's arguments."""
        return {*constructor_parameters(cls), "dtype", "name", "trainable"}
