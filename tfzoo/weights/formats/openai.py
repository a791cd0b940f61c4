"""OpenAI's folders: GPT-2's `hparams.json` and checkpoint, GPT's `.npy` files."""

import json
from pathlib import Path

from tfzoo.weights.checkpoint import Checkpoint, latest_checkpoint, write_checkpoint
from tfzoo.weights.family import Snapshot
from tfzoo.weights.npy_shards import SHAPES, NpyShards, write_npy_shards
from tfzoo.weights.source import Source
from tfzoo.weights.tensors import read_optional_json

_HPARAMS = "hparams.json"
# Our name of a tokenizer's file -> theirs, by family.
_ASSETS = {
    "gpt2": {"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"},
    "openai-gpt": {"vocab.json": "encoder_bpe_40000.json", "merges.txt": "vocab_40000.bpe"},
}


def open_folder(folder: Path) -> Source | None:
    """The weights in a folder; None if they are not OpenAI's."""
    if (folder / SHAPES).is_file():
        return _source(folder, NpyShards(folder), {}, "openai-gpt")
    config = read_optional_json(folder / _HPARAMS)
    if "n_vocab" not in config or (prefix := latest_checkpoint(folder)) is None:
        return None
    return _source(folder, Checkpoint(prefix), config, "gpt2")


def write(folder: Path, model: Snapshot) -> None:
    """Fills an empty folder with weights as OpenAI published theirs."""
    family = model.backbone_class.family
    config = model.format.describe(model.config)
    if config:
        (folder / _HPARAMS).write_text(json.dumps(config) + "\n", encoding="utf-8")
        write_checkpoint(model.arrays(), folder / "model.ckpt")
    else:
        write_npy_shards(model.arrays(), folder)
    if model.tokenizer is not None:
        model.tokenizer.save(folder)
        for ours, theirs in _ASSETS[family].items():
            (folder / ours).rename(folder / theirs)


def _source(folder: Path, tensors: Checkpoint | NpyShards, config: dict, family: str) -> Source:
    return Source(
        "openai",
        folder,
        tensors,
        config,
        family=family,
        task="CausalLM",
        assets=_ASSETS[family],
    )
