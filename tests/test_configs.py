"""The configs of TFDS datasets: their columns are there, and give what tasks learn from."""

from pathlib import Path

import pytest

from tfzoo.binaries.config import check_values, load_config
from tfzoo.binaries.kinds import kind_of
from tfzoo.binaries.models import task_class
from tfzoo.binaries.splits import read_splits
from tfzoo.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / "configs"
GLUE = ["cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli"]
tfds = pytest.importorskip("tensorflow_datasets")


def load(name):
    """A config that has been checked as far as it can be without data, and its kind of task."""
    config = load_config(str(CONFIGS / name))
    kind = kind_of(task_class(config.task))
    check_values(config)
    kind.check_config(config)
    return config, kind


def builder_of(source, folder):
    """The installed builder of a `tfds:name/config:split`, and the name of the split."""
    _, name, split = source.split(":")
    name, _, variant = name.partition("/")
    builder = tfds.builder_cls(name)
    return builder(config=variant or None, data_dir=str(folder)), split


@pytest.mark.parametrize("task", GLUE)
def test_columns_of_glue(task, tmp_path):
    config, _ = load(f"bert_glue.py:{task}")
    builder, _ = builder_of(config.data.train, tmp_path)
    texts = [text for text in (config.data.text, config.data.text_pair) if text is not None]
    assert texts == [*builder.builder_config.text_features]
    assert {*texts, "label"} < builder.info.features.keys()
    expected = "validation_matched" if task == "mnli" else "validation"
    assert config.data.test == f"tfds:glue/{task}:{expected}"


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("stsb", {"num_classes": 1}),
        ("mnli", {"class_names": ["entailment", "neutral", "contradiction"]}),
    ],
)
def test_what_is_learned_from_glue(task, expected):
    config, kind = load(f"bert_glue.py:{task}")
    with tfds.testing.mock_data(num_examples=40):
        parts = read_splits(kind, config.data)
    assert len(parts["test"]) == 40
    assert len(parts["train"]) + len(parts["validation"]) == 40
    assert kind.settings(config.model.to_dict(), parts["train"]).items() > expected.items()


@pytest.mark.parametrize("version", ["v1.1", "v2.0"])
def test_squad(version, tmp_path):
    config, _ = load(f"bert_squad.py:{version}")
    builder, _ = builder_of(config.data.train, tmp_path)
    features = builder.info.features
    assert {"id", "question", "context"} < features.keys()
    assert {*features["answers"].feature} == {"text", "answer_start"}
    assert ("is_impossible" in features) == (config.model.get("null_threshold") == 0.0)


def test_conll2003(tmp_path):
    config, _ = load("bert_conll2003.py")
    builder, _ = builder_of(config.data.train, tmp_path)
    features = builder.info.features
    assert features[config.data.label].feature.names[0] == "O"
    assert config.data.text in features


def test_splits_are_those_of_the_builders(tmp_path, monkeypatch):
    """The builders name their splits while they download; here, downloads are paths."""

    class Downloads:
        def __getattr__(self, _):
            return lambda urls: tmp_path if isinstance(urls, str) else dict.fromkeys(urls, tmp_path)

    names = [f"bert_glue.py:{task}" for task in GLUE]
    for name in [*names, "bert_squad.py:v1.1", "bert_squad.py:v2.0", "bert_conll2003.py"]:
        config, _ = load(name)
        for source in filter(None, (config.data[p] for p in ("train", "validation", "test"))):
            builder, split = builder_of(source, tmp_path)
            monkeypatch.setattr(builder, "_generate_examples", lambda *_, **__: None)
            found = builder._split_generators(Downloads())
            assert split in (found if isinstance(found, dict) else [each.name for each in found])


@pytest.mark.parametrize("name", ["bert_glue.py:ax", "bert_squad.py:v3"])
def test_an_argument_that_is_none_of_a_config(name):
    with pytest.raises(ConfigError, match=r"^'(ax|v3)' is no (task|version) of .*; choose"):
        load(name)
