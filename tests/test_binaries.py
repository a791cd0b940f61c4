"""The binaries that use a trained preset, as they are called."""

import io
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from tfzoo import (
    BertClassifier,
    BertMaskedLM,
    BertQuestionAnswerer,
    BertTokenClassifier,
    evaluate,
    export,
    predict,
    train,
)
from tfzoo.binaries import ask_export
from tfzoo.binaries.run import parse
from tfzoo.errors import ConfigError, DataError

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
    assert capsys.readouterr().out.startswith("4 examples, accuracy 1.0000, matthews ")
    call(evaluate, **arguments, precision="float32", json="true")
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0


@pytest.fixture
def saved(tiny_bert, preprocessor, tmp_path):
    """A function from the class of a task to a preset of it."""

    def saved(task, **arguments):
        model = task(tiny_bert(num_layers=1), preprocessor=preprocessor, **arguments)
        model.save_to_preset(tmp_path / task.__name__)
        return tmp_path / task.__name__

    return saved


def test_words_are_predicted_and_evaluated(call, saved, tmp_path, capsys):
    preset = saved(BertTokenClassifier, class_names=["O", "B-ART"])
    (tmp_path / "data.conll").write_text("we O\nsaw O\n\nfilm B-ART\n")
    call(predict, preset=preset, input=tmp_path / "data.conll", output=tmp_path / "answers")
    answers = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert [answer["words"] for answer in answers] == [["we", "saw"], ["film"]]
    assert [len(answer["labels"]) for answer in answers] == [2, 1]
    call(evaluate, preset=preset, data=tmp_path / "data.conll")
    scores = (
        r"2 examples, accuracy \d\.\d{4}, precision .*, recall .*, f1 .*, F1 of ART \d\.\d{4}\n"
    )
    assert re.fullmatch(scores, capsys.readouterr().out)
    (tmp_path / "data.conll").write_text("we O\n\nsaw O\nit B-X\n")
    with pytest.raises(DataError, match="Example 1, word 1 has the label 'B-X'"):
        call(evaluate, preset=preset, data=tmp_path / "data.conll")
    with pytest.raises(ConfigError, match="--text_pair is 1, but"):
        call(evaluate, preset=preset, data=tmp_path / "data.conll", text_pair=1)


def test_questions_are_answered_from_a_stream(call, saved, tmp_path, monkeypatch):
    preset = saved(BertQuestionAnswerer)
    lines = b"who saw it\twe saw it\nwhat\ta good film\nbad\t .\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    call(predict, preset=preset, format="tsv", output=tmp_path / "answers")
    answers = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert [answer["question"] for answer in answers] == ["who saw it", "what", "bad"]
    assert answers[0]["answer"]["text"] in "we saw it"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"what\t\n")))
    with pytest.raises(DataError, match="line 1 of the input: the context is empty"):
        call(predict, preset=preset, format="tsv", output=tmp_path / "answers")
    with pytest.raises(ConfigError, match="A line holds question and context; choose --format=tsv"):
        call(predict, preset=preset, output=tmp_path / "answers")


def test_masks_are_filled(call, saved, tmp_path, capsys):
    (tmp_path / "masked.txt").write_text("a [MASK] film [MASK]\n")
    preset = saved(BertMaskedLM)
    call(predict, preset=preset, input=tmp_path / "masked.txt", output=tmp_path / "answers")
    answer = json.loads((tmp_path / "answers").read_text())
    assert answer["text"] == "a [MASK] film [MASK]"
    assert [len(mask) for mask in answer["masks"]] == [5, 5]
    call(export, preset=preset, output=tmp_path / "export")
    ask_export.main(str(tmp_path / "export"), answer["text"])
    asked = json.loads(capsys.readouterr().out)
    expected = [[filling["token"] for filling in mask] for mask in answer["masks"]]
    assert asked == {"text": answer["text"], "tokens": expected}


def test_an_input_that_cannot_be_answered_is_counted_from_the_chunk(
    call, saved, tmp_path, monkeypatch
):
    monkeypatch.setattr(predict, "_CHUNK", 2)
    preset = saved(BertQuestionAnswerer)
    rows = ["question,context", "a,we", "a,it", "a,we", "a,\0"]
    (tmp_path / "asked.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match="behind the first 2 of the input: Context 1 has no token"):
        call(predict, preset=preset, input=tmp_path / "asked.csv", output=tmp_path / "answers")
    assert not (tmp_path / "answers").exists()


def test_export_writes_a_saved_model(call, preset, model, tmp_path):
    call(export, preset=preset, output=tmp_path / "export")
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    np.testing.assert_allclose(
        serve(text=tf.constant(TEXTS))["logits"], model.predict(TEXTS, verbose=0), atol=1e-5
    )


def test_train_hands_its_flags_on(call, monkeypatch, tmp_path):
    (tmp_path / "config.py").write_text(
        "from tfzoo.binaries.config import default_config as get_config"
    )
    monkeypatch.setattr(train, "train", lambda *given: calls.append(given))
    calls, arguments = [], {"config": tmp_path / "config.py", "workdir": tmp_path}
    call(train, **arguments)
    call(train, **arguments, strategy="mirrored", restart="true")
    assert [each[1] for each in calls] == [str(tmp_path)] * 2
    assert calls[0][2] is tf.distribute.get_strategy()
    assert isinstance(calls[1][2], tf.distribute.MirroredStrategy)
    assert [each[3:] for each in calls] == [(False, False), (True, False)]
    with pytest.raises(ConfigError, match=r"--strategy=parameter_server: value should be one of"):
        call(train, **arguments, strategy="parameter_server")
    with pytest.raises(ConfigError, match="needs TF_CONFIG or Slurm"):
        call(train, **arguments, strategy="multi_worker")


@pytest.mark.parametrize("binary", [train, evaluate, predict, export])
def test_each_binary_explains_itself(binary, call):
    assert f"python -m {binary.__name__}" in binary.__doc__
    with pytest.raises(ConfigError, match="--help tells more"):
        call(binary)
