"""The parts of a task, and how they come from a preset and go into one."""

import os
from typing import Any, ClassVar

import keras

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.layers.initializers import no_initial_weights
from tfzoo.models import Backbone
from tfzoo.models.backbone import OwnQuantize
from tfzoo.tasks.parts import arguments, check_fit, routed
from tfzoo.tokenizers import TextPreprocessor


class PresetTask(OwnQuantize, keras.Model):
    """A backbone, heads and a preprocessor, which are loaded, saved and serialized together.

    Args:
        backbone: the model below the heads.
        preprocessor: a `preprocessor_class`; None takes features instead of text.
        kwargs: those of `keras.Model`.
    """

    kind: ClassVar[str]  # a key of `tfzoo.weights.family.HEADS`
    backbone_class: ClassVar[type[Backbone]]
    tokenizer_class: ClassVar[type]
    preprocessor_class: ClassVar[type] = TextPreprocessor
    uses_pooler: ClassVar[bool] = True  # False for a task without a head on `pooled_output`
    default_sequence_length: ClassVar[int] = 128  # where the source of the weights says none

    def __init__(self, backbone: Backbone, preprocessor: Any = None, **kwargs: Any) -> None:
        expected = getattr(self, "backbone_class", Backbone)
        if not isinstance(backbone, expected):
            raise ConfigError(
                f"A {type(self).__name__} stands on a {expected.__name__}, not on a "
                f"{type(backbone).__name__}; use the task of that family."
            )
        kwargs.setdefault("dtype", backbone.dtype_policy)
        super().__init__(**kwargs)
        self.backbone = backbone
        self.preprocessor = preprocessor
        if preprocessor is not None:
            check_fit(backbone, preprocessor)

    @classmethod
    def from_preset(
        cls, handle: str | os.PathLike[str], load_weights: bool = True, **overrides: Any
    ) -> "PresetTask":
        """A task with published or saved weights, and the tokenizer that goes with them.

        Heads that the weights do not have start from random values. `Classifier.from_preset` and
        the other names without a family choose it from the weights; `Task.from_preset` chooses the
        task too.

        Args:
            handle: a preset's name, or a handle of any kind that `tfzoo.weights.resolve` takes.
            load_weights: False leaves all weights at their initial random values.
            overrides: arguments of the task, its backbone, its preprocessor (`sequence_length`) or
                its tokenizer (`lowercase`), in place of the weights' own; `dtype` is for the whole
                model.

        Raises:
            HandleError: nothing is found there.
            WeightsError: what is found is damaged, or not of this family.
            ConfigError: no part knows an override, or a value does not fit.
        """
        from tfzoo.weights import preset

        task_class, source = cls._opened(handle)
        backbone_class, tokenizer_class = task_class.backbone_class, task_class.tokenizer_class
        preprocessor_class = task_class.preprocessor_class
        mine = routed(
            overrides,
            task=arguments(task_class) - {"backbone", "preprocessor"} | {"name"},
            backbone=backbone_class.argument_names() - {"name"},
            preprocessor=arguments(preprocessor_class) - {"tokenizer"},
            tokenizer=arguments(tokenizer_class) - tokenizer_class.assets.keys(),
        )
        tokenizer = preset.tokenizer(
            tokenizer_class, source, handle, backbone_class.presets, mine["tokenizer"]
        )
        backbone = preset.load_backbone(
            backbone_class,
            source,
            mine["backbone"],
            no_initial_weights,
            load_weights,
            unused=() if task_class.uses_pooler else ("pooler/*",),
        )
        backbone = task_class._fitted(backbone, tokenizer, source)
        preprocessor = tokenizer and preprocessor_class(
            tokenizer,
            **{
                "sequence_length": min(
                    task_class._stated_length(source) or task_class.default_sequence_length,
                    backbone.embeddings.max_sequence_length,
                ),
                **preset.saved_arguments(preprocessor_class, source, "preprocessor"),
                **mine["preprocessor"],
            },
        )
        settings = task_class._settings(source, mine["task"])
        model = task_class(backbone, preprocessor=preprocessor, **settings)
        if load_weights:
            preset.load_heads(model, backbone, source)
        return model

    @classmethod
    def _opened(cls, handle: str | os.PathLike[str]) -> "tuple[type[PresetTask], Any]":
        """The class with a family for some weights, and the weights."""
        from tfzoo.weights import preset

        if hasattr(cls, "backbone_class"):
            return cls, preset.open_preset([cls.backbone_class], handle)[1]
        tasks = cls.choices()
        backbones = list(dict.fromkeys(task.backbone_class for task in tasks))
        backbone_class, source = preset.open_preset(backbones, handle)
        kind = getattr(cls, "kind", None) or preset.find_task(backbone_class, source)
        for task in tasks:
            if (task.backbone_class, task.kind) == (backbone_class, kind):
                return task, source
        raise WeightsError(
            f"{source.folder} holds {backbone_class.family} weights without the heads of a task; "
            "choose the class of a task, such as Classifier, or Backbone."
        )

    @classmethod
    def choices(cls) -> "list[type[PresetTask]]":
        """This class, or where it is of no family, those below it that are."""
        mine = [cls] if hasattr(cls, "backbone_class") else []
        return mine + [each for below in cls.__subclasses__() for each in below.choices()]

    @classmethod
    def _fitted(cls, backbone: Backbone, tokenizer: Any, source: Any) -> Backbone:
        """The backbone that the task stands on, given the one of a source."""
        return backbone

    @classmethod
    def _settings(cls, source: Any, overrides: dict[str, Any]) -> dict[str, Any]:
        """The task's own constructor arguments, from a source and what the caller says."""
        from tfzoo.weights.arguments import check_arguments

        known = source.settings.keys() & arguments(cls)
        saved = {name: source.settings[name] for name in known}
        check_arguments(cls, saved, source)
        return {**saved, **overrides}

    @classmethod
    def _stated_length(cls, source: Any) -> int | None:
        """Where a source in the format of others truncates texts, if the task asks for it."""
        return None

    def quantize(self, mode: str = "int8") -> None:
        """Quantizes the backbone, as `Backbone.quantize` says; heads stay as they are.

        The optimizer of a compiled model starts anew.
        """
        self.backbone.quantize(mode)
        self.train_function = self.test_function = self.predict_function = None
        if self.compiled:
            self.optimizer = self.optimizer.from_config(self.optimizer.get_config())
            self.optimizer.build(self.trainable_variables)

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

        save(folder, format, self.backbone, self)

    def own_config(self) -> dict[str, Any]:
        """The constructor's arguments but for backbone and preprocessor."""
        return {}

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "trainable": self.trainable,
            "backbone": serialize(self.backbone),
            "preprocessor": self.preprocessor and serialize(self.preprocessor),
            **self.own_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "PresetTask":
        deserialize = keras.saving.deserialize_keras_object
        task = cls(
            **{
                **config,
                "trainable": True,
                "backbone": deserialize(config["backbone"], custom_objects),
                "preprocessor": config["preprocessor"]
                and deserialize(config["preprocessor"], custom_objects),
            }
        )
        task.trainable = config["trainable"]
        return task
