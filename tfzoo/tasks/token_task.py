"""What tasks of single tokens have in common: they leave the backbone's pooler alone."""

from typing import ClassVar

import keras

from tfzoo.tasks.task import Task


class TokenTask(Task):
    """A task whose heads stand on the backbone's `sequence_output`.

    A pooler, where the backbone has one, is not trained: no output depends on it. The arguments are
    those of `Task`.
    """

    uses_pooler: ClassVar[bool] = False  # True for a task that has a head on `pooled_output` too

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """Without the backbone's pooler, unless a head uses it."""
        weights = super().trainable_weights
        if self.uses_pooler or getattr(self.backbone, "pooler", None) is None:
            return weights
        unused = {id(weight) for weight in self.backbone.pooler.weights}
        return [weight for weight in weights if id(weight) not in unused]

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        return self.trainable_weights
