"""Has transformers write tiny GPTs and GPT-2s, with their tokenizers; see make_huggingface.py.

python tests/artifacts/make_huggingface_gpt.py
"""

import json
from pathlib import Path

import numpy as np
import transformers
from make_huggingface import SIZES, TEXTS, labelled, save_expected, save_model
from make_huggingface_roberta import LEARNT
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

NAMES = {
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
}
CLASSES = labelled("schlecht", "größer \N{SNOWMAN}")


def train_words() -> tuple[dict[str, int], list[str]]:
    """Tokens of GPT with their ids, and the merges, learnt from the texts of all artifacts."""
    learnt = Tokenizer(BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    learnt.normalizer = normalizers.BertNormalizer(lowercase=True)
    learnt.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = BpeTrainer(
        vocab_size=140,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learnt.train_from_iterator(20 * TEXTS, trainer)
    merges = [" ".join(pair) for pair in json.loads(learnt.to_str())["model"]["merges"]]
    return learnt.get_vocab(), merges


LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
BYTE_TOKENS = [*LETTERS, *(merge.replace(" ", "") for merge in LEARNT), "<|endoftext|>"]
BYTE_IDS = {token: index for index, token in enumerate(BYTE_TOKENS)}
WORD_IDS, WORD_MERGES = train_words()


def settings(ids: dict[str, int], **changes: object) -> dict:
    """The tiny sizes under the names of these families."""
    sizes = {theirs: SIZES[ours] for ours, theirs in NAMES.items()}
    common = {"use_cache": False, "attn_implementation": "eager"}
    return {"vocab_size": len(ids), **sizes, **common, **changes}


def features(vocabulary_size: int, padding: int) -> dict[str, np.ndarray]:
    """Three rows: full, padded, and one with a hole in its mask."""
    mask = np.ones((3, 12), np.int64)
    mask[1, 7:] = mask[2, 4] = mask[2, 10:] = 0
    ids = np.random.default_rng(1).integers(1, vocabulary_size - 1, mask.shape)
    ids[1, 7:] = ids[2, 10:] = padding
    return {"input_ids": ids, "attention_mask": mask}


def save_gpt(name: str, model: transformers.PreTrainedModel) -> None:
    """Writes an artifact of GPT; its tokenizer is in `tokenizer.json` alone."""
    artifact = save_model(f"gpt_{name}", model)
    merges = [tuple(merge.split(" ")) for merge in WORD_MERGES]
    tokenizer = transformers.OpenAIGPTTokenizer(WORD_IDS, merges)
    tokenizer.save_pretrained(artifact / "model")
    tokenizer.pad_token = "<unk>"
    save_expected(artifact, model, features(len(WORD_IDS), padding=0), tokenizer)


def save_gpt2(name: str, model: transformers.PreTrainedModel, vocabulary_files: bool) -> None:
    """Writes an artifact of GPT-2.

    Args:
        name: of its folder, without what begins all of them.
        model: gets random weights.
        vocabulary_files: keep the tokenizer in two files, as transformers did before version 5.
    """
    artifact = save_model(f"gpt2_{name}", model)
    tokenizer = transformers.GPT2Tokenizer(BYTE_IDS, [tuple(m.split(" ")) for m in LEARNT])
    if vocabulary_files:
        write_vocabulary(artifact / "model")
    else:
        tokenizer.save_pretrained(artifact / "model")
    tokenizer.pad_token = "<|endoftext|>"
    save_expected(artifact, model, features(len(BYTE_IDS), padding=len(BYTE_IDS) - 1), tokenizer)


def write_vocabulary(folder: Path) -> None:
    """Writes the two files of GPT-2's tokenizer, and what says that it is one."""
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    (folder / "vocab.json").write_text(json.dumps(BYTE_IDS))
    lines = ["#version: 0.2", *LEARNT, ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    config = transformers.OpenAIGPTConfig(**settings(WORD_IDS, layer_norm_epsilon=1e-3))
    save_gpt("causal_lm", transformers.OpenAIGPTLMHeadModel(config))
    config = transformers.OpenAIGPTConfig(**settings(WORD_IDS, **CLASSES, pad_token_id=0))
    save_gpt("classifier", transformers.OpenAIGPTForSequenceClassification(config))

    end = len(BYTE_IDS) - 1
    byte_level = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    config = transformers.GPT2Config(**settings(BYTE_IDS, **byte_level, layer_norm_epsilon=1e-3))
    save_gpt2("causal_lm", transformers.GPT2LMHeadModel(config), vocabulary_files=False)
    config = transformers.GPT2Config(**settings(BYTE_IDS, **byte_level, **CLASSES, n_inner=36))
    classifier = transformers.GPT2ForSequenceClassification(config)
    save_gpt2("classifier", classifier, vocabulary_files=True)
    entities = labelled("O", "B-PER", "I-PER")
    changes = {**byte_level, **entities, "activation_function": "relu"}
    tagger = transformers.GPT2ForTokenClassification(
        transformers.GPT2Config(**settings(BYTE_IDS, **changes))
    )
    save_gpt2("token_classifier", tagger, vocabulary_files=True)
