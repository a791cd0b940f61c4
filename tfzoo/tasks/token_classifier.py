"""Labels for words: named entities, parts of speech and the like."""

import os
from typing import Any

import keras
import numpy as np
from keras import ops

from tfzoo.errors import ConfigError
from tfzoo.layers import ClassificationHead
from tfzoo.models import (
    AlbertBackbone,
    Backbone,
    BertBackbone,
    DistilBertBackbone,
    ElectraBackbone,
    RobertaBackbone,
)
from tfzoo.tasks.classes import class_settings, count_classes
from tfzoo.tasks.token_task import TokenTask
from tfzoo.tokenizers import (
    AlbertTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    RobertaTokenizer,
)


class TokenClassifier(TokenTask):
    """Gives each word one of several labels (https://arxiv.org/abs/1810.04805, section 5.3).

    A text is a string, which is split at white space as `str.split` does, or a list of words. A
    word's label stands on its first piece; other pieces, special tokens and padding weigh nothing.
    `fit` cuts a text off at the preprocessor's `sequence_length`. Everything else reads a longer
    text in overlapping windows and misses no word: each is predicted in the window where it stands
    further from the edge.

    Args:
        backbone: a backbone with a `sequence_output`.
        num_classes: number of labels C; by default one per name in `class_names`, else 2.
        preprocessor: turns strings into features; None takes features.
        dropout: share of the hidden states dropped in training.
        class_names: names of the labels in the order of their ids, such as O, B-PER, I-PER; they
            travel with the model into predictions, presets and exports.
        kwargs: those of `keras.Model`.

    Call arguments:
        inputs: the backbone's features.

    Returns:
        Logits (B, S, C) float32, one row per token.

    Raises:
        ConfigError: `class_names` and `num_classes` make no sense.
    """

    kind = "TokenClassifier"

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int | None = None,
        preprocessor: Any = None,
        dropout: float = 0.1,
        class_names: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.num_classes = count_classes(num_classes, class_names, default=2)
        self.dropout = dropout
        self.class_names = None if class_names is None else list(class_names)
        self.token_classification_head = ClassificationHead(
            self.num_classes, dropout, dtype=self.dtype_policy, name="token_classification_head"
        )
        self.token_classification_head.build((None, None, backbone.embeddings.hidden_dim))
        self.built = True

    @classmethod
    def _settings(cls, source: Any, overrides: dict[str, Any]) -> dict[str, Any]:
        saved = super()._settings(source, {})
        return class_settings(cls, "token_classification_head", source, saved, overrides)

    def heads(
        self, outputs: dict[str, Any], inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        return self.token_classification_head(outputs["sequence_output"], training=training)

    def own_config(self) -> dict[str, Any]:
        return {
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "class_names": self.class_names,
        }

    def default_loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        kwargs.setdefault("weighted_metrics", [accuracy])
        super().compile(*args, **kwargs)

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, class_weight: None = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """`Task.fit` on words and their labels.

        Args:
            x: N texts or N lists of words; a `tf.data.Dataset` of `(text, labels)` or `(text,
                labels, weights)`, not batched, where text is a string or a vector of words and
                labels are a vector of class ids; or features.
            y: N lists with a label per word, names or ids; with features, ids (B, S).
            class_weight: none; a word's weight is in `sample_weight`, N numbers or N lists of them.
            args, kwargs: the other arguments of `Task.fit`.

        Raises:
            DataError: texts or labels cannot be used; the message names the example.
            ConfigError: `class_weight` is given.
        """
        if class_weight is not None:
            raise ConfigError(
                "A token classifier has no class_weight; give a weight per word as sample_weight."
            )
        return super().fit(x, y, *args, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Logits per word.

        Args:
            x: N texts or N lists of words, a dataset of texts, or features.
            batch_size: rows per batch; by default, as many as have the tokens of 32 rows of
                `sequence_length`.
            kwargs: those of `keras.Model.predict`.

        Returns:
            N arrays (W, C) float32, one row per word, in the order of the texts; for features, what
            `keras.Model.predict` gives.
        """
        if not self._takes_text(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        from tfzoo.data.word_batches import prediction_batches
        from tfzoo.training import trace_predict

        batches, per_word = prediction_batches(self.preprocessor, self._words(x), batch_size)
        trace_predict(self, batches)
        return per_word(super().predict(batches, **kwargs))

    def tag(
        self, texts: Any, batch_size: int | None = None, verbose: str | int = 0
    ) -> list[list[dict[str, Any]]]:
        """Predictions to read: the entities of each text, or the label of each word.

        Where the names of the labels are those of a BIO scheme, as O, B-PER and I-PER are, an
        answer is an entity, read off the tags as `tfzoo.data.entities.entity_spans` does; else it
        is a word.

        Args:
            texts: N texts or N lists of words.
            batch_size, verbose: those of `predict`.

        Returns:
            N lists of dicts. `label` is the name (its id where the model knows no names);
            `start_word` and `end_word` are the first word and the one behind the last; `text` is
            what stands there, and `start` and `end` are its characters, where the text is a string;
            `score` is the mean of the words' probabilities.
        """
        from tfzoo.data.entities import (
            entity_spans,
            marks_entities,
            spans_to_read,
            word_spans,
        )

        words = self._words(texts)
        logits = np.concatenate(self.predict(words, batch_size, verbose=verbose))
        probabilities = ops.convert_to_numpy(ops.softmax(logits))
        ends = np.cumsum([len(row) for row in words])
        names = self.class_names or list(range(self.num_classes))
        spans_of = entity_spans if marks_entities(self.class_names or []) else word_spans
        answers = []
        for text, its_words, rows in zip(
            texts, words, np.split(probabilities, ends[:-1]), strict=True
        ):
            spans = spans_of([names[index] for index in rows.argmax(axis=-1)])
            answers.append(spans_to_read(text, its_words, spans, rows.max(axis=-1, initial=0)))
        return answers

    def evaluate_entities(
        self, texts: Any, labels: Any, batch_size: int | None = None, verbose: str | int = 0
    ) -> dict[str, Any]:
        """Precision, recall and F1 of entities; see `tfzoo.training.entities.entity_scores`.

        Args:
            texts: N texts or N lists of words.
            labels: N lists with a label per word, names or ids.
            batch_size, verbose: those of `predict`.

        Raises:
            ConfigError: the labels of the model are not those of a BIO scheme.
            DataError: texts or labels cannot be used; the message names the example.
        """
        from tfzoo.data.entities import marks_entities
        from tfzoo.data.words import word_labels
        from tfzoo.training.entities import entity_scores

        names = self.class_names or []
        if not marks_entities(names):
            raise ConfigError(
                "Entities need labels in a BIO scheme, such as O, B-PER and I-PER; give them as "
                "class_names, or use evaluate, which counts words."
            )
        words = self._words(texts)
        true = word_labels(labels, words, names)
        predicted = [
            row.argmax(axis=-1) for row in self.predict(words, batch_size, verbose=verbose)
        ]
        return entity_scores(
            *([[names[index] for index in row] for row in rows] for rows in (true, predicted))
        )

    def outputs_for_serving(self, outputs: Any) -> dict[str, Any]:
        return {"logits": outputs, "probabilities": ops.softmax(outputs)}

    def export(self, folder: str | os.PathLike[str], text_pair: bool = False) -> None:
        """Writes a SavedModel that takes strings and needs neither tfzoo nor Keras.

        Args:
            folder: created, or replaced if it holds a SavedModel.
            text_pair: not possible here.

        Raises:
            ConfigError: the model has no preprocessor, the folder cannot be written, or `text_pair`
                is asked for.
        """
        from tfzoo.serving import export
        from tfzoo.serving.words import WordServing

        if text_pair:
            raise ConfigError("A token classifier labels the words of single texts, not of pairs.")
        export(WordServing(self), folder)

    def _words(self, x: Any) -> list[list[str]]:
        from tfzoo.data.word_batches import dataset_texts
        from tfzoo.data.words import word_lists

        return word_lists(dataset_texts(x) if hasattr(x, "element_spec") else x)

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool
    ) -> Any:
        from tfzoo.data import inputs
        from tfzoo.data.word_batches import training_batches

        inputs.check_labels(x, y, wanted=True)
        return training_batches(
            self.preprocessor,
            x,
            y,
            sample_weight,
            classes=self.class_names or self.num_classes,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=inputs.draw_seed(),
        )

    def _evaluation_data(self, data: Any, batch_size: int | None) -> Any:
        from tfzoo.data import inputs
        from tfzoo.data.word_batches import evaluation_batches

        columns = data if isinstance(data, tuple) else (data,)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(columns)
        if not self._takes_text(x):
            return data
        inputs.check_labels(x, y, wanted=True)
        return evaluation_batches(
            self.preprocessor,
            x,
            y,
            sample_weight,
            classes=self.class_names or self.num_classes,
            batch_size=batch_size,
        )


@keras.saving.register_keras_serializable(package="tfzoo")
class AlbertTokenClassifier(TokenClassifier):
    """Labels words with ALBERT; see `TokenClassifier` for the arguments."""

    backbone_class = AlbertBackbone
    tokenizer_class = AlbertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class BertTokenClassifier(TokenClassifier):
    """Labels words with BERT; see `TokenClassifier` for the arguments.

    Example:

    >>> backbone = BertBackbone(
    ...     vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32
    ... )
    >>> model = BertTokenClassifier(backbone, class_names=["O", "B-PER", "I-PER"])
    >>> model({"token_ids": ops.array([[2, 45, 67, 3]])}).shape
    TensorShape([1, 4, 3])
    """

    backbone_class = BertBackbone
    tokenizer_class = BertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBertTokenClassifier(TokenClassifier):
    """Labels words with DistilBERT; see `TokenClassifier` for the arguments."""

    backbone_class = DistilBertBackbone
    tokenizer_class = DistilBertTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class ElectraTokenClassifier(TokenClassifier):
    """Labels words with ELECTRA; see `TokenClassifier` for the arguments."""

    backbone_class = ElectraBackbone
    tokenizer_class = ElectraTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaTokenClassifier(TokenClassifier):
    """Labels words with RoBERTa; see `TokenClassifier` for the arguments."""

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
