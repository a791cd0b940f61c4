"""Keeping the best of the models that a `fit` goes through."""

import math
import os
from typing import Any

import keras

from tfzoo.errors import ConfigError


class BestPreset(keras.callbacks.Callback):
    """Saves a task as a preset after each epoch whose validation loss is the lowest so far.

    The loss, not the accuracy, because a few hundred examples leave many epochs equally accurate.

    Args:
        folder: for the preset; it always holds a complete one, once it holds any.

    Attributes:
        saved: the metrics of the epoch that was saved last, and its number from 1 as `epoch`;
            empty as long as no loss was finite.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = folder
        self.saved: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if "val_loss" not in logs:
            raise ConfigError(
                "The best preset has the lowest validation loss; give fit validation_data."
            )
        if logs["val_loss"] < self.saved.get("val_loss", math.inf):
            self.model.save_to_preset(self.folder)
            self.saved = {"epoch": epoch + 1, **{name: float(logs[name]) for name in logs}}
