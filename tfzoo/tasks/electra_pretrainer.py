"""ELECTRA's pre-training: a generator replaces tokens, and a discriminator finds out which."""

import dataclasses
import os
from typing import Any

import keras
from keras import ops

from tfzoo.errors import ConfigError, WeightsError
from tfzoo.layers import ClassificationHead
from tfzoo.layers.backend import stateless_uniform
from tfzoo.layers.dropout import draw_seed
from tfzoo.models import ElectraBackbone
from tfzoo.tasks.masked_lm import ElectraMaskedLM, masked_lm_loss
from tfzoo.tasks.token_task import TokenTask
from tfzoo.tokenizers import ElectraTokenizer

_DETECTION_WEIGHT = 50.0


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraPretrainer(TokenTask):
    """Replaced-token detection (https://arxiv.org/abs/2003.10555, section 2).

    A small generator, a masked language model, predicts masked tokens. What is sampled from its
    predictions takes the place of the masks, and the discriminator, which is the backbone, tells of
    each token whether it was replaced; where the sample is the original token, it was not. The loss
    is that of the generator and 50 times that of the discriminator, a mean over all real tokens. No
    gradient passes the sampling. Generator and discriminator share their embeddings.

    `fit` and `evaluate` take strings without labels, and mask them anew each epoch.

    `from_preset` reads both parts from a Google checkpoint and from a preset of tfzoo. A folder of
    Hugging Face holds one of them: that of an `ElectraForPreTraining` is the discriminator, and
    `load_generator` takes the generator from an `ElectraForMaskedLM`. In the same way,
    `save_to_preset` in the format "huggingface" writes the discriminator, and
    `generator.save_to_preset` the generator.

    Args:
        backbone: the discriminator, which is what is fine-tuned later.
        preprocessor: turns strings into features; None takes features.
        generator_hidden_dim: width of the generator, by default a quarter of the discriminator's.
            It has as many layers, and heads of the same size. The published base model has a third
            of the width, the small one all of it.
        mask_share: share of the tokens that are masked; 0.25 in the published large size.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features; optionally `masked_positions` (B, P) in rising order, the
            columns of masked tokens, where column 0 stands for none.

    Returns:
        A dict: `replaced_tokens` logits (B, S) float32, of the tokens as given. With
        `masked_positions` they are those of `sampled_ids` (B, S), which is also there, and so are
        the generator's `masked_lm` logits (B, P, V).

    Raises:
        ConfigError: the generator's width cannot be divided among its heads.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=4, hidden_dim=16, intermediate_dim=32
    ... )
    >>> model = ElectraPretrainer(backbone, generator_hidden_dim=8)
    >>> ids = ops.array([[2, 45, 4, 3]])
    >>> outputs = model({"token_ids": ids, "masked_positions": ops.array([[2]])})
    >>> outputs["masked_lm"].shape, outputs["replaced_tokens"].shape
    (TensorShape([1, 1, 100]), TensorShape([1, 4]))
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer
    kind = "Pretrainer"
    takes_labels = False

    def __init__(
        self,
        backbone: ElectraBackbone,
        preprocessor: Any = None,
        generator_hidden_dim: int | None = None,
        mask_share: float = 0.15,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        width = backbone.embeddings.hidden_dim
        if not 0 < mask_share < 1:
            raise ConfigError(f"mask_share is {mask_share}; it must be between 0 and 1.")
        self.generator_hidden_dim = (
            width // 4 if generator_hidden_dim is None else generator_hidden_dim
        )
        self.mask_share = mask_share
        self.generator = _generator(backbone, preprocessor, self.generator_hidden_dim)
        self.discriminator_head = ClassificationHead(
            1,
            hidden_activation=backbone.head_activation,
            dtype=self.dtype_policy,
            name="discriminator_head",
        )
        self.discriminator_head.build((None, None, width))
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    @classmethod
    def _settings(cls, source: Any, overrides: dict[str, Any]) -> dict[str, Any]:
        from tfzoo.weights import preset

        settings = super()._settings(source, overrides)
        width = preset.last_size(
            cls.backbone_class, "generator", "encoder/layer_0/output_norm/gamma", source
        )
        return settings if width is None else {"generator_hidden_dim": width, **settings}

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        positions = inputs.get("masked_positions")
        if positions is None:
            return {"replaced_tokens": self._detected(inputs, training)}
        logits = self.generator(inputs, training=training)  # (B, P, V)
        ids = _placed(inputs["token_ids"], positions, self._sampled(logits, training))
        return {
            "masked_lm": logits,
            "sampled_ids": ids,
            "replaced_tokens": self._detected({**inputs, "token_ids": ids}, training),
        }

    def _detected(self, inputs: dict[str, Any], training: bool | None) -> Any:
        hidden = self.backbone(inputs, training=training)["sequence_output"]
        return self.discriminator_head(hidden, training=training)[..., 0]

    def _sampled(self, logits: Any, training: bool | None) -> Any:
        """Ids (B, P) drawn from the softmax of logits; in evaluation always the same for a row."""
        seed, shape = draw_seed(self.seed_generator, training), ops.shape(logits)
        if seed is None:
            seed, shape = ops.zeros(2, "int32"), (1, *shape[1:])
        noise = ops.maximum(stateless_uniform(shape, seed), 1e-7)
        gumbel = -ops.log(-ops.log(noise))
        return ops.argmax(ops.stop_gradient(logits) + gumbel, axis=-1)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """`keras.Model.compute_loss`, with labels of replaced tokens."""
        labelled = _labelled(x, y, y_pred, sample_weight)
        return super().compute_loss(x, *labelled, training=training)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """`keras.Model.compute_metrics`, with labels of replaced tokens."""
        return super().compute_metrics(x, *_labelled(x, y, y_pred, sample_weight))

    def loss_totals(self, x: Any, y: Any, sample_weight: Any) -> dict[str | None, Any]:
        """Both parts' numbers of tokens; see `TrainedTask.loss_totals`."""
        masked, real = _weights(x, y, sample_weight)
        return {"masked_lm": ops.sum(masked), "replaced_tokens": ops.sum(real)}

    def default_loss(self) -> dict[str, keras.losses.Loss]:
        return {
            "masked_lm": masked_lm_loss(),
            "replaced_tokens": keras.losses.BinaryCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        }

    def compile(self, *args: Any, **kwargs: Any) -> None:
        metrics = {
            "masked_lm": keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            "replaced_tokens": [
                keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
                keras.metrics.AUC(name="auc", from_logits=True),
            ],
        }
        kwargs.setdefault("weighted_metrics", metrics)
        kwargs.setdefault("loss_weights", {"masked_lm": 1.0, "replaced_tokens": _DETECTION_WEIGHT})
        super().compile(*args, **kwargs)

    def finish_batches(self, batches: Any, seed: int, training: bool) -> Any:
        from tfzoo.data.masking import ELECTRA, masked_batches

        masking = dataclasses.replace(ELECTRA, share=self.mask_share)
        tokenizer = self.preprocessor.tokenizer
        return masked_batches(batches, tokenizer, seed, anew=training, masking=masking)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """`keras.Model.predict` on features."""
        if self._takes_text(x):
            raise ConfigError("A pre-trainer predicts on features; give it those of its texts.")
        return super().predict(x, batch_size=batch_size, **kwargs)

    def load_generator(self, handle: str | os.PathLike[str]) -> None:
        """Takes the weights of the generator, but for the shared embeddings, from somewhere else.

        Args:
            handle: of an `ElectraMaskedLM` of the same sizes.

        Raises:
            HandleError: nothing is found there.
            WeightsError: what is found is damaged, or not of this family.
            ConfigError: it has other sizes.
        """
        from tfzoo.weights import preset

        _, source = preset.open_preset([ElectraBackbone], handle)
        if not preset.head_names(ElectraBackbone, "masked_lm_head", source):
            raise WeightsError(
                f"{handle} has no masked_lm_head, so it is no generator; give the handle of an "
                "ElectraMaskedLM."
            )
        other = ElectraMaskedLM.from_preset(handle)
        if [v.shape for v in other.weights] != [v.shape for v in self.generator.weights]:
            raise ConfigError(
                f"The generator behind {handle} has other sizes; its width is "
                f"{other.backbone.embeddings.hidden_dim}, here {self.generator_hidden_dim}."
            )
        shared = {id(variable) for variable in self.backbone.weights}
        for mine, its in zip(self.generator.weights, other.weights, strict=True):
            if id(mine) not in shared:
                mine.assign(its)

    def own_config(self) -> dict[str, Any]:
        return {
            "generator_hidden_dim": self.generator_hidden_dim,
            "mask_share": self.mask_share,
        }


def _generator(backbone: ElectraBackbone, preprocessor: Any, hidden_dim: int) -> ElectraMaskedLM:
    """A model of another width on the same embeddings."""
    config = backbone.get_config()
    arguments = backbone.argument_names() - {"trainable"}
    config = {name: config[name] for name in config.keys() & arguments}
    width = config["hidden_dim"]
    sizes = {
        "hidden_dim": hidden_dim,
        "num_heads": max(1, hidden_dim * config["num_heads"] // width),
        "intermediate_dim": config["intermediate_dim"] * hidden_dim // width,
        "embedding_dim": config["embedding_dim"] or width,
    }
    with keras.name_scope("generator"):
        generator = ElectraBackbone(
            **{**config, **sizes, "dtype": backbone.dtype_policy, "name": "backbone"},
            shared_embeddings=backbone.embeddings,
        )
        return ElectraMaskedLM(generator, preprocessor, name="generator")


def _labelled(x: Any, y: Any, y_pred: Any, sample_weight: Any) -> tuple[dict, dict, dict]:
    """Targets, outputs and weights of both parts.

    Args:
        x: features (B, S) with `masked_positions` (B, P).
        y: the ids (B, P) that stood there.
        y_pred: what the model returns.
        sample_weight: (B, P), 0 for a column that stands for none; None for ones.
    """
    ids = y_pred["sampled_ids"]
    replaced = ids != _placed(x["token_ids"], x["masked_positions"], y)
    masked, real = _weights(x, y, sample_weight)
    targets = {"masked_lm": y, "replaced_tokens": ops.cast(replaced, "float32")[..., None]}
    outputs = {
        "masked_lm": y_pred["masked_lm"],
        "replaced_tokens": y_pred["replaced_tokens"][..., None],
    }
    return targets, outputs, {"masked_lm": masked, "replaced_tokens": real}


def _weights(x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """How much a token to predict (B, P), and any token (B, S), counts; float32."""
    masked = ops.ones_like(y, "float32") if sample_weight is None else sample_weight
    real = x.get("padding_mask")
    real = ops.ones_like(x["token_ids"]) if real is None else real
    return masked, ops.cast(real, "float32")


def _placed(ids: Any, positions: Any, values: Any) -> Any:
    """`ids` (B, S) with `values` (B, P) at `positions` (B, P), but for column 0.

    >>> ids = ops.array([[2, 5, 6, 7]])
    >>> print(ops.convert_to_numpy(_placed(ids, ops.array([[0, 2]]), ops.array([[8, 9]]))))
    [[2 5 9 7]]
    """
    batch, length = ops.shape(ids)
    starts = ops.arange(batch, dtype="int32")[:, None] * length
    flat = ops.reshape(ops.cast(positions, "int32") + starts, (-1, 1))
    values = ops.reshape(ops.cast(values, ids.dtype), (-1,))
    placed = ops.reshape(ops.scatter_update(ops.reshape(ids, (-1,)), flat, values), (batch, length))
    return ops.where(ops.arange(length) == 0, ids, placed)
