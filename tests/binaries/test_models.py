"""Which task a name, a preset and some data make."""

import pytest

from tfzoo import BertClassifier, BertMaskedLM, Classifier
from tfzoo.binaries.models import new_task, task_class, trained_task
from tfzoo.data import Examples
from tfzoo.errors import ConfigError, DataError, HandleError, WeightsError


@pytest.fixture
def preset(tiny_bert, preprocessor, tmp_path):
    BertMaskedLM(tiny_bert(), preprocessor).save_to_preset(tmp_path / "preset")
    return str(tmp_path / "preset")


def new(preset, labels, **arguments):
    examples = Examples(["good"] * len(labels), label=labels)
    return new_task(BertClassifier, preset, arguments, "float32", examples)


def test_classes_come_from_the_data_unless_they_are_stated(preset):
    assert new(preset, ["spam", "ham"]).class_names == ["ham", "spam"]
    assert new(preset, ["spam"], class_names=("spam", "ham")).class_names == ["spam", "ham"]
    assert new(preset, [1, 0], num_classes=3).num_classes == 3
    assert new(preset, [0.5, 7.5], problem_type="regression").num_classes == 1


def test_a_task_without_a_family_takes_that_of_the_weights(preset):
    examples = Examples(["good", "bad"], label=["ham", "spam"])
    model = new_task(Classifier, preset, {}, "float32", examples)
    assert (type(model), model.class_names) == (BertClassifier, ["ham", "spam"])


def test_the_precision_is_that_of_the_whole_model(preset):
    examples = Examples(["good", "bad"], label=[0, 1])
    model = new_task(BertClassifier, preset, {}, "mixed_bfloat16", examples)
    assert model.classification_head.compute_dtype == "bfloat16"
    model.save_to_preset(preset)
    assert trained_task(preset, "float32").classification_head.compute_dtype == "float32"


def test_data_that_no_classifier_learns_from(preset):
    with pytest.raises(DataError, match="All training examples have the label 'ham'"):
        new(preset, ["ham", "ham"])


def test_an_unknown_task_is_named():
    assert task_class("BertMaskedLM") is BertMaskedLM
    assert task_class("Classifier") is Classifier
    for name in ("BertClasifier", "Pretrainer", "Task", "BertBackbone"):
        with pytest.raises(ConfigError, match=f"'{name}' is no task .*BertClassifier"):
            task_class(name)


def test_a_trained_task_has_the_class_it_was_saved_from(preset):
    assert type(trained_task(preset, "float32")) is BertMaskedLM


def test_weights_without_a_task_are_turned_down(tiny_bert, tmp_path):
    tiny_bert().save_to_preset(tmp_path)
    for handle in (str(tmp_path), "bert_tiny_en_uncased"):
        with pytest.raises(WeightsError, match=f"{handle} holds no trained task; train one with"):
            trained_task(handle, "float32")
    with pytest.raises(HandleError, match="There is no file or folder 'nothing'"):
        trained_task("nothing", "float32")
