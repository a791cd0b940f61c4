"""Embeddings of texts, whose cosines say how alike texts are."""

import os
from typing import Any

import keras
import numpy as np
from keras import ops

from tfzoo.errors import ConfigError, DataError
from tfzoo.layers.pooling import POOLINGS, pool, text_columns
from tfzoo.models import (
    AlbertBackbone,
    Backbone,
    BertBackbone,
    DistilBertBackbone,
    ElectraBackbone,
    RobertaBackbone,
)
from tfzoo.tasks.token_task import TokenTask
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)

_OBJECTIVES = ("ranking", "similarity")


class Embedder(TokenTask):
    """A vector for a text: its hidden states, pooled (https://arxiv.org/abs/1908.10084).

    `predict` takes single texts. `fit` and `evaluate` take pairs of texts that belong together, a
    question and its answer, say, and encode each text of a pair on its own. The presets of
    sentence-transformers tell their pooling, normalization and length of texts.

    Args:
        backbone: a backbone with a `sequence_output`.
        preprocessor: turns strings into features; None takes features.
        pooling: "mean" of a text's hidden states, their "max" in each dimension, or "cls", the
            first of them, of the last layer and before any pooler.
        normalize: whether vectors get the length 1.
        objective: what pairs are to teach. "ranking": the texts of a pair are closest to each
            other in the batch, without labels (`tfzoo.training.RankingLoss`; a larger batch is
            harder, so its loss is higher, and teaches more). "similarity": the cosine of a pair is
            its label, a number from -1 to 1 (`tfzoo.training.SimilarityLoss`).
        temperature: that cosines are divided by in ranking.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features; with `sequence_ids` and `cls_positions` (B, K), rows of K
            texts.

    Returns:
        (B, H) float32; (B, K, H) with `cls_positions`.

    Raises:
        ConfigError: an argument has no valid value.
    """

    kind = "Embedder"

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        pooling: str = "mean",
        normalize: bool = True,
        objective: str = "ranking",
        temperature: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        known = {"pooling": (pooling, POOLINGS), "objective": (objective, _OBJECTIVES)}
        for name, (value, choices) in known.items():
            if value not in choices:
                raise ConfigError(f"{name} is {value!r:.60}; choose one of {', '.join(choices)}.")
        if isinstance(temperature, str) or not temperature > 0:
            raise ConfigError(f"temperature is {temperature!r}; it must be a number above 0.")
        self.pooling = pooling
        self.normalize = normalize
        self.objective = objective
        self.temperature = temperature
        self.built = True

    @classmethod
    def _settings(cls, source: Any, overrides: dict[str, Any]) -> dict[str, Any]:
        if source.format != "huggingface":
            return super()._settings(source, overrides)
        from tfzoo.weights import sentence_transformers

        return {**sentence_transformers.read_settings(source.folder), **overrides}

    @classmethod
    def _stated_length(cls, source: Any) -> int | None:
        if source.format != "huggingface":
            return None
        from tfzoo.weights import sentence_transformers

        return sentence_transformers.read_length(source.folder)

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        hidden = ops.cast(outputs["sequence_output"], "float32")  # (B, S, H)
        pooled = pool(hidden, text_columns(inputs), self.pooling)  # (B, K, H)
        if self.normalize:
            pooled = ops.normalize(pooled, axis=-1)
        return pooled if "cls_positions" in inputs else pooled[:, 0]

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """`Task.predict` of single texts: embeddings (N, H) float32, in the caller's order.

        Raises:
            DataError: `x` is pairs.
        """
        if self._takes_text(x):
            from tfzoo.data.pairs import is_pairs

            if is_pairs(x):
                raise DataError(
                    "An embedder has one vector per text; give the texts of a pair one after the "
                    "other, or use `similarity`."
                )
        return super().predict(x, batch_size=batch_size, **kwargs)

    def similarity(
        self, texts_a: Any, texts_b: Any, batch_size: int | None = None, verbose: str | int = 0
    ) -> np.ndarray:
        """The cosine of each of N texts with each of M others.

        Args:
            texts_a: N texts, or their embeddings (N, H).
            texts_b: M texts, or their embeddings (M, H).
            batch_size, verbose: those of `predict`.

        Returns:
            (N, M) float32, between -1 and 1; the diagonal is that of pairs.

        Raises:
            DataError: the texts or embeddings cannot be used.
        """
        from tfzoo.training.retrieval import cosines

        both = (self._embedded(each, batch_size, verbose) for each in (texts_a, texts_b))
        return cosines(*both)

    def nearest(
        self,
        queries: Any,
        corpus: Any,
        top_k: int = 5,
        batch_size: int | None = None,
        verbose: str | int = 0,
    ) -> list[list[dict[str, Any]]]:
        """The texts of a corpus that are most like each query.

        Args:
            queries: N texts, or their embeddings (N, H).
            corpus: M texts, in memory; or their embeddings (M, H), as `predict` gives them, so
                that they are computed once for many calls.
            top_k: how many are wanted of each query.
            batch_size, verbose: those of `predict`.

        Returns:
            For each query a list of dicts, the best first: `index` in the corpus, `score`, the
            cosine, and `text` where the corpus is texts.

        Raises:
            DataError: the texts or embeddings cannot be used.
            ConfigError: `top_k` is no number of texts.
        """
        from tfzoo.tokenizers.strings import text_list
        from tfzoo.training.retrieval import nearest

        if type(top_k) is not int or top_k < 1:
            raise ConfigError(f"top_k must be a whole number of at least 1, not {top_k!r:.60}.")
        texts = None if _are_embeddings(corpus) else text_list(corpus)
        both = (queries, corpus if texts is None else texts)
        both = (self._embedded(each, batch_size, verbose) for each in both)
        found = nearest(*both, top_k)
        return [
            [
                {"index": index, "score": score, **({"text": texts[index]} if texts else {})}
                for index, score in zip(*row, strict=True)
            ]
            for row in zip(*(each.tolist() for each in found), strict=True)
        ]

    def _embedded(self, x: Any, batch_size: int | None, verbose: str | int) -> np.ndarray:
        if _are_embeddings(x):
            return ops.convert_to_numpy(x)
        return self.predict(x, batch_size, verbose=verbose)

    def export(self, folder: str | os.PathLike[str], text_pair: bool = False) -> None:
        """Writes a SavedModel that takes strings and gives their `embedding` (B, H).

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: without effect: `serving_default` always takes single texts.

        Raises:
            ConfigError: the model has no preprocessor, or the folder cannot be written.
        """
        super().export(folder)

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        return {"embedding": outputs}

    def own_config(self) -> dict[str, Any]:
        return {
            "pooling": self.pooling,
            "normalize": self.normalize,
            "objective": self.objective,
            "temperature": self.temperature,
        }

    @property
    def takes_labels(self) -> bool:
        """Whether pairs come with labels."""
        return self.objective == "similarity"

    def default_loss(self) -> keras.losses.Loss:
        from tfzoo.training.contrastive import RankingLoss, SimilarityLoss

        return SimilarityLoss() if self.takes_labels else RankingLoss(self.temperature)

    def default_metrics(self) -> list[keras.metrics.Metric] | None:
        from tfzoo.training.contrastive import RetrievalAccuracy

        return None if self.takes_labels else [RetrievalAccuracy()]

    def targets(self, y: Any) -> Any:
        from tfzoo.data.labels import cosine_targets

        return cosine_targets(y) if self.takes_labels else y

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        from tfzoo.data import inputs, pairs

        x, y = pairs.labelled(x, y, self.takes_labels)
        rows, seed = pairs.PairRows(self.preprocessor), inputs.draw_seed()
        return inputs.training_batches(rows, x, y, sample_weight, batch_size, shuffle, seed)

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        alone = hasattr(data, "element_spec") or isinstance(data, list)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight((data,) if alone else data)
        if not self._takes_text(x):
            return super()._evaluation_data(data, batch_size)
        from tfzoo.data import inputs, pairs

        y = None if y is None else self.targets(y)
        x, y = pairs.labelled(x, y, self.takes_labels)
        rows = pairs.PairRows(self.preprocessor)
        return inputs.evaluation_batches(rows, x, y, sample_weight, batch_size)


def _are_embeddings(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return getattr(dtype, "name", str(dtype)).startswith(("float", "bfloat"))


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertEmbedder(Embedder):
    """Embeds texts with ALBERT; see `Embedder` for the arguments.

    Example:

    >>> backbone = AlbertBackbone(
    ...     vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> AlbertEmbedder(backbone)({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 8])
    """

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertEmbedder(Embedder):
    """Embeds texts with BERT; see `Embedder` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> BertEmbedder(backbone)({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 8])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertEmbedder(Embedder):
    """Embeds texts with DistilBERT; see `Embedder` for the arguments.

    Example:

    >>> backbone = DistilBertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> DistilBertEmbedder(backbone)({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 8])
    """

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraEmbedder(Embedder):
    """Embeds texts with ELECTRA; see `Embedder` for the arguments.

    Example:

    >>> backbone = ElectraBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> ElectraEmbedder(backbone)({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 8])
    """

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaEmbedder(Embedder):
    """Embeds texts with RoBERTa; see `Embedder` for the arguments.

    Example:

    >>> backbone = RobertaBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> RobertaEmbedder(backbone)({"token_ids": ops.array([[0, 45, 67, 2]])}).shape
    TensorShape([1, 8])
    """

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
