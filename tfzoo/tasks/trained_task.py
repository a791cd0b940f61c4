"""How tasks train where Keras' own steps fall short: strategies, micro-batches, exact resume."""

import contextlib
from typing import Any

import keras

from tfzoo.errors import ConfigError
from tfzoo.tasks.preset_task import PresetTask


class TrainedTask(PresetTask):
    """A task whose steps are tfzoo's under TensorFlow, and Keras' own elsewhere.

    The arguments are those of `PresetTask`.
    """

    accumulation_steps: int = 1

    def compile(
        self, *args: Any, loss: Any = None, accumulation_steps: int = 1, **kwargs: Any
    ) -> None:
        """`keras.Model.compile`.

        Args:
            loss: the same; with several replicas or micro-batches it must average.
            accumulation_steps: micro-batches that a step's batch is computed in, one after the
                other, so that less of it is in memory; the result is that of the whole batch.
            args, kwargs: the others.

        Raises:
            ConfigError: `accumulation_steps` is no whole number from 1 on, or the backend is not
                TensorFlow and it is not 1; or `jit_compile` is True with several replicas.
        """
        if type(accumulation_steps) is not int or accumulation_steps < 1:
            raise ConfigError(
                f"accumulation_steps is {accumulation_steps!r}; give a whole number from 1 on."
            )
        if keras.backend.backend() != "tensorflow":
            if accumulation_steps > 1:
                raise ConfigError(
                    "accumulation_steps needs the TensorFlow backend; elsewhere give the optimizer "
                    "gradient_accumulation_steps."
                )
        elif kwargs.get("jit_compile") is True and self._has_replicas:
            raise ConfigError(
                "jit_compile=True does not go with several replicas, which exchange gradients "
                "between compiled parts; leave it out."
            )
        else:
            from tfzoo.training.global_mean import wrapped

            loss = wrapped(loss, in_pieces=accumulation_steps > 1 or self._has_replicas)
        self.accumulation_steps = accumulation_steps
        super().compile(*args, loss=loss, **kwargs)
        if keras.backend.backend() == "tensorflow":
            from tfzoo.training.loss_tracker import LossTracker

            # As Keras sets its own: among the metrics, but not tracked a second time.
            object.__setattr__(self, "_loss_tracker", LossTracker(self.loss_names()))

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self._clear_errors(), self._whole_batches():
            return super().evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        with self._clear_errors(), self._whole_batches():
            return super().predict(*args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        with self._whole_batches():
            return super().predict_on_batch(x)

    def _whole_batches(self) -> contextlib.AbstractContextManager[None]:
        """Takes batches of any size under `keras.distribution`."""
        from tfzoo.training.distribution import whole_batches

        return whole_batches()

    @property
    def _has_replicas(self) -> bool:
        return self.distribute_strategy.num_replicas_in_sync > 1

    def _common_seed(self, seed: int) -> int:
        """The seed of the chief among several workers, who have to agree on order and dropout."""
        if keras.backend.backend() != "tensorflow" or self._distribute_strategy is None:
            return seed
        from tfzoo.training.strategies import of_chief

        return of_chief(self._distribute_strategy, seed)

    def _clear_errors(self) -> contextlib.AbstractContextManager[None]:
        """Turns what TensorFlow says of a worker that is gone into a sentence."""
        if keras.backend.backend() != "tensorflow" or self._distribute_strategy is None:
            return contextlib.nullcontext()
        from tfzoo.training.strategies import clear_peer_errors

        return clear_peer_errors(self._distribute_strategy)

    def loss_totals(self, x: Any, y: Any, sample_weight: Any) -> dict[str | None, Any]:
        """What each loss that averages divides by on a batch; see `training.global_mean`."""
        from tfzoo.training.steps import loss_totals

        return loss_totals(self, x, sample_weight)

    def loss_names(self) -> list[str | None]:
        """The names among `loss_totals`."""
        from tfzoo.training.global_mean import global_means

        return list(global_means(self.loss))

    def _train(
        self,
        data: Any,
        epochs: int,
        validation_data: Any,
        checkpoints: Any,
        seed: int,
        validation_batch_size: int | None = None,
        validation_steps: int | None = None,
        validation_freq: int = 1,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Keras' `fit` of batches, or tfzoo's, which knows checkpoints, under TensorFlow."""
        if keras.backend.backend() != "tensorflow" or not hasattr(data, "element_spec"):
            if checkpoints is not None:
                raise ConfigError(
                    "Checkpoints need the TensorFlow backend, and texts, features in memory or a "
                    "tf.data.Dataset."
                )
            from tfzoo.training.distribution import even_batches

            return super().fit(
                even_batches(data),
                shuffle=not hasattr(data, "element_spec"),  # a dataset has its own order
                epochs=epochs,
                validation_data=validation_data,
                validation_batch_size=validation_batch_size,
                validation_steps=validation_steps,
                validation_freq=validation_freq,
                **kwargs,
            )
        from tfzoo.training.loop import train

        def evaluate(epoch: int, callbacks: Any) -> dict[str, Any]:
            if validation_data is None or not self._should_eval(epoch, validation_freq):
                return {}
            alone = not isinstance(validation_data, tuple)
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(
                (validation_data,) if alone else validation_data
            )
            logs = keras.Model.evaluate(
                self,
                x,
                y,
                batch_size=validation_batch_size,
                sample_weight=sample_weight,
                steps=validation_steps,
                callbacks=callbacks,
                return_dict=True,
            )
            return {f"val_{name}": value for name, value in logs.items()}

        options = {"epochs": epochs, "evaluate": evaluate, "checkpoints": checkpoints, **kwargs}
        with self._clear_errors():
            return train(self, data, seed=seed, **options)

    def train_step(self, *args: Any) -> Any:
        if keras.backend.backend() != "tensorflow":
            return super().train_step(*args)
        from tfzoo.training.steps import train_step

        return train_step(self, *args)

    def test_step(self, *args: Any) -> Any:
        if keras.backend.backend() != "tensorflow":
            return super().test_step(*args)
        from tfzoo.training.steps import test_step

        return test_step(self, *args)

    def make_train_function(self, force: bool = False) -> Any:
        if keras.backend.backend() != "tensorflow":
            return super().make_train_function(force)
        from tfzoo.training.steps import StepFunction

        if self.train_function is None or force:
            self.train_function = StepFunction(self, self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        if keras.backend.backend() != "tensorflow":
            return super().make_test_function(force)
        from tfzoo.training.steps import StepFunction

        if self.test_function is None or force:
            self.test_function = StepFunction(self, self.test_step)
        return self.test_function

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Builds losses and metrics; Keras averages the replicas' batches for it, and fails."""
        if self._distribute_strategy is not None and iterator is not None:
            from tfzoo.training.steps import build_metrics

            build_metrics(self, iterator._distributed_dataset.element_spec)
