"""BERT from the formats of TensorFlow's world: hub modules of all generations, the Model Garden."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import tfzoo
from tfzoo import BertBackbone, BertMaskedLM, BertPretrainer
from tfzoo.errors import WeightsError
from tfzoo.weights.formats import open_source

TOLERANCE = 2e-5
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
# artifact -> its format, and the kind of task that its heads make
CASES = {
    "hub_bert_2019": ("hub", None),
    "hub_bert_2020": ("hub", None),
    "hub_bert_list": ("hub", None),
    "hub_bert_mlm": ("hub", "MaskedLM"),
    "garden_bert_encoder": ("model_garden", None),
    "garden_bert_pretrainer": ("model_garden", "Pretrainer"),
    "garden_bert_v2_pretrainer": ("model_garden", "Pretrainer"),
}
WITH_HEADS = [name for name, (_, task) in CASES.items() if task]


class Case:
    """Weights, and what the original code computes with them."""

    def __init__(self, name):
        self.name = name
        folder = ARTIFACTS / name
        self.handle = next(folder.glob("model*"))
        self.expected = np.load(folder / "expected.npz")
        names = {"token_ids": "word_ids", "padding_mask": "mask", "segment_ids": "type_ids"}
        self.features = {ours: self.expected[f"input_{theirs}"] for ours, theirs in names.items()}

    def assert_equal(self, output, name):
        np.testing.assert_allclose(output, self.expected[name], rtol=0, atol=TOLERANCE)


@pytest.fixture(params=CASES)
def case(request):
    return Case(request.param)


@pytest.fixture
def module(reference, tmp_path):
    """A copy of the TF1 hub module, to be changed."""
    folder = reference("08_bert_tf1hub") / "module"
    return shutil.copytree(folder, tmp_path / "module", copy_function=shutil.copyfile)


def test_hidden_states_are_those_of_the_original(case):
    backbone = BertBackbone.from_preset(case.handle, return_encoder_outputs=True)
    outputs = backbone(case.features)
    case.assert_equal(outputs["sequence_output"], "sequence_output")
    if "encoder_outputs" in case.expected:
        case.assert_equal(np.stack(outputs["encoder_outputs"]), "encoder_outputs")
    if CASES[case.name][1] != "Pretrainer":  # whose trained pooler is another than its encoder's
        case.assert_equal(outputs["pooled_output"], "pooled_output")


def test_detected_from_the_folder_alone(case):
    folder = case.handle
    if folder.is_file():
        folder = tfzoo.weights.resolve.resolve(folder)
    source = open_source(folder)
    assert (source.format, source.task) == (CASES[case.name][0], None)
    assert source.asset("vocab.txt").is_file()
    assert not any("optimizer" in name.lower() or "Adam" in name for name in source.tensors.specs)


@pytest.mark.parametrize("name", WITH_HEADS)
def test_masked_lm_head(name):
    case = Case(name)
    model = BertMaskedLM.from_preset(case.handle)
    positions = case.expected["masked_lm_positions"]
    case.assert_equal(model({**case.features, "masked_positions": positions}), "mlm_logits")


@pytest.mark.parametrize("name", ["garden_bert_pretrainer", "garden_bert_v2_pretrainer"])
def test_next_sentence_head_with_its_own_pooler(name):
    case = Case(name)
    model = BertPretrainer.from_preset(case.handle)
    case.assert_equal(model(case.features)["next_sentence"], "next_sentence")


@pytest.mark.parametrize("name", WITH_HEADS)
def test_task_without_a_name_is_that_of_the_heads(name):
    model = tfzoo.Task.from_preset(Case(name).handle)
    assert type(model).__name__ == f"Bert{CASES[name][1]}"
    assert model.preprocessor.tokenizer.vocabulary_size == 40


def test_task_without_heads_is_refused():
    with pytest.raises(WeightsError, match="without the heads of a task; choose the class"):
        tfzoo.Task.from_preset(Case("hub_bert_list").handle)


def test_of_several_checkpoints_the_newest_is_read(tmp_path):
    case = Case("garden_bert_encoder")
    folder = shutil.copytree(case.handle, tmp_path / "model")
    for path in folder.glob("*.index"):
        (folder / "ckpt-9.index").write_bytes(path.read_bytes()[:-1])
        named = path.stem
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "/home/them/run/{named}"\nall_model_checkpoint_paths: "ckpt-9"\n'
    )
    backbone = BertBackbone.from_preset(folder)
    case.assert_equal(backbone(case.features)["sequence_output"], "sequence_output")
    (folder / "checkpoint").unlink()
    with pytest.raises(WeightsError, match=r"several checkpoints \(.*ckpt-9.*says which is meant"):
        BertBackbone.from_preset(folder)


def test_heads_that_are_in_no_axis_are_refused():
    with pytest.raises(WeightsError, match=r"all attention heads in one axis.*HubLayer"):
        BertBackbone.from_preset(Case("hub_bert_2019_flat").handle)


@pytest.mark.parametrize("kind", ["", "long_"])
def test_tf1_hub_module(reference, kind):
    folder = reference("08_bert_tf1hub")
    inputs, expected = np.load(folder / "inputs.npz"), np.load(folder / "expected.npz")
    names = {"token_ids": "word_ids", "padding_mask": "mask", "segment_ids": "type_ids"}
    features = {ours: inputs[f"{kind}input_{theirs}"] for ours, theirs in names.items()}
    outputs = BertBackbone.from_preset(folder / "module")(features)
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(
            outputs[name], expected[f"{kind}tokens/{name}"], rtol=0, atol=TOLERANCE
        )
    model = tfzoo.Task.from_preset(folder / "module")
    assert type(model) is BertMaskedLM
    logits = model({**features, "masked_positions": inputs[f"{kind}masked_lm_positions"]})
    np.testing.assert_allclose(
        np.reshape(logits, (-1, logits.shape[-1])),
        expected[f"{kind}mlm/mlm_logits"],
        rtol=0,
        atol=TOLERANCE,
    )
    assert model.preprocessor.tokenizer.lowercase is True


def test_heads_of_a_tf1_hub_module_may_be_stated(module):
    assert BertBackbone.from_preset(module, num_heads=4).get_config()["num_heads"] == 4
    graph = module / "saved_model.pb"
    graph.write_bytes(graph.read_bytes().replace(b"/self/Mul/y", b"/self/Num/y"))
    assert BertBackbone.from_preset(module, num_heads=2).get_config()["num_heads"] == 2
    with pytest.raises(WeightsError, match="does not say what num_heads"):
        BertBackbone.from_preset(module)
