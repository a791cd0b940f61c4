"""An experiment whose preset is the teacher of a smaller model."""

from itertools import permutations

import pytest

from tfzoo import BertClassifier
from tfzoo.binaries import experiment
from tfzoo.binaries.models import trained_task
from tfzoo.errors import ConfigError


@pytest.fixture
def config(config_of, tiny_bert, preprocessor, tmp_path):
    teacher = BertClassifier(tiny_bert(), preprocessor=preprocessor, class_names=["ham", "spam"])
    teacher.save_to_preset(tmp_path / "teacher")
    words = {"ham": ["we", "saw", "it", "the"], "spam": ["great", "good", "very", "!"]}
    rows = [(label, *row) for label in words for row in permutations(words[label], 3)]
    lines = [f"{label},{' '.join(row)}" for label, *row in rows]
    (tmp_path / "data.csv").write_text("\n".join(["label,text", *lines]))
    config = config_of("Classifier", tmp_path / "data.csv")
    config.preset = str(tmp_path / "teacher")
    config.distil.num_layers = 1
    config.distil.label_weight = 0.9  # the teacher has learned nothing
    config.train.batch_size = 8
    return config


def test_a_smaller_task_learns_from_the_preset(config, trained):
    run = trained(config)
    student = trained_task(run.best, "float32")
    assert type(student) is BertClassifier
    assert student.class_names == ["ham", "spam"]
    assert student.backbone.encoder.num_layers == 1
    assert run.test["accuracy"] > 0.9
    assert (run.export / "saved_model.pb").is_file()


def test_a_teacher_of_another_task(config, tmp_path):
    config.task = "RobertaClassifier"
    with pytest.raises(ConfigError, match=r"is a BertClassifier, and config.task is Roberta"):
        experiment.train(config, str(tmp_path / "workdir"))
