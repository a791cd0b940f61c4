"""What every family's backbone has in common."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from tfzoo.errors import ConfigError
from tfzoo.layers import TransformerStack
from tfzoo.layers.initializers import no_initial_weights
from tfzoo.signatures import constructor_parameters
from tfzoo.weights.family import Format, Preset


class Backbone(keras.Model):
    """A model from token ids to hidden states, built completely when it is constructed.

    A family is a subclass in a file of its own, which states its name in the formats of others
    (`family`), its published weights (`presets`) and how other formats write them (`formats`), and
    has its stack of layers as `encoder` and its token table as `token_embedding`.
    """

    family: ClassVar[str]
    presets: ClassVar[Mapping[str, Preset]]
    formats: ClassVar[Mapping[str, Format]]
    # Of the hidden layer of a classifier's head, in families whose backbone has no pooler.
    head_activation: ClassVar[str | None] = None

    encoder: TransformerStack

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
            format: "tfzoo", or that of others: "huggingface", "keras_hub" or "google".

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
        layers = self.encoder.layers
        if type(count) is not int or not 0 <= count <= len(layers):
            raise ConfigError(
                f"The last {count} layers cannot be trained alone: the model has {len(layers)}."
            )
        trained = layers[len(layers) - count :]
        self.embeddings.trainable = False
        for layer in layers:
            layer.trainable = layer in trained

    @classmethod
    def argument_names(cls) -> set[str]:
        """The names of the constructor's arguments."""
        return {*constructor_parameters(cls), "dtype", "name", "trainable"}
