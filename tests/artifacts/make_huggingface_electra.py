"""Has transformers write tiny ELECTRAs; see make_huggingface.py.

    python tests/artifacts/make_huggingface_electra.py

The last artifact holds the weights of two others, a discriminator and a generator, under the names
of Google's original checkpoint. Their embeddings are the same, because `save` draws them first.
"""

import re
import shutil
from collections.abc import Iterator, Mapping

import numpy as np
import transformers
from make_huggingface import FOLDER, SIZES, VOCABULARY, labelled, save
from safetensors.numpy import load_file

ONE_HEAD = {"num_attention_heads": 1}  # what a folder without a word on it means, up to 64 wide
GENERATOR = {**ONE_HEAD, "hidden_size": 10, "intermediate_size": 18}


def config(**changes: object) -> transformers.ElectraConfig:
    """A configuration of the tiny sizes."""
    sizes = {**SIZES, "embedding_size": 20, **changes}
    return transformers.ElectraConfig(**sizes, attn_implementation="eager")


def save_electra(name: str, model: transformers.PreTrainedModel, **options: object) -> None:
    """Writes an artifact."""
    save(f"electra_{name}", model, tokenizer_class=transformers.ElectraTokenizer, **options)


def google_names(arrays: Mapping[str, np.ndarray], scope: str) -> Iterator[tuple]:
    """The names and layout that google-research/electra gives to the weights of one model."""
    for name, array in arrays.items():
        name = name.replace("generator_lm_head.bias", "generator_predictions.output_bias")
        name = name.replace("dense_prediction", "dense_1")
        name = re.sub(r"LayerNorm\.(weight|bias)", norm_name, name)
        if name.endswith("embeddings.weight"):
            name = name.removesuffix(".weight")
        elif name.endswith(".weight"):
            name, array = name.replace(".weight", ".kernel"), array.T
        if not name.startswith("electra.embeddings."):
            name = name.replace("electra.", f"{scope}.")
        yield re.sub(r"\.layer\.(\d+)", r".layer_\1", name).replace(".", "/"), array


def norm_name(found: re.Match) -> str:
    """LayerNorm's weights as TensorFlow calls them."""
    return {"weight": "LayerNorm.gamma", "bias": "LayerNorm.beta"}[found[1]]


def save_google() -> None:
    """Writes both models of the artifacts `discriminator` and `generator` as one checkpoint."""
    import tensorflow.compat.v1 as tf

    folder = FOLDER / "electra_google" / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    arrays = {}
    for part, scope in (("generator", "generator"), ("discriminator", "electra")):
        weights = load_file(FOLDER / f"electra_{part}" / "model" / "model.safetensors")
        for name, array in google_names(weights, scope):
            np.testing.assert_array_equal(arrays.setdefault(name, array), array)
    with tf.Graph().as_default(), tf.Session() as session:
        for name, array in arrays.items():
            tf.get_variable(name, initializer=array)
        tf.get_variable("global_step", initializer=np.int64(7))
        session.run(tf.global_variables_initializer())
        options = {"write_meta_graph": False, "write_state": False}
        tf.train.Saver().save(session, str(folder / "electra_tiny"), **options)
    pieces = "".join(f"{piece}\n" for piece in VOCABULARY)
    (folder / "vocab.txt").write_text(pieces, encoding="utf-8")


if __name__ == "__main__":
    projected = config(embedding_size=10, layer_norm_eps=1e-3)
    save_electra("encoder", transformers.ElectraModel(projected), vocabulary_file=True)
    save_electra("masked_lm", transformers.ElectraForMaskedLM(projected))
    save_electra("classifier", transformers.ElectraForSequenceClassification(config(
        **labelled("schlecht", "größer \N{SNOWMAN}"), classifier_dropout=0.3
    )))  # fmt: skip
    entities = config(**labelled("O", "B-PER", "I-PER"))
    save_electra("token_classifier", transformers.ElectraForTokenClassification(entities))
    save_electra("question_answerer", transformers.ElectraForQuestionAnswering(config()))
    save_electra("discriminator", transformers.ElectraForPreTraining(config(**ONE_HEAD)))
    save_electra("generator", transformers.ElectraForMaskedLM(config(**GENERATOR)))
    save_google()
