"""Has transformers write tiny RoBERTas, and a byte-level tokenizer; see make_huggingface.py.

python tests/artifacts/make_huggingface_roberta.py
"""

import json
from pathlib import Path

import numpy as np
import transformers
from make_huggingface import SIZES, TEXTS, labelled, save_expected, save_model
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

MERGES = 48


def train() -> tuple[dict[str, int], list[str]]:
    """Tokens with their ids, and the merges, learnt from the texts of all artifacts."""
    learnt = Tokenizer(BPE())
    learnt.pre_tokenizer = ByteLevel(add_prefix_space=False)
    letters = sorted(ByteLevel.alphabet())
    trainer = BpeTrainer(
        vocab_size=len(letters) + MERGES, initial_alphabet=letters, show_progress=False
    )
    learnt.train_from_iterator(20 * TEXTS, trainer)
    merges = [" ".join(pair) for pair in json.loads(learnt.to_str())["model"]["merges"]]
    made = [merge.replace(" ", "") for merge in merges]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *letters, *made, "<mask>"]
    return {token: index for index, token in enumerate(tokens)}, merges


IDS, LEARNT = train()


def config(**changes: object) -> transformers.RobertaConfig:
    """A configuration of the tiny sizes."""
    sizes = {**SIZES, "vocab_size": len(IDS), "max_position_embeddings": 26, "type_vocab_size": 1}
    settings = {"layer_norm_eps": 1e-5, "pad_token_id": 1, **changes}
    return transformers.RobertaConfig(**sizes, **settings, attn_implementation="eager")


def features() -> dict[str, np.ndarray]:
    """Three rows: full, padded, and one with padding inside and masked words behind its end."""
    mask = np.ones((3, 16), np.int64)
    mask[1, 9:] = mask[2, 4:6] = mask[2, 12:] = 0
    ids = np.random.default_rng(1).integers(4, len(IDS), mask.shape)
    ids[1, 9:] = ids[2, 4:6] = 1
    return {"input_ids": ids, "attention_mask": mask}


def save_roberta(
    name: str,
    model: transformers.PreTrainedModel,
    add_prefix_space: bool = False,
    vocabulary_files: bool = False,
    **options: object,
) -> None:
    """Writes an artifact.

    Args:
        name: of its folder, without what begins all of them.
        model: gets random weights.
        add_prefix_space: whether the tokenizer begins texts with a space.
        vocabulary_files: keep it in two files, as transformers did before version 5.
        options: of `save_model`.
    """
    artifact = save_model(f"roberta_{name}", model, **options)
    tokenizer = save_tokenizer(artifact / "model", add_prefix_space, vocabulary_files)
    save_expected(artifact, model, features(), tokenizer)


def save_tokenizer(
    folder: Path, add_prefix_space: bool, vocabulary_files: bool
) -> transformers.RobertaTokenizer:
    """Writes the tokenizer into an artifact's folder, and gives it back."""
    tokenizer = transformers.RobertaTokenizer(
        IDS, [tuple(merge.split(" ")) for merge in LEARNT], add_prefix_space=add_prefix_space
    )
    if vocabulary_files:
        options = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": add_prefix_space}
        (folder / "tokenizer_config.json").write_text(json.dumps(options))
        (folder / "vocab.json").write_text(json.dumps(IDS))
        lines = ["#version: 0.2", *LEARNT, ""]
        (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    else:
        tokenizer.save_pretrained(folder)
    return tokenizer


if __name__ == "__main__":
    bare = transformers.RobertaModel(config(layer_norm_eps=1e-3), add_pooling_layer=False)
    save_roberta("encoder", bare, add_prefix_space=True, vocabulary_files=True)
    save_roberta("masked_lm", transformers.RobertaForMaskedLM(config()))
    classes = config(**labelled("schlecht", "größer \N{SNOWMAN}"), classifier_dropout=0.3)
    classifier = transformers.RobertaForSequenceClassification(classes)
    save_roberta("classifier", classifier, vocabulary_files=True)
    entities = config(**labelled("O", "B-PER", "I-PER"))
    tagger = transformers.RobertaForTokenClassification(entities)
    save_roberta("token_classifier", tagger, add_prefix_space=True)
    save_roberta("question_answerer", transformers.RobertaForQuestionAnswering(config()))
