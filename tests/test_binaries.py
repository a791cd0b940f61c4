"""The binaries that use a trained preset, as they are called."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from tfzoo import BertClassifier, BertMaskedLM, evaluate, export, predict, train
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError

TEXTS = ["a good film !", "", "we saw it", "awful , awful play"]


@pytest.fixture(scope="module")
def model(tiny_bert, preprocessor):
    return BertClassifier(tiny_bert(), preprocessor=preprocessor, class_names=["ham", "spam"])


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "best"
    model.save_to_preset(folder)
    return folder


@pytest.fixture
def call(monkeypatch):
    """A function that runs a binary's main in this process."""

    def call(binary, **arguments):
        argv = ["program", *(f"--{name}={value}" for name, value in arguments.items())]
        monkeypatch.setattr(sys, "argv", argv)
        values = flags.FlagValues()
        binary.define_flags(values)
        parse(values, argv)
        binary.main(values)

    return call


@pytest.fixture
def answers(call, preset, tmp_path):
    """A function from a file's name, content and columns to the answers that predict writes."""

    def answers(name, content, **columns):
        (tmp_path / name).write_text(content)
        output = tmp_path / "answers.jsonl"
        call(
            predict,
            preset=preset,
            precision="float32",
            input=tmp_path / name,
            output=output,
            **columns,
        )
        return [json.loads(line) for line in output.read_text().splitlines()]

    return answers


def test_predict_answers_in_order(answers, model, monkeypatch):
    monkeypatch.setattr(predict, "_CHUNK", 3)
    found = answers("texts.txt", "\n".join(TEXTS))
    assert [answer.pop("text") for answer in found] == TEXTS
    expected = model.classify(TEXTS)
    assert [answer["label"] for answer in found] == [answer["label"] for answer in expected]
    for one, other in zip(found, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_predict_takes_pairs(answers, model):
    pairs = [("a good film", "bad"), ("we saw it", "")]
    found = answers("pairs.tsv", "\n".join(map("\t".join, pairs)), text=0, text_pair=1)
    assert [(answer["text"], answer["text_pair"]) for answer in found] == pairs
    expected = model.classify(tuple(map(list, zip(*pairs, strict=True))))
    assert [answer["label"] for answer in found] == [answer["label"] for answer in expected]


def test_predict_wants_a_classifier(call, tiny_bert, preprocessor, tmp_path):
    BertMaskedLM(tiny_bert(), preprocessor).save_to_preset(tmp_path / "preset")
    with pytest.raises(ConfigError, match="holds a BertMaskedLM, not a classifier"):
        call(predict, preset=tmp_path / "preset", output=tmp_path / "answers")
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]


def test_predict_streams_and_ends_with_its_reader(preset):
    """As `yes | python -m tfzoo.predict | head -2`: no traceback, and it does not read on."""
    command = [sys.executable, "-m", "tfzoo.predict", f"--preset={preset}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(b"a good film\nbad\n")
        process.stdin.flush()
        first = [json.loads(process.stdout.readline())["text"] for _ in range(2)]
        process.stdout.close()
        process.stdin.write(b"we saw it\n")
        process.stdin.flush()
        status = process.wait(timeout=30)
        error = process.stderr.read().decode()
    assert first == ["a good film", "bad"]
    assert status == 141
    assert "Traceback" not in error


def test_evaluate_prints_scores(call, preset, model, tmp_path, capsys):
    labels = [answer["label"] for answer in model.classify(TEXTS)]
    rows = [json.dumps({"sms": t, "kind": k}) for t, k in zip(TEXTS, labels, strict=True)]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    arguments = {"preset": preset, "data": tmp_path / "data.jsonl", "text": "sms", "label": "kind"}
    call(evaluate, **arguments, precision="float32")
    assert capsys.readouterr().out.startswith("4 examples, accuracy 1.0000, F1 of ham")
    call(evaluate, **arguments, precision="float32", json="true")
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0


def test_export_writes_a_saved_model(call, preset, model, tmp_path):
    call(export, preset=preset, output=tmp_path / "export")
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    np.testing.assert_allclose(
        serve(text=tf.constant(TEXTS))["logits"], model.predict(TEXTS, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize("binary", [train, evaluate, predict, export])
def test_each_binary_explains_itself(binary, call):
    assert f"python -m {binary.__name__}" in binary.__doc__
    with pytest.raises(ConfigError, match="--help tells more"):
        call(binary)
