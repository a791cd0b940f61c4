"""Students made of some of their teacher's layers."""

import numpy as np
import pytest

from tfzoo import AlbertBackbone, AlbertMaskedLM, BertClassifier, ElectraPretrainer
from tfzoo.errors import ConfigError
from tfzoo.models import ElectraBackbone
from tfzoo.tasks import AlbertClassifier, BertMultipleChoice
from tfzoo.training import shrink

FEATURES = {"token_ids": np.array([[2, 7, 8, 3], [2, 9, 3, 1]])}


def albert(**sizes):
    return AlbertBackbone(
        **{
            "vocabulary_size": 30,
            "num_layers": 4,
            "num_heads": 2,
            "hidden_dim": 8,
            "intermediate_dim": 16,
            **sizes,
        }
    )


def test_all_layers_make_a_copy(tiny_bert, preprocessor):
    teacher = BertClassifier(
        tiny_bert(num_layers=3), preprocessor=preprocessor, class_names=["no", "yes"], dropout=0.3
    )
    twin = shrink(teacher, num_layers=3)
    assert twin.class_names == ["no", "yes"]
    assert twin.preprocessor is preprocessor
    assert twin.dropout == 0.3
    np.testing.assert_array_equal(twin(FEATURES), teacher(FEATURES))


@pytest.mark.parametrize(
    ("choice", "kept"), [({"num_layers": 2}, [1, 3]), ({"layers": [3, 0]}, [3, 0])]
)
def test_the_chosen_layers_are_kept_in_their_order(tiny_bert, choice, kept):
    teacher = BertClassifier(tiny_bert(num_layers=4))
    student = shrink(teacher, **choice)
    for layer, i in zip(student.backbone.encoder.layers, kept, strict=True):
        theirs = teacher.backbone.encoder.layers[i].get_weights()
        assert all(map(np.array_equal, layer.get_weights(), theirs))
    assert len(student.weights) < len(teacher.weights)
    student.backbone.pooler.dense.kernel.assign_add([[1.0] * 16] * 16)
    assert not np.array_equal(student(FEATURES), teacher(FEATURES))


def test_shared_layers_stay_shared():
    teacher = AlbertMaskedLM(albert())
    student = shrink(teacher, num_layers=2)
    assert len(student.backbone.encoder.layers) == 2
    assert student.count_params() == teacher.count_params()
    assert all(map(np.array_equal, student.get_weights(), teacher.get_weights()))


def test_groups_and_inner_layers_are_kept_whole():
    teacher = AlbertClassifier(albert(num_groups=2, num_inner_repetitions=2))
    student = shrink(teacher, num_layers=2)
    mine, theirs = student.backbone.encoder, teacher.backbone.encoder
    assert (len(mine.layers), len(mine.groups)) == (4, 4)
    for layer, source in zip(mine.layers, theirs.layers[2:4] + theirs.layers[6:8], strict=True):
        assert all(map(np.array_equal, layer.get_weights(), source.get_weights()))
    with pytest.raises(ConfigError, match="as many of each group"):
        shrink(teacher, layers=[0, 2, 3])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "either"),
        ({"num_layers": 1, "layers": [0]}, "either"),
        ({"num_layers": 3}, "3 layers cannot be chosen: the teacher has 2"),
        ({"num_layers": 0}, "cannot be chosen"),
        ({"layers": []}, "no layers of the teacher"),
        ({"layers": [0, 2]}, "numbered 0 to 1"),
    ],
)
def test_layers_that_are_not_there(tiny_bert, choice, message):
    with pytest.raises(ConfigError, match=message):
        shrink(BertClassifier(tiny_bert()), **choice)


def test_a_task_with_a_call_of_its_own(tiny_bert):
    teacher = BertMultipleChoice(tiny_bert())
    student = shrink(teacher, num_layers=1)
    assert type(student) is BertMultipleChoice
    assert student.backbone.encoder.num_layers == 1


def test_a_teacher_with_two_backbones_is_turned_down():
    sizes = {"vocabulary_size": 30, "num_layers": 2, "num_heads": 4, "hidden_dim": 8}
    teacher = ElectraPretrainer(ElectraBackbone(**sizes, intermediate_dim=16))
    with pytest.raises(ConfigError, match="has more than one backbone"):
        shrink(teacher, num_layers=1)


def test_a_teacher_with_lora_is_turned_down(tiny_bert):
    teacher = BertClassifier(tiny_bert())
    teacher.backbone.enable_lora(rank=2)
    with pytest.raises(ConfigError, match="other variables than a new one"):
        shrink(teacher, num_layers=1)
