"""ALBERT as its authors and TensorFlow published it: checkpoints, hub modules, the Model Garden."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import tfzoo
from tfzoo import (
    AlbertBackbone,
    AlbertMaskedLM,
    AlbertPretrainer,
    Backbone,
    BertBackbone,
    Task,
)
from tfzoo.binaries.conversion import describe
from tfzoo.errors import ConfigError, WeightsError
from tfzoo.weights.checkpoint import Checkpoint
from tfzoo.weights.formats import open_source
from tfzoo.weights.preset import open_preset
from tfzoo.weights.shapes import variables

TOLERANCE = 2e-5
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
CHECKPOINT, HUB, HUB1 = (
    "05_albert_v2_tf1_checkpoint",
    "06_albert_tfhub_v3_encoder",
    "09_albert_tf1hub",
)
FOLDERS = {CHECKPOINT: ".", HUB: "model", HUB1: "module"}
PIECES = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
NAMES = {"token_ids": "word_ids", "padding_mask": "mask", "segment_ids": "type_ids"}


def close(ours, theirs):
    assert np.abs(theirs).max() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def features(arrays, prefix=""):
    return {ours: arrays[f"{prefix}input_{theirs}"] for ours, theirs in NAMES.items()}


def inputs_and_expected(folder):
    return np.load(folder / "inputs.npz"), np.load(folder / "expected.npz")


@pytest.mark.parametrize("prefix", ["", "long_"])
@pytest.mark.parametrize("case", FOLDERS)
def test_hidden_states_of_reference_cases(reference, case, prefix):
    inputs, expected = inputs_and_expected(reference(case))
    model = Backbone.from_preset(reference(case) / FOLDERS[case], return_encoder_outputs=True)
    assert type(model) is AlbertBackbone
    outputs = model(features(inputs, prefix))
    scope = f"{prefix}tokens/" if case == HUB1 else prefix
    for name in ("sequence_output", "pooled_output"):
        close(outputs[name], expected[scope + name])
    assert len(outputs["encoder_outputs"]) == 3
    if case != HUB1:
        for layer, output in enumerate(outputs["encoder_outputs"]):
            close(output, expected[f"{prefix}encoder_outputs_{layer}"])


FAMILIES = {
    AlbertBackbone: [*FOLDERS, "hub_albert_mlm", "garden_albert_encoder", "albert_pretraining"],
    BertBackbone: [
        "01_bert_tf1_checkpoint",
        "02_bert_tfhub_v4_encoder",
        "08_bert_tf1hub",
        "hub_bert_2019",
        "hub_bert_2020",
        "hub_bert_list",
        "hub_bert_mlm",
        "garden_bert_encoder",
        "garden_bert_pretrainer",
        "garden_bert_v2_pretrainer",
        "huggingface_pretraining",
        "huggingface_masked_lm",
    ],
}


@pytest.mark.parametrize(
    ("family", "case"), [(family, case) for family, cases in FAMILIES.items() for case in cases]
)
def test_the_family_is_chosen_from_the_weights(reference, family, case):
    folder = reference(case) if case[0].isdigit() else ARTIFACTS / case
    inside = [folder / name for name in ("model", "module", "model.tar.gz")]
    handle = next((path for path in inside if path.exists()), folder)
    assert open_preset(Backbone.choices(), handle)[0] is family
    (other,) = FAMILIES.keys() - {family}
    with pytest.raises(WeightsError, match=f"which {other.__name__} does not read"):
        open_preset([other], handle)
    assert type(tfzoo.Classifier.from_preset(handle, load_weights=False).backbone) is family


@pytest.mark.parametrize("prefix", ["", "long_"])
def test_heads_of_the_original_checkpoint(reference, prefix):
    folder = reference(CHECKPOINT)
    inputs, expected = inputs_and_expected(folder)
    model = Task.from_preset(folder)
    assert type(model) is AlbertPretrainer
    positions = inputs[f"{prefix}masked_lm_positions"]
    outputs = model({**features(inputs, prefix), "masked_positions": positions})
    close(outputs["masked_lm"], expected[f"{prefix}mlm_logits"])
    close(outputs["next_sentence"], expected[f"{prefix}sop_logits"])


@pytest.mark.parametrize("prefix", ["", "long_"])
def test_heads_of_the_tf1_hub_module(reference, prefix):
    inputs, expected = inputs_and_expected(reference(HUB1))
    model = Task.from_preset(reference(HUB1) / "module")
    assert type(model) is AlbertPretrainer
    positions = inputs[f"{prefix}masked_lm_positions"]
    outputs = model({**features(inputs, prefix), "masked_positions": positions})
    logits = np.reshape(outputs["masked_lm"], (-1, 260))
    close(logits, expected[f"{prefix}mlm/mlm_logits"])
    log_probabilities = keras.ops.log_softmax(outputs["next_sentence"])
    close(log_probabilities, expected[f"{prefix}sop/sop_log_probs"])


def test_embeddings_of_the_original_checkpoint(reference):
    inputs, expected = inputs_and_expected(reference(CHECKPOINT))
    layer = AlbertBackbone.from_preset(reference(CHECKPOINT)).embeddings
    ids = features(inputs)["token_ids"]
    close(layer.token_embedding(ids), expected["word_embedding_output"])
    projected = layer(ids, segment_ids=features(inputs)["segment_ids"])
    close(projected, layer.projection(expected["embedding_output"]))


@pytest.mark.parametrize("case", FOLDERS)
def test_tokenizer_of_reference_cases(reference, case):
    """All three hold the same SentencePiece model."""
    tokenizer = tfzoo.Classifier.from_preset(reference(case) / FOLDERS[case]).preprocessor.tokenizer
    cases = json.loads((reference(CHECKPOINT) / "tokenizer_cases.json").read_text())
    cases = [each for each in cases if each["do_lower_case"]]
    ids = tokenizer([each["text"] for each in cases]).to_list()
    assert ids == [each["ids"] for each in cases]
    assert len(cases) == 7


@pytest.mark.parametrize(
    ("case", "sizes", "heads"),
    [
        (CHECKPOINT, "num_groups 1, num_inner_repetitions 1", "masked_lm_head, next_sentence_head"),
        (HUB, "num_layers 3", "none"),
        (HUB1, "embedding_dim 16", "masked_lm_head, next_sentence_head"),
    ],
)
def test_inspect(reference, case, sizes, heads):
    report, fits = describe(str(reference(case) / FOLDERS[case]), {})
    lines = {line[:14].strip(): line[14:] for line in report.splitlines()}
    assert fits
    assert lines["family"] == "albert: AlbertBackbone"
    assert sizes in lines["sizes"]
    assert (lines["heads"], lines["mismatches"]) == (heads, "none")
    assert lines["parameters"] == "15,392 without heads"
    assert lines["tokenizer"] == "AlbertTokenizer, 260 pieces, lowercase True"


def test_masked_lm_of_a_hub_module():
    expected = np.load(ARTIFACTS / "hub_albert_mlm" / "expected.npz")
    handle = ARTIFACTS / "hub_albert_mlm" / "model.tar.gz"
    model = Task.from_preset(handle, return_encoder_outputs=True)
    assert type(model) is AlbertMaskedLM
    inputs = features(expected)
    outputs = model.backbone(inputs)
    for name in ("sequence_output", "pooled_output"):
        close(outputs[name], expected[name])
    close(np.stack(outputs["encoder_outputs"]), expected["encoder_outputs"])
    logits = model({**inputs, "masked_positions": expected["masked_lm_positions"]})
    close(logits, expected["mlm_logits"])


def test_encoder_of_the_model_garden():
    folder = ARTIFACTS / "garden_albert_encoder"
    expected = np.load(folder / "expected.npz")
    model = Backbone.from_preset(folder / "model", return_encoder_outputs=True)
    assert type(model) is AlbertBackbone
    assert open_source(folder / "model").format == "model_garden"
    outputs = model(features(expected))
    close(outputs["sequence_output"], expected["sequence_output"])
    close(outputs["pooled_output"], expected["pooled_output"])
    close(np.stack(outputs["encoder_outputs"]), expected["encoder_outputs"])


def test_model_garden_without_a_configuration(tmp_path):
    folder = shutil.copytree(ARTIFACTS / "garden_albert_encoder" / "model", tmp_path / "model")
    (folder / "albert_config.json").unlink()
    with pytest.raises(WeightsError, match="does not say what num_layers of its AlbertBackbone"):
        Backbone.from_preset(folder)
    expected = np.load(ARTIFACTS / "garden_albert_encoder" / "expected.npz")
    outputs = AlbertBackbone.from_preset(folder, num_layers=2)(features(expected))
    close(outputs["sequence_output"], expected["sequence_output"])


@pytest.fixture
def module(reference, tmp_path):
    """A copy of the TF1 hub module, to be changed."""
    folder = reference(HUB1) / "module"
    return shutil.copytree(folder, tmp_path / "module", copy_function=shutil.copyfile)


def test_tf1_hub_module_without_its_configuration(reference, module):
    """Layers are counted, and heads read, in its graph."""
    stated = AlbertBackbone.from_preset(module).get_config()
    (module / "assets" / "albert_config.json").unlink()
    model = AlbertBackbone.from_preset(module)
    assert {**model.get_config(), "name": stated["name"]} == stated
    inputs, expected = inputs_and_expected(reference(HUB1))
    close(model(features(inputs))["sequence_output"], expected["tokens/sequence_output"])
    graph = module / "saved_model.pb"
    graph.write_bytes(graph.read_bytes().replace(b"/self/Mul/y", b"/self/Num/y"))
    with pytest.raises(WeightsError, match="does not say what num_heads, num_layers of its Albert"):
        AlbertBackbone.from_preset(module)
    model = AlbertBackbone.from_preset(module, num_layers=3, num_heads=2)
    close(model(features(inputs))["sequence_output"], expected["tokens/sequence_output"])


def test_the_original_checkpoint_is_written_as_it_was(reference, tmp_path):
    original = reference(CHECKPOINT)
    AlbertPretrainer.from_preset(original).save_to_preset(tmp_path / "new", format="google")
    theirs = Checkpoint(original / "model.ckpt-best")
    ours = Checkpoint(tmp_path / "new" / "albert_model.ckpt")
    assert ours.specs == theirs.specs
    for name in theirs.specs:
        np.testing.assert_array_equal(ours.read(name), theirs.read(name), err_msg=name)
    model = "30k-clean.model"
    assert (tmp_path / "new" / model).read_bytes() == (original / model).read_bytes()
    written, config = (
        json.loads((folder / "albert_config.json").read_text())
        for folder in (tmp_path / "new", original)
    )
    assert config.items() >= written.items()
    assert len(written) == 14


@pytest.mark.parametrize("format", ["tfzoo", "google", "huggingface"])
@pytest.mark.parametrize("case", FOLDERS)
def test_there_and_back(reference, case, format, tmp_path):
    has_heads = case != HUB
    entry = Task if has_heads else Backbone
    model = entry.from_preset(reference(case) / FOLDERS[case])
    model.save_to_preset(tmp_path / "saved", format=format)
    again = entry.from_preset(tmp_path / "saved")
    assert type(again) is type(model)
    assert open_source(tmp_path / "saved").format == format
    ours, theirs = variables(again), variables(model)
    assert ours.keys() == theirs.keys()
    for path, variable in theirs.items():
        np.testing.assert_array_equal(ours[path], variable, err_msg=path)
    if has_heads:
        assert (
            again.preprocessor.tokenizer.get_config() == model.preprocessor.tokenizer.get_config()
        )


def sizes(**changes):
    return {
        "vocabulary_size": 9,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "embedding_dim": 4,
        "num_groups": 2,
        "num_inner_repetitions": 2,
        "max_sequence_length": 6,
        **changes,
    }


@pytest.mark.parametrize("format", ["google", "huggingface"])
def test_groups_there_and_back(format, tmp_path):
    model = AlbertBackbone(**sizes())
    model.save_to_preset(tmp_path / "saved", format=format)
    again = Backbone.from_preset(tmp_path / "saved")
    assert {**again.get_config(), "name": model.name} == model.get_config()
    for path, variable in variables(model).items():
        np.testing.assert_array_equal(variables(again)[path], variable, err_msg=path)
    names = open_source(tmp_path / "saved").tensors.specs
    wanted = {
        "google": "bert/encoder/transformer/group_1/inner_group_0/ffn_1/intermediate/dense/bias",
        "huggingface": "albert.encoder.albert_layer_groups.1.albert_layers.0.ffn.bias",
    }
    assert wanted[format] in names


def test_embeddings_without_a_projection(tmp_path):
    """Google's code makes none where sizes are equal, that of transformers always does."""
    model = AlbertBackbone(**sizes(embedding_dim=None))
    model.save_to_preset(tmp_path / "google", format="google")
    assert Backbone.from_preset(tmp_path / "google").embeddings.embedding_dim is None
    with pytest.raises(ConfigError, match="cannot say that a model has embedding_dim=None"):
        model.save_to_preset(tmp_path / "huggingface", format="huggingface")
    model = AlbertBackbone(**sizes(embedding_dim=8))
    model.save_to_preset(tmp_path / "huggingface", format="huggingface")
    assert Backbone.from_preset(tmp_path / "huggingface").embeddings.embedding_dim == 8
    with pytest.raises(ConfigError, match="cannot say that a model has embedding_dim=8"):
        model.save_to_preset(tmp_path / "again", format="google")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_groups": 4}, "num_groups is 4, and there are only 3 layers"),
        ({"num_hidden_groups": 10**6}, "num_hidden_groups .* is 1000000"),
        ({"inner_group_num": 2.5}, "num_inner_repetitions 2.5"),
        ({"inner_group_num": 100}, "inner_group_num .* is 100"),
        ({"embedding_size": None}, "embedding_size .* is None"),
        ({"hidden_act": "gelu_new"}, "hidden_act .* is 'gelu_new'"),
        ({"embedding_size": 17}, "does not fit.*word_embeddings"),
        ({"num_hidden_groups": 2}, "does not fit.*missing.*group_1"),
    ],
)
def test_configuration_that_cannot_be_used(reference, tmp_path, change, message):
    folder = reference(CHECKPOINT)
    for path in folder.glob("model.ckpt-best.*"):
        shutil.copyfile(path, tmp_path / path.name)
    config = json.loads((folder / "albert_config.json").read_text())
    (tmp_path / "albert_config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises((WeightsError, ConfigError), match=message):
        Backbone.from_preset(tmp_path)
