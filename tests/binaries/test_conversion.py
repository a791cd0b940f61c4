"""What `python -m tfzoo.convert` tells and writes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from safetensors.numpy import load_file, save_file

from tfzoo import BertClassifier, BertMaskedLM, BertPretrainer, Task, convert
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError
from tfzoo.weights.formats import open_source

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
PRETRAINER = ARTIFACTS / "garden_bert_pretrainer" / "model"


@pytest.fixture
def call(capsys):
    """A function that runs the program in this process and returns what it prints."""

    def call(*arguments):
        values = flags.FlagValues()
        convert.define_flags(values)
        parse(values, ["convert", *map(str, arguments)])
        convert.main(values)
        return capsys.readouterr().out

    return call


@pytest.fixture
def preset(tiny_bert, preprocessor, tmp_path):
    model = BertClassifier(tiny_bert(), preprocessor=preprocessor, class_names=["ham", "spam"])
    model.save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def lines(report):
    return {line[:14].strip(): line[14:] for line in report.splitlines()}


def test_inspect(call):
    assert lines(call(f"--inspect={PRETRAINER}")) == {
        "folder": str(PRETRAINER),
        "format": "model_garden",
        "family": "bert: BertBackbone",
        "task": "Pretrainer",
        "sizes": "vocabulary_size 40, num_layers 2, num_heads 4, hidden_dim 20, "
        "intermediate_dim 36, max_sequence_length 24, num_segments 2",
        "parameters": "8,292 without heads",
        "tokenizer": "BertTokenizer, 40 pieces, lowercase True",
        "heads": "masked_lm_head, next_sentence_head",
        "not read": "2: pooler_transform/bias, pooler_transform/kernel",
    }


def test_inspect_counts_the_parameters_of_the_model(call, preset):
    report = lines(call(f"--inspect={preset}"))
    model = BertClassifier.from_preset(preset)
    assert report["parameters"] == f"{model.backbone.count_params():,} without heads"
    assert (report["classes"], report["mismatches"]) == ("ham, spam", "none")


def test_inspect_tells_what_does_not_match(call, preset, capsys):
    weights = load_file(preset / "model.safetensors")
    weights["surplus"] = weights.pop("pooler/dense/bias")
    weights["embeddings/layer_norm/beta"] = weights["embeddings/layer_norm/beta"][:3]
    save_file(weights, preset / "model.safetensors")
    with pytest.raises(ConfigError, match=r"cannot load .*stands above"):
        call(f"--inspect={preset}")
    report = lines(capsys.readouterr().out)
    assert report["missing"] == "1: pooler/dense/bias"
    assert report["unexpected"] == "1: surplus"
    assert report["differing"].startswith("1: 'embeddings/layer_norm/beta' is (3,)")


def test_inspect_without_a_tokenizer(call, preset):
    (preset / "vocab.txt").unlink()
    assert lines(call(f"--inspect={preset}"))["tokenizer"] == "none"


@pytest.mark.parametrize("format", ["tfzoo", "huggingface", "google"])
def test_convert_keeps_the_task_and_its_tokenizer(call, tmp_path, format):
    printed = call(f"--from={PRETRAINER}", f"--to={tmp_path / 'new'}", f"--format={format}")
    assert printed == f"{tmp_path / 'new'}: BertPretrainer, written as {format}.\n"
    assert open_source(tmp_path / "new").format == format
    ours, theirs = (Task.from_preset(folder) for folder in (tmp_path / "new", PRETRAINER))
    assert type(ours) is BertPretrainer
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert ours.preprocessor.get_config() == theirs.preprocessor.get_config()


def test_convert_keeps_classes(call, preset, tmp_path):
    call(f"--from={preset}", f"--to={tmp_path / 'new'}", "--format=huggingface")
    assert BertClassifier.from_preset(tmp_path / "new").class_names == ["ham", "spam"]


def test_convert_leaves_heads_out_on_demand(call, tmp_path):
    call(f"--from={PRETRAINER}", f"--to={tmp_path / 'lm'}", "--task=MaskedLM")
    assert type(Task.from_preset(tmp_path / "lm")) is BertMaskedLM
    call(f"--from={PRETRAINER}", f"--to={tmp_path / 'bare'}", "--task=Backbone")
    assert not any("head" in name for name in open_source(tmp_path / "bare").tensors.specs)
    model = BertClassifier.from_preset(tmp_path / "bare")
    assert model.preprocessor.tokenizer.vocabulary_size == 40


def test_overrides_reach_the_backbone(call, tmp_path):
    assert "dropout 0.5" in call(f"--inspect={PRETRAINER}", "--override=dropout=0.5")
    call(f"--from={PRETRAINER}", f"--to={tmp_path / 'new'}", "--override=activation=gelu")
    assert Task.from_preset(tmp_path / "new").backbone.get_config()["activation"] == "gelu"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ([], ConfigError, "Give either --inspect=HANDLE, or"),
        (["--inspect=a", "--from=b", "--to=c"], ConfigError, "Give either"),
        (["--from=b"], ConfigError, "Give either"),
        ([f"--from={PRETRAINER}", "--to=c", "--task=Poet"], ConfigError, "no Poet .*MaskedLM"),
        (["--from=a", "--to=b", "--override=heads"], ConfigError, "not of the form name=value"),
        ([f"--inspect={PRETRAINER}", "--override=x=1"], ConfigError, "no argument x"),
        ([f"--inspect={PRETRAINER}", "--override=num_heads=3"], ConfigError, "heads"),
        (["--from=a", "--to=b", "--format=onnx"], ConfigError, "onnx"),
    ],
)
def test_wrong_arguments(call, arguments, error, message):
    with pytest.raises(error, match=message):
        call(*arguments)


def test_albert_is_not_mistaken_for_bert(call, reference):
    folder = reference("06_albert_tfhub_v3_encoder") / "model"
    assert lines(call(f"--inspect={folder}"))["family"] == "albert: AlbertBackbone"


def test_as_a_program(tmp_path):
    program = [sys.executable, "-m", "tfzoo.convert"]
    run = subprocess.run([*program, "--from=/nowhere", "--to=x"], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("tfzoo.convert: There is no file or folder '/nowhere'")
    assert run.stderr.count("\n") == 1
