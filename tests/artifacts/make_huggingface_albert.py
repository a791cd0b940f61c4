"""Has transformers write tiny ALBERTs, one per kind of head, and a SentencePiece model for them.

It needs transformers 5.23 and torch, which are not among tfzoo's requirements:

    pip install transformers==5.23.0 torch sentencepiece
    python tests/artifacts/make_huggingface_albert.py

An artifact is a folder `model`, and beside it `expected.npz`: inputs, and what transformers makes
of them in float32. One of them has a tokenizer, and in the file `texts` and their ids. Version 5 of
transformers keeps it in a `tokenizer.json`, older ones in the `spiece.model` that lies beside it.
"""

import io
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers
from google_checkpoint import random_value
from sentencepiece import SentencePieceTrainer
from transformers import AlbertTokenizer

FOLDER = Path(__file__).parent
TRAINED_ON = [
    "a film that is good, and the play was not bad at all",
    "we saw it 10, 20 or 1984, times and liked it (very much)",
    "the caf\u00e9 of the old house; they were there, weren't they?",
]
SIZES = {
    "embedding_size": 12,
    "hidden_size": 20,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 36,
    "max_position_embeddings": 24,
}
# Where transformers and the original code agree: no quotes of two strokes, no number with a comma.
TEXTS = [
    "",
    "The film was not good!",
    "  Playing\u2028 the\tPLAY \u3000 (caf\u00e9 Caf\u0065\u0301 \u00c9tat Stra\u00dfe \ufb01lm)",
    "\u4e2d\u6587 it's \U0001f600 \u00bd \u2460 \u212b x\u0301\u0323 " + 30 * "ab",
    "a\u00adb\u200b c\ufffdd \u00a0e\u0600 \u0130I\u0131",
]


def sentencepiece() -> bytes:
    """A model trained as ALBERT's README says, on a few words."""
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINED_ON),
        model_writer=written,
        vocab_size=72,
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        normalization_rule_name="identity",
        minloglevel=2,
    )
    return written.getvalue()


def features() -> dict[str, np.ndarray]:
    """Three rows: full, padded, and one with a hole in its mask and words behind its end."""
    mask = np.ones((3, 16), np.int64)
    mask[1, 9:] = mask[2, 4] = mask[2, 12:] = 0
    ids = np.random.default_rng(1).integers(5, 72, mask.shape)
    ids[1] *= mask[1]
    segments = (np.arange(16) >= np.array([[7], [16], [3]])).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def config(**changes: object) -> transformers.AlbertConfig:
    """A configuration of the tiny sizes."""
    return transformers.AlbertConfig(
        vocab_size=72, **{**SIZES, **changes}, attn_implementation="eager"
    )


def labelled(*names: str) -> dict[str, dict]:
    """The names of classes, as a configuration has them."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def save(name: str, model: transformers.PreTrainedModel, tokenizer: bool = False) -> None:
    """Writes an artifact.

    Args:
        name: of its folder, without what begins all of them.
        model: gets random weights.
        tokenizer: whether it has one.
    """
    artifact = FOLDER / f"albert_{name}"
    shutil.rmtree(artifact, ignore_errors=True)
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            norm = path.replace("LayerNorm.weight", "gamma").replace("layer_norm.weight", "gamma")
            parameter.copy_(torch.tensor(random_value(norm, parameter.shape, generator)))
    model.eval().save_pretrained(artifact / "model")

    inputs = features()
    tensors = {name: torch.tensor(value) for name, value in inputs.items()}
    with torch.no_grad():
        outputs = dict(model(**tensors, output_hidden_states=True))
    outputs["hidden_states"] = torch.stack(outputs["hidden_states"])
    arrays = {name: value.numpy() for name, value in outputs.items()}
    if tokenizer:
        (artifact / "model" / "spiece.model").write_bytes(sentencepiece())
        theirs = AlbertTokenizer.from_pretrained(artifact / "model")
        theirs.save_pretrained(artifact / "model")
        arrays["text_ids"] = theirs(TEXTS, padding=True, return_tensors="np")["input_ids"]
        arrays["texts"] = np.array(TEXTS)
    np.savez_compressed(artifact / "expected.npz", **inputs, **arrays)


if __name__ == "__main__":
    save("pretraining", transformers.AlbertForPreTraining(config()), tokenizer=True)
    save("masked_lm", transformers.AlbertForMaskedLM(config(hidden_act="gelu")))
    grouped = config(num_hidden_groups=2, inner_group_num=2, layer_norm_eps=1e-3)
    save("groups", transformers.AlbertModel(grouped))
    classes = config(
        **labelled("bad", "so so", "good"),
        hidden_dropout_prob=0.2,
        attention_probs_dropout_prob=0.2,
        classifier_dropout_prob=0.3,
    )
    save("classifier", transformers.AlbertForSequenceClassification(classes))
    entities = config(**labelled("O", "B-PER", "I-PER", "B-LOC"))
    save("token_classifier", transformers.AlbertForTokenClassification(entities))
    save("question_answerer", transformers.AlbertForQuestionAnswering(config()))
