"""Hugging Face folders: `config.json`, `model.safetensors` or shards of it, a tokenizer."""

import json
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from tfzoo.errors import WeightsError
from tfzoo.weights import sentence_transformers
from tfzoo.weights.arguments import is_number
from tfzoo.weights.family import Snapshot
from tfzoo.weights.safetensors_file import open_safetensors, write_safetensors
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_optional_json
from tfzoo.weights.tokenizer_json import (
    SENTENCEPIECE,
    byte_pair_merges,
    byte_pair_tokens,
    casing,
    check_sentencepiece,
    prefix_space,
    wordpieces,
)

MARKER = "config.json"
_ARCHITECTURES = {
    "Classifier": "ForSequenceClassification",
    "TokenClassifier": "ForTokenClassification",
    "QuestionAnswerer": "ForQuestionAnswering",
    "MultipleChoice": "ForMultipleChoice",
    "Pretrainer": "ForPreTraining",
    "MaskedLM": "ForMaskedLM",
    "CausalLM": "LMHeadModel",
    "Embedder": "Model",
    None: "Model",
}
_PREFIXES = {"openai-gpt": "OpenAIGPT"}  # of classes, where they are not ours
_WITHOUT_POOLER = ("TokenClassifier", "QuestionAnswerer", "MaskedLM")  # in transformers
# What families call the dropout of a classifier's head.
_DROPOUTS = ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout")
# What families call dropout in other places, and the one that stands for all of ours.
_OTHER_DROPOUTS = {
    "attention_probs_dropout_prob": "hidden_dropout_prob",
    "attention_dropout": "dropout",
    "attn_pdrop": "resid_pdrop",
    "embd_pdrop": "resid_pdrop",
}
_ASSETS = {"30k-clean.model": SENTENCEPIECE}
_TOKEN_IDS = {"pad_token_id": "pad_id", "bos_token_id": "end_id", "eos_token_id": "end_id"}
_PROBLEMS = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}


def open_folder(folder: Path) -> Source | None:
    """The weights in a folder; None if they are not Hugging Face's."""
    path = folder / MARKER
    config = read_optional_json(path)
    if not config.keys() & {"model_type", "architectures"}:
        return None
    tensors = open_safetensors(folder)
    if tensors is None:
        return None
    family = config.get("model_type")
    if not isinstance(family, str | None):
        raise WeightsError(f"model_type in {path} is {family!r:.200}, not a name; correct it.")
    _warn_of_dropout(config, path)
    return Source(
        "huggingface",
        folder,
        tensors,
        config,
        family=family,
        task=_task(config.get("architectures"), folder),
        lowercase=casing(folder),
        add_prefix_space=prefix_space(folder),
        settings=_settings(config, path),
        assets=_ASSETS,
        vocabularies={
            "30k-clean.model": partial(check_sentencepiece, folder),
            "merges.txt": partial(byte_pair_merges, folder, family),
            "vocab.json": partial(byte_pair_tokens, folder, family),
            "vocab.txt": partial(wordpieces, folder),
        },
    )


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with a model that `transformers` loads."""
    family = model.backbone_class.family
    prefix = _PREFIXES.get(family, model.prefix)
    config = {
        "architectures": [prefix + _ARCHITECTURES[model.task]],
        "model_type": family,
        **model.format.describe(model.config),
    }
    if model.task in ("Classifier", "TokenClassifier", "MultipleChoice"):
        dropout = next((name for name in _DROPOUTS if name in config), _DROPOUTS[0])
        config[dropout] = model.settings["dropout"]
    if "class_names" in model.settings:
        config |= _labels(model)
    if model.tokenizer is not None:
        config |= {
            theirs: getattr(model.tokenizer, ours)
            for theirs, ours in _TOKEN_IDS.items()
            if getattr(model.tokenizer, ours) is not None
        }
        length = {"model_max_length": model.config["max_sequence_length"]}
        tokenizer = model.format.describe_tokenizer(model.tokenizer)
        _write_json(folder / "tokenizer_config.json", tokenizer | length)
        model.tokenizer.save(folder)
        for ours in model.tokenizer.assets.values():
            (folder / ours).rename(folder / _ASSETS.get(ours, ours))
    _write_json(folder / MARKER, config)
    weights = model.arrays()
    if model.task in _WITHOUT_POOLER:
        weights = {name: array for name, array in weights.items() if ".pooler." not in name}
    write_safetensors(weights, folder, framework="pt")
    if model.task == "Embedder":
        sentence_transformers.write(
            folder, model.settings, model.config["hidden_dim"], model.sequence_length
        )


def _labels(model: Snapshot) -> dict[str, Any]:
    names = model.settings["class_names"] or _placeholders(model.settings["num_classes"])
    labels = {
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }
    problem = model.settings.get("problem_type")
    return {**labels, "problem_type": _PROBLEMS[problem]} if problem else labels


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _task(architectures: object, folder: Path) -> str | None:
    """The kind of task of `["BertForMaskedLM"]`, or of a plain model that may be an embedder's."""
    if not isinstance(architectures, list):
        architectures = []
    for task, suffix in _ARCHITECTURES.items():
        if suffix != "Model" and any(
            isinstance(each, str) and each.endswith(suffix) for each in architectures
        ):
            return task
    for each in architectures:
        if isinstance(each, str) and "For" in each:
            return each.partition("For")[2]  # a task that tfzoo does not have
    return "Embedder" if (folder / sentence_transformers.MARKER).is_file() else None


def _settings(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """What a configuration says of a classifier."""
    dropout = next((config[name] for name in _DROPOUTS if name in config), None)
    settings = {
        "class_names": _class_names(config.get("id2label"), path),
        "problem_type": _problem_type(config),
        "dropout": dropout if is_number(dropout) and 0 <= dropout < 1 else None,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _warn_of_dropout(config: dict[str, Any], path: Path) -> None:
    for other, taken in _OTHER_DROPOUTS.items():
        both = (config.get(other), config.get(taken))
        if all(map(is_number, both)) and both[0] != both[1]:
            warnings.warn(
                f"{path} states {other} {both[0]} and {taken} {both[1]}; tfzoo's models have "
                f"one dropout and take {taken}, unless dropout= says otherwise.",
                stacklevel=6,
            )


def _class_names(labels: object, path: Path) -> list[str] | None:
    """The values of `id2label`, unless they are the placeholders LABEL_0, LABEL_1 and so on."""
    if not isinstance(labels, dict):
        return None
    names = [labels.get(str(index)) for index in range(len(labels))]
    if not all(isinstance(name, str) for name in names):
        raise WeightsError(f"id2label in {path} does not name every class from 0 on; correct it.")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise WeightsError(
            f"id2label in {path} gives {repeated[0]!r:.80} to several classes; give each its own "
            "name."
        )
    return None if names == _placeholders(len(names)) else names


def _placeholders(count: int) -> list[str]:
    return [f"LABEL_{index}" for index in range(count)]


def _problem_type(config: dict[str, Any]) -> str | None:
    """A classifier's kind of problem; to transformers, one label without a word is a regression."""
    for ours, theirs in _PROBLEMS.items():
        if config.get("problem_type") == theirs:
            return ours
    labels = config.get("id2label")
    return "regression" if isinstance(labels, dict) and len(labels) == 1 else None
