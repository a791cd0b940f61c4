"""The same BERT classifier in tfzoo, in KerasHub and in Hugging Face, with random weights.

Each peer has `predict(texts)` and `fit(texts, labels)`, from strings to numbers, as its users would
write them, and as fast as it goes without leaving its own interface.
"""

import importlib.util
import random
from collections.abc import Sequence

MINILM = {"num_layers": 6, "num_heads": 12, "hidden_dim": 384, "intermediate_dim": 1536}
BERT_BASE = {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072}
LENGTH = 128


class Tfzoo:
    """`tfzoo.BertClassifier` with its fine-tuning defaults; unlike its peers it clips gradients."""

    name = "tfzoo"

    def __init__(self, sizes: dict, vocabulary: list[str], precision: str, batch_size: int):
        import tfzoo

        backbone = tfzoo.BertBackbone(
            vocabulary_size=len(vocabulary), dtype=_policy(precision), **sizes
        )
        preprocessor = tfzoo.TextPreprocessor(tfzoo.BertTokenizer(vocabulary), LENGTH)
        self.model = tfzoo.BertClassifier(backbone, preprocessor=preprocessor)
        self.model.compile()
        self.batch_size = batch_size

    def predict(self, texts: Sequence[str]) -> None:
        self.model.predict(texts, batch_size=self.batch_size, verbose=0)

    def fit(self, texts: Sequence[str], labels: Sequence[int], callbacks: Sequence = ()) -> None:
        self.model.fit(
            texts, labels, batch_size=self.batch_size, verbose=0, callbacks=list(callbacks)
        )


class KerasHub:
    """`keras_nlp.models.BertTextClassifier` with its preprocessor and AdamW."""

    name = "KerasHub"

    def __init__(self, sizes: dict, vocabulary: list[str], precision: str, batch_size: int):
        import keras
        import keras_nlp

        models = keras_nlp.models
        backbone = models.BertBackbone(
            vocabulary_size=len(vocabulary),
            max_sequence_length=512,
            dtype=_policy(precision),
            **sizes,
        )
        tokenizer = models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
        preprocessor = models.BertTextClassifierPreprocessor(tokenizer, sequence_length=LENGTH)
        self.model = models.BertTextClassifier(backbone, 2, preprocessor=preprocessor)
        self.model.compile(
            optimizer=keras.optimizers.AdamW(5e-5),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        self.batch_size = batch_size

    def predict(self, texts: Sequence[str]) -> None:
        self.model.predict(_array(texts), batch_size=self.batch_size, verbose=0)

    def fit(self, texts: Sequence[str], labels: Sequence[int], callbacks: Sequence = ()) -> None:
        self.model.fit(
            _array(texts),
            _array(labels),
            batch_size=self.batch_size,
            verbose=0,
            callbacks=list(callbacks),
        )


class HuggingFace:
    """`transformers`' BertForSequenceClassification, padded to the longest of each batch."""

    name = "Hugging Face"
    sort = False

    def __init__(self, sizes: dict, vocabulary: list[str], precision: str, batch_size: int):
        import torch
        import transformers

        config = transformers.BertConfig(
            vocab_size=len(vocabulary),
            num_hidden_layers=sizes["num_layers"],
            num_attention_heads=sizes["num_heads"],
            hidden_size=sizes["hidden_dim"],
            intermediate_size=sizes["intermediate_dim"],
        )
        ids = {word: i for i, word in enumerate(vocabulary)}
        self.tokenizer = transformers.BertTokenizer(vocab=ids, do_lower_case=True)
        self.model = transformers.BertForSequenceClassification(config)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 5e-5, fused=True)
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
        self.batch_size = batch_size

    def predict(self, texts: Sequence[str]) -> None:
        import torch

        self.model.eval()
        with torch.inference_mode(), self.autocast:
            for _rows, features in self._batches(texts):
                self.model(**features).logits.float().numpy()

    def fit(self, texts: Sequence[str], labels: Sequence[int]) -> None:
        import torch

        self.model.train()
        batches = self._batches(texts)
        random.shuffle(batches)
        for rows, features in batches:
            with self.autocast:
                loss = self.model(**features, labels=torch.tensor([labels[i] for i in rows])).loss
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def _batches(self, texts: Sequence[str]) -> list[tuple[list[int], dict]]:
        encoded = self.tokenizer(list(texts), truncation=True, max_length=LENGTH)
        order = list(range(len(texts)))
        if self.sort:
            order.sort(key=lambda i: -len(encoded["input_ids"][i]))
        cuts = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        return [
            (rows, self.tokenizer.pad([self._row(encoded, i) for i in rows], return_tensors="pt"))
            for rows in cuts
        ]

    @staticmethod
    def _row(encoded: dict, index: int) -> dict:
        return {name: column[index] for name, column in encoded.items()}


class SortedHuggingFace(HuggingFace):
    """The same, with texts sorted by length first."""

    name = "Hugging Face, sorted"
    sort = True


def available() -> list[type]:
    """The peers that are installed."""
    installed = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
    return [Tfzoo, KerasHub, *([HuggingFace, SortedHuggingFace] if installed else [])]


def _policy(precision: str) -> str:
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


def _array(values: Sequence) -> object:
    import numpy as np

    return np.array(values)
