"""Has transformers write tiny BERTs in every way that its folders of BERT are found in.

It needs transformers 5.23 and torch, which are not among tfzoo's requirements:

    pip install transformers==5.23.0 torch
    python tests/artifacts/make_huggingface.py

An artifact is a folder `model`, and beside it `expected.npz`: inputs, and what transformers makes
of them in float32; `texts`, and the ids that its tokenizer gives them.
"""

import inspect
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from google_checkpoint import random_value
from safetensors.numpy import load_file, save_file

FOLDER = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzABéß中!,.-'", "\u0301"]
WORDS = ["the", "film", "was", "not", "good", "##ing", "play", "##ed", "Play"]
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
SIZES = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 36,
    "max_position_embeddings": 24,
}
TEXTS = [
    "",
    "The film was not good!",
    "Playing, played; PLAY-acting",
    "Ab\u0301 caf\u00e9 Stra\u00dfe\t\u4e2d\u4e2d a\u00adb\u200b c\ufffdd \u2028 e",
    "it's \U0001f600 " + 30 * "ab",
]


def features() -> dict[str, np.ndarray]:
    """Three rows: full, padded, and one with a hole in its mask and words behind its end."""
    mask = np.ones((3, 16), np.int64)
    mask[1, 9:] = mask[2, 4] = mask[2, 12:] = 0
    ids = np.random.default_rng(1).integers(len(SPECIAL), len(VOCABULARY), mask.shape)
    ids[1] *= mask[1]
    segments = (np.arange(16) >= np.array([[7], [16], [3]])).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def config(**changes: object) -> transformers.BertConfig:
    """A configuration of the tiny sizes."""
    return transformers.BertConfig(**SIZES, **changes, attn_implementation="eager")


def labelled(*names: str) -> dict[str, dict]:
    """The names of classes, as a configuration has them."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def save(
    name: str,
    model: transformers.PreTrainedModel,
    lowercase: bool = True,
    vocabulary_file: bool = False,
    change: Callable[[dict], dict] | None = None,
    tokenizer_class: type = transformers.BertTokenizer,
    **options: object,
) -> None:
    """Writes an artifact.

    Args:
        name: of its folder.
        model: gets random weights.
        lowercase: whether the tokenizer lower-cases.
        vocabulary_file: keep the tokenizer in `vocab.txt`, as transformers did before version 5.
        change: makes the names and arrays that an older version wrote of today's.
        tokenizer_class: that of the family.
        options: of `save_pretrained`.
    """
    artifact = save_model(name, model, change, **options)
    tokenizer = save_tokenizer(artifact / "model", tokenizer_class, lowercase, vocabulary_file)
    taken = inspect.signature(model.forward).parameters
    inputs = {name: value for name, value in features().items() if name in taken}
    save_expected(artifact, model, inputs, tokenizer)


def save_model(
    name: str,
    model: transformers.PreTrainedModel,
    change: Callable[[dict], dict] | None = None,
    **options: object,
) -> Path:
    """Writes the model of an artifact, whose folder it gives back; the arguments are `save`'s."""
    artifact = FOLDER / name
    shutil.rmtree(artifact, ignore_errors=True)
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            path = re.sub(r"(LayerNorm|layer_norm|ln_\w)\.weight", "gamma", path)
            parameter.copy_(torch.tensor(random_value(path, parameter.shape, generator)))
    model.eval().save_pretrained(artifact / "model", **options)
    if change:
        path = artifact / "model" / "model.safetensors"
        save_file(change(load_file(path)), path, {"format": "pt"})
    return artifact


def save_expected(
    artifact: Path,
    model: transformers.PreTrainedModel,
    inputs: dict[str, np.ndarray],
    tokenizer: Callable,
) -> None:
    """Writes inputs, the outputs for them, and texts with their ids."""
    tensors = {name: torch.tensor(value) for name, value in inputs.items()}
    with torch.no_grad():
        outputs = dict(model(**tensors, output_hidden_states=True))
    outputs["hidden_states"] = torch.stack(outputs["hidden_states"])
    arrays = {name: value.numpy() for name, value in outputs.items()}
    ids = tokenizer(TEXTS, padding=True, return_tensors="np")["input_ids"]
    np.savez_compressed(artifact / "expected.npz", **inputs, **arrays, texts=TEXTS, text_ids=ids)


def save_tokenizer(
    folder: Path, tokenizer_class: type, lowercase: bool, vocabulary_file: bool
) -> Callable:
    """Writes the tokenizer into an artifact's folder, and gives it back."""
    path = folder / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece in VOCABULARY), encoding="utf-8")
    tokenizer = tokenizer_class.from_pretrained(folder, do_lower_case=lowercase)
    if vocabulary_file:
        options = {"do_lower_case": lowercase, "tokenizer_class": tokenizer_class.__name__}
        (folder / "tokenizer_config.json").write_text(json.dumps(options))
    else:
        tokenizer.save_pretrained(folder)
        path.unlink()
    return tokenizer


def old_norms(arrays: dict) -> dict:
    """The names of LayerNorm's weights in conversions of TensorFlow's checkpoints."""
    replaced = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, old in replaced.items():
        arrays = {name.replace(new, old): array for name, array in arrays.items()}
    return arrays


def with_decoder(arrays: dict) -> dict:
    """With the tied weights, and the positions, that versions before 4.31 wrote too."""
    return {
        **arrays,
        "cls.predictions.decoder.weight": arrays["bert.embeddings.word_embeddings.weight"],
        "cls.predictions.decoder.bias": arrays["cls.predictions.bias"],
        "bert.embeddings.position_ids": np.arange(SIZES["max_position_embeddings"])[None],
    }


if __name__ == "__main__":
    save("huggingface_pretraining", transformers.BertForPreTraining(config()))
    save(
        "huggingface_masked_lm",
        transformers.BertForMaskedLM(config()),
        lowercase=False,
        vocabulary_file=True,
        change=lambda arrays: with_decoder(old_norms(arrays)),
    )
    save(
        "huggingface_sharded",
        transformers.BertModel(config(hidden_act="gelu_new", layer_norm_eps=1e-3)),
        lowercase=False,
        max_shard_size="12KB",
    )
    save(
        "huggingface_without_pooler",
        transformers.BertModel(config(hidden_act="gelu_pytorch_tanh"), add_pooling_layer=False),
        vocabulary_file=True,
        change=old_norms,
    )
    multi_label = config(
        **labelled("schlecht", "größer \N{SNOWMAN}", '"quoted"'),
        problem_type="multi_label_classification",
        hidden_dropout_prob=0.2,
        attention_probs_dropout_prob=0.2,
    )
    save("huggingface_classifier", transformers.BertForSequenceClassification(multi_label))
    save("huggingface_regression", transformers.BertForSequenceClassification(config(num_labels=1)))
    entities = config(**labelled("O", "B-PER", "I-PER", "B-LOC"))
    save(
        "huggingface_token_classifier",
        transformers.BertForTokenClassification(entities),
        lowercase=False,
    )
    save("huggingface_question_answerer", transformers.BertForQuestionAnswering(config()))
