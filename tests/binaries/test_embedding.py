"""Embedders in the programs, from pairs to vectors."""

import json
import random

import pytest

from tfzoo.binaries import ask_export, experiment
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.models import trained_task
from tfzoo.binaries.splits import read_splits
from tfzoo.data import Examples
from tfzoo.data.records import Record
from tfzoo.errors import ConfigError, DataError

EMBEDDING = KINDS["Embedder"]
WORDS = ["film", "play", "good", "bad", "great", "awful", "very", "not", "a", "the"]


@pytest.fixture(scope="module")
def config(config_of, tmp_path_factory):
    """Pairs of texts that have the same words in another order."""
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    draw, rows = random.Random(0), []
    for _ in range(150):
        words = draw.sample(WORDS, 4)
        rows.append(f"{' '.join(words)}\t{' '.join(draw.sample(words, 4))}")
    path.write_text("\n".join(rows))
    config = config_of("BertEmbedder", path)
    config.data.text, config.data.text_pair = 0, 1
    config.train.epochs = 3
    return config


@pytest.fixture(scope="module")
def finished(config, trained):
    return trained(config)


@pytest.fixture(scope="module")
def model(finished):
    return trained_task(finished.best, "float32")


def test_it_is_trained_and_scored(finished, model):
    assert finished.test.keys() == {"examples", "recall_at_1", "mrr"}
    assert finished.test["recall_at_1"] > 0.8
    assert model.objective == "ranking"


def test_answers(model):
    examples = EMBEDDING.from_records([Record("1", {"text": "good film"})], {"text": "text"})
    [answer] = EMBEDDING.answers(model, examples)
    assert answer["text"] == "good film"
    assert answer["embedding"] == pytest.approx(model.predict(["good film"], verbose=0)[0])


def test_the_export_embeds(finished, capsys, model):
    ask_export.main(str(finished.export), "good film")
    answer = json.loads(capsys.readouterr().out)
    expected = model.predict(["good film"], verbose=0)[0]
    assert answer["embedding"] == pytest.approx(expected[:8], abs=1e-3)


def test_labels_make_it_learn_similarities(model):
    examples = Examples(["good", "film"], ["great", "play"], label=[0.9, 0.1])
    assert EMBEDDING.settings({}, examples) == {"objective": "similarity"}
    assert EMBEDDING.settings({"objective": "ranking"}, examples) == {"objective": "ranking"}
    assert abs(EMBEDDING.score(model, examples, 32)["pearson"]) == pytest.approx(1)  # of two
    with pytest.raises(DataError, match='objective="ranking" takes none'):
        EMBEDDING.check(model, examples)


def test_a_first_text_stands_in_one_part_alone(config, tmp_path):
    rows = [f"text {i % 40}\tother {i}" for i in range(160)]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    data = config.data.copy_and_resolve_references()
    data.train = str(tmp_path / "pairs.tsv")
    texts = [set(part.text) for part in read_splits(EMBEDDING, data).values()]
    assert len(set.union(*texts)) == sum(map(len, texts)) == 40


def test_mistakes_are_found_before_training(config, tmp_path):
    wrong = config.copy_and_resolve_references()
    wrong.export.texts = (3,)
    with pytest.raises(ConfigError, match="give strings"):
        experiment.train(wrong, str(tmp_path))
