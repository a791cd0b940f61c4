"""GPT and GPT-2 in Hugging Face's folders, against what transformers wrote and computed."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfzoo import Backbone
from tfzoo.errors import WeightsError
from tfzoo.tokenizers import GPT2Tokenizer
from tfzoo.weights import mapping, preset
from tfzoo.weights.formats import open_source
from tfzoo.weights.names import Table
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
CASES = sorted(path.name for path in ARTIFACTS.glob("gpt*_*"))
CLASSIFIERS = {name: "token_" if "token" in name else "" for name in CASES if "class" in name}
BACKBONES = {"gpt": "GPTBackbone", "gpt2": "GPT2Backbone"}


def folder(name):
    return ARTIFACTS / name / "model"


def read_expected(name):
    with np.load(ARTIFACTS / name / "expected.npz") as file:
        return dict(file)


def features(expected):
    return {"token_ids": expected["input_ids"], "padding_mask": expected["attention_mask"]}


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def assert_same_weights(model, expected):
    ours, theirs = variables(model), variables(expected)
    assert ours.keys() == theirs.keys()
    for path, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[path], err_msg=path)


@pytest.fixture
def copied(tmp_path):
    """A function that copies an artifact's folder and changes its configuration."""

    def copy(name, **changes):
        copy = shutil.copytree(folder(name), tmp_path / "model")
        path = copy / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        return copy

    return copy


def test_artifacts_are_there():
    assert len(CASES) == 5
    assert len(CLASSIFIERS) == 3


@pytest.mark.parametrize("name", CASES)
def test_hidden_states(name):
    expected = read_expected(name)
    model = Backbone.from_preset(folder(name), return_encoder_outputs=True)
    assert type(model).__name__ == BACKBONES[name.partition("_")[0]]
    outputs = model(features(expected))
    embedded = model.embeddings(expected["input_ids"])
    close(np.stack([embedded, *outputs["encoder_outputs"]]), expected["hidden_states"])
    if name.endswith("causal_lm"):
        table = keras.ops.transpose(model.token_embedding.embeddings)
        close(outputs["sequence_output"] @ table, expected["logits"])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_logits_of_classifiers(name):
    expected, source = read_expected(name), open_source(folder(name))
    model = Backbone.from_preset(folder(name))
    head, classes = f"{CLASSIFIERS[name]}classification_head", expected["logits"].shape[-1]
    assert preset.num_classes(type(model), head, source) == classes
    parts = {f"{head}/logits/kernel": keras.Variable(np.zeros((20, classes)))}
    hidden = np.asarray(model(features(expected))["sequence_output"])
    if name == "gpt2_token_classifier":
        parts[f"{head}/logits/bias"] = keras.Variable(np.zeros(classes))
    else:  # the others are of the last token, and have no bias
        last = 11 - expected["attention_mask"][:, ::-1].argmax(axis=1)
        hidden = hidden[np.arange(3), last]
    table = type(model).formats["huggingface"].heads[head] + Table(ignore=("*",))
    mapping.load(parts, table, source.tensors)
    kernel, *bias = map(np.asarray, parts.values())
    close(hidden @ kernel + sum(bias), expected["logits"])


@pytest.mark.parametrize("name", CASES)
def test_what_a_folder_says_of_its_task(name):
    source = open_source(folder(name))
    assert (
        source.task
        == {
            "causal_lm": "CausalLM",
            "classifier": "Classifier",
            "token_classifier": "TokenClassifier",
        }[name.partition("_")[2]]
    )
    names = {"Classifier": ["schlecht", "größer \N{SNOWMAN}"], "CausalLM": None}
    expected = names.get(source.task, ["O", "B-PER", "I-PER"])
    assert source.settings.get("class_names") == expected


@pytest.mark.parametrize("name", CASES)
def test_written_is_what_transformers_wrote(name, tmp_path):
    model = Backbone.from_preset(folder(name), name="model")
    model.save_to_preset(tmp_path / "written", format="huggingface")
    both = tmp_path / "written", folder(name)
    ours, theirs = (load_file(each / "model.safetensors") for each in both)
    theirs = {key: array for key, array in theirs.items() if key.startswith("transformer.")}
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    config, original = (json.loads((each / "config.json").read_text()) for each in both)
    prefix = "GPT2" if name.startswith("gpt2") else "OpenAIGPT"
    assert config.pop("architectures") == [f"{prefix}Model"]
    known = config.keys() & original.keys()
    if original.get("n_inner") is None:  # which means four times the width
        known -= {"n_inner"}
    assert {key: config[key] for key in known} == {key: original[key] for key in known}
    assert len(known) > 11
    again = Backbone.from_preset(tmp_path / "written", name="model")
    assert again.get_config() == model.get_config()
    assert_same_weights(again, model)


@pytest.mark.parametrize("name", ["gpt_causal_lm", "gpt2_causal_lm"])
def test_names_of_bare_models_and_of_older_versions(copied, name):
    """As in `openai-community/gpt2`: masks among the weights, a tied head, no prefix."""
    path = copied(name) / "model.safetensors"
    arrays = {key.removeprefix("transformer."): array for key, array in load_file(path).items()}
    mask = np.tril(np.ones((1, 1, 24, 24), "float32"))
    others = {f"h.{i}.attn.bias": mask.copy() for i in range(2)}
    others |= {f"h.{i}.attn.masked_bias": np.array(-1e4, "float32") for i in range(2)}
    others["lm_head.weight"] = np.ones((1, 1), "float32")
    save_file({**arrays, **others}, path)
    assert_same_weights(Backbone.from_preset(path.parent), Backbone.from_preset(folder(name)))


@pytest.mark.parametrize("name", ["gpt_causal_lm", "gpt2_causal_lm", "gpt2_classifier"])
def test_vocabulary(name):
    source = open_source(folder(name))
    tokens, merges = source.vocabulary("vocab.json"), source.vocabulary("merges.txt")
    if name == "gpt2_classifier":
        assert (tokens, merges) == (folder(name) / "vocab.json", folder(name) / "merges.txt")
        return
    assert len(tokens) == open_source(folder(name)).config["vocab_size"]
    made = {merge.replace(" ", "") for merge in merges}
    assert len(made) > 10
    assert made < set(tokens)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gpt2_causal_lm", {"scale_attn_by_inverse_layer_idx": True}, "knows only False"),
        ("gpt2_causal_lm", {"scale_attn_weights": False}, "knows only True"),
        ("gpt2_causal_lm", {"add_cross_attention": True}, "knows only False"),
        ("gpt2_causal_lm", {"tie_word_embeddings": False}, "knows only True"),
        ("gpt2_causal_lm", {"activation_function": "prelu"}, "activation_function"),
        ("gpt2_causal_lm", {"n_inner": "36"}, "intermediate_dim '36'"),
        ("gpt2_causal_lm", {"n_inner": 36}, "does not fit.*mlp.c_fc"),
        ("gpt2_causal_lm", {"n_layer": 3}, "does not fit.*missing: 'transformer.h.2."),
        ("gpt_causal_lm", {"afn": "tanh"}, "afn .* is 'tanh'"),
        ("gpt_causal_lm", {"n_embd": None}, "n_embd .* is None"),
        ("gpt_causal_lm", {"n_positions": 25}, "does not fit.*positions_embed"),
    ],
)
def test_configuration_that_cannot_be_used(copied, name, change, message):
    with pytest.raises(WeightsError, match=message):
        Backbone.from_preset(copied(name, **change))


def test_several_dropouts(copied):
    with pytest.warns(UserWarning, match=r"states attn_pdrop 0.3 and resid_pdrop 0.2;"):
        model = Backbone.from_preset(
            copied("gpt2_causal_lm", resid_pdrop=0.2, attn_pdrop=0.3, embd_pdrop=0.2)
        )
    assert model.get_config()["dropout"] == 0.2


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("gpt2")])
def test_ids_of_texts(name):
    tokenizer = preset.tokenizer(GPT2Tokenizer, open_source(folder(name)), folder(name), {}, {})
    expected = read_expected(name)
    rows = tokenizer(list(expected["texts"])).to_tensor(tokenizer.pad_id)
    np.testing.assert_array_equal(rows, expected["text_ids"])
