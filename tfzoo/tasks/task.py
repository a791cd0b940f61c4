"""What every task has in common: strings in, training, export."""

import os
from typing import Any, ClassVar

import keras

from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks.trained_task import TrainedTask


class Task(TrainedTask):
    """A backbone, heads, and a preprocessor that lets the model take strings.

    A family's task is a subclass that names its `backbone_class` and its `tokenizer_class`.

    Args:
        backbone: the model below the heads.
        preprocessor: a `tfzoo.tokenizers.TextPreprocessor`; None takes features instead of text.
        kwargs: those of `keras.Model`.

    Raises:
        ConfigError: the preprocessor gives ids or lengths that the backbone does not have.
    """

    takes_labels: ClassVar[bool] = True  # False for tasks that make their own from the texts

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        return self.heads(self.backbone(inputs, training=training), inputs, training)

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        """What `call` returns, given the backbone's outputs.

        Args:
            outputs: of the backbone.
            inputs: the features it was given, and others that the heads alone know.
            training: whether dropout is at work.

        Raises:
            ConfigError: the task has none.
        """
        raise ConfigError(f"{type(self).__name__} has no heads; choose the class of a task.")

    def export(self, folder: str | os.PathLike[str], text_pair: bool = False) -> None:
        """Writes a SavedModel that takes strings and needs neither tfzoo nor Keras.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: whether `serving_default` takes two strings, `text` and `text_pair`.

        Raises:
            ConfigError: the model has no preprocessor, or the folder cannot be written.
        """
        from tfzoo.serving import export

        export(self, folder, text_pair=text_pair)

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        """What an export's signatures return, given what `call` does."""
        raise ConfigError(f"A {type(self).__name__} has no SavedModel that takes strings.")

    def default_loss(self) -> Any:
        """The loss that `compile()` without one chooses; None where the task has none."""
        return None

    def default_metrics(self) -> Any:
        """The metrics that `compile()` without any chooses; None for none."""
        return None

    def targets(self, y: Any) -> Any:
        """Labels as a user writes them, checked and turned into what the loss takes."""
        return y

    def finish_batches(self, batches: Any, seed: int, training: bool) -> Any:
        """A last change to batches without labels, for tasks that make their own."""
        return batches

    def compile(
        self, optimizer: Any = "auto", loss: Any = "auto", metrics: Any = "auto", **kwargs: Any
    ) -> None:
        """`keras.Model.compile`, whose defaults are those of fine-tuning.

        Args:
            optimizer: by default `tfzoo.training.fine_tuning_optimizer()`, whose schedule each
                `fit` plans over its own length.
            loss, metrics: by default the task's.
            kwargs: those of `keras.Model.compile`.
        """
        from tfzoo.training import fine_tuning_optimizer

        super().compile(
            optimizer=fine_tuning_optimizer() if _is_auto(optimizer) else optimizer,
            loss=self.default_loss() if _is_auto(loss) else loss,
            metrics=self.default_metrics() if _is_auto(metrics) else metrics,
            **kwargs,
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        validation_batch_size: int | None = None,
        checkpoints: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """`keras.Model.fit` that takes strings too, batched by length.

        Args:
            x: N strings, a tuple of two columns of N strings, a `tf.data.Dataset` of such (with
                labels), or features.
            y: labels, one per string; None where `x` is a dataset or the task makes its own.
            batch_size: examples per optimizer step, of all replicas together; 32 by default.
            checkpoints: a `tfzoo.training.Checkpoints`, from whose newest the training goes on.
            kwargs: the other arguments, here and above, are those of `keras.Model.fit`.

        Raises:
            DataError: texts or labels cannot be used; the message names the example.
        """
        from tfzoo.data import inputs
        from tfzoo.training import plan_schedule, quick_start

        if not self.compiled:
            self.compile()
        if validation_split:
            (x, y, sample_weight), validation_data = inputs.split_off(
                x, y, sample_weight, validation_split
            )
        if validation_data is not None:
            validation_data = self._evaluation_data(
                validation_data, validation_batch_size or batch_size
            )
        y = None if y is None else self.targets(y)
        seed = inputs.draw_seed() if checkpoints is None else checkpoints.seed(inputs.draw_seed)
        seed = self._common_seed(seed)
        with inputs.seeded(seed):
            data = self._fit_data(x, y, sample_weight, batch_size, shuffle)
        steps = kwargs.get("steps_per_epoch") or inputs.count_batches(data)
        plan_schedule(self, steps, epochs, kwargs.get("initial_epoch", 0))
        options = {"validation_batch_size": validation_batch_size or batch_size, **kwargs}
        with quick_start(self):
            return self._train(data, epochs, validation_data, checkpoints, seed, **options)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """`keras.Model.evaluate` that takes strings too, sorted by length."""
        if not self.compiled:
            self.compile()
        if self._takes_text(x) or self._lacks_labels(x):
            x = self._evaluation_data((x, y, sample_weight), batch_size)
            y = sample_weight = batch_size = None
        elif y is not None:
            y = self.targets(y)
        return super().evaluate(x, y, batch_size=batch_size, sample_weight=sample_weight, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """`keras.Model.predict` that takes strings too, sorts by length, and answers in order.

        Args:
            x: N strings, a tuple of two columns of N strings, a dataset of such, or features.
            batch_size: texts per batch; by default, as many as have the tokens of 32 texts of
                `sequence_length`.
            kwargs: those of `keras.Model.predict`.
        """
        if not self._takes_text(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        from tfzoo.data import inputs
        from tfzoo.training import trace_predict

        batches, positions = inputs.prediction_batches(self.preprocessor, x, batch_size)
        trace_predict(self, batches)
        outputs = super().predict(batches, **kwargs)
        return keras.tree.map_structure(lambda output: output[positions], outputs)

    def _fit_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        """Batches of whatever `fit` is given; what only Keras can batch, as it is."""
        from tfzoo.data import inputs

        if self._takes_text(x):
            return self._training_data(x, y, sample_weight, batch_size, shuffle)
        if self._lacks_labels(x):
            return self.finish_batches(x, inputs.draw_seed(), training=True)
        if isinstance(x, dict):
            return inputs.feature_batches(x, y, sample_weight, batch_size, shuffle)
        return x

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        """Batches of texts for `fit`."""
        from tfzoo.data import inputs

        inputs.check_labels(x, y, self.takes_labels)
        seed = inputs.draw_seed()
        batches = inputs.training_batches(
            self.preprocessor, x, y, sample_weight, batch_size, shuffle, seed
        )
        return self.finish_batches(batches, seed, training=True)

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        """Evaluation data as Keras takes them: batches in place of texts."""
        alone = _is_dataset(data) or isinstance(data, list)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight((data,) if alone else data)
        y = None if y is None else self.targets(y)
        if self._lacks_labels(x):
            return self.finish_batches(x, seed=0, training=False)
        if not self._takes_text(x):
            return data if y is None else (x, y, sample_weight)
        from tfzoo.data import inputs

        inputs.check_labels(x, y, self.takes_labels)
        batches = inputs.evaluation_batches(self.preprocessor, x, y, sample_weight, batch_size)
        return self.finish_batches(batches, seed=0, training=False)

    def _takes_text(self, x: Any) -> bool:
        """Whether `x` is text to be preprocessed, rather than features."""
        from tfzoo.data import inputs

        is_text = inputs.is_text(x)
        if is_text and self.preprocessor is None:
            raise DataError(
                f"This {type(self).__name__} has no preprocessor, so it takes features (a dict of "
                "token_ids and others) rather than texts; give it one, or give it features."
            )
        return is_text

    def _lacks_labels(self, x: Any) -> bool:
        """Whether `x` is a dataset of features alone, which the task finishes."""
        return not self.takes_labels and isinstance(getattr(x, "element_spec", None), dict)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_dataset(value: Any) -> bool:
    return hasattr(value, "element_spec")
