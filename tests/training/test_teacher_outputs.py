"""Logits on disk: read where they fit, and computed where they do not."""

import numpy as np
import pytest

from tfzoo import BertClassifier
from tfzoo.errors import ConfigError
from tfzoo.training import strategies, tracing
from tfzoo.training.teacher_outputs import cached_outputs

TEXTS = ["a film", "good", "was it very good !"]


@pytest.fixture
def teacher(tiny_bert, preprocessor, monkeypatch):
    teacher = BertClassifier(tiny_bert(num_layers=1), preprocessor=preprocessor)
    teacher.asked = 0

    def lengths(batches, verbose):  # in place of logits
        teacher.asked += 1
        lengths = np.concatenate([x["padding_mask"].numpy().sum(axis=1) for x in batches])
        return np.stack([lengths, -lengths], axis=1).astype(np.float64)

    monkeypatch.setattr(teacher, "predict", lengths)
    monkeypatch.setattr(tracing, "trace_predict", lambda *_: None)
    return teacher


def test_logits_are_computed_once_and_have_the_order_of_the_texts(teacher, preprocessor, tmp_path):
    for _ in range(2):
        logits = cached_outputs(teacher, preprocessor, TEXTS, tmp_path / "new" / "cache")
        assert logits.dtype == np.float32
        assert logits.tolist() == [[4, -4], [3, -3], [7, -7]]
    assert teacher.asked == 1
    assert len(list((tmp_path / "new" / "cache").iterdir())) == 1


def test_whatever_decides_the_logits_decides_the_file(teacher, preprocessor, tmp_path):
    def ask(texts=TEXTS, preprocessor=preprocessor):
        cached_outputs(teacher, preprocessor, texts, tmp_path)
        return teacher.asked

    shorter = type(preprocessor)(preprocessor.tokenizer, 8)
    assert ask() == 1
    assert ask(TEXTS[::-1]) == 2
    assert ask(["a filmg", "ood", "was it very good !"]) == 3
    assert ask((TEXTS, TEXTS)) == 4
    assert ask(preprocessor=shorter) == 5
    teacher.backbone.token_embedding.embeddings.assign_add([[0.001] * 16] * 23)
    assert ask() == 6
    assert ask(TEXTS[::-1]) == 7
    assert ask() == 7


def test_a_damaged_file_is_written_anew(teacher, preprocessor, tmp_path):
    expected = cached_outputs(teacher, preprocessor, TEXTS, tmp_path)
    (file,) = tmp_path.iterdir()
    contents = file.read_bytes()
    for damaged in (contents[:-1], b"", b"PK\x03\x04", b"no array"):
        file.write_bytes(damaged)
        again = cached_outputs(teacher, preprocessor, TEXTS, tmp_path)
        np.testing.assert_array_equal(again, expected)
        assert file.read_bytes() == contents
    np.save(file, expected[:2])
    assert len(cached_outputs(teacher, preprocessor, TEXTS, tmp_path)) == 3
    assert teacher.asked == 6


def test_workers_compute_together(teacher, preprocessor, tmp_path, monkeypatch):
    """Where another one has no file, which waits for this one."""
    cached_outputs(teacher, preprocessor, TEXTS, tmp_path)
    for another_lacks_it, asked in ((False, 1), (True, 2)):
        monkeypatch.setattr(strategies, "agreed", lambda _, mine, its=another_lacks_it: mine or its)
        cached_outputs(teacher, preprocessor, TEXTS, tmp_path)
        assert teacher.asked == asked


def test_a_file_where_the_folder_should_be(teacher, preprocessor, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(ConfigError, match=r"cache .*cannot be written"):
        cached_outputs(teacher, preprocessor, TEXTS, tmp_path / "cache")
