"""Pre-training in the programs: from prepared rows to a preset that is fine-tuned."""

import json
import random

import pytest

from tfzoo import BertClassifier, BertMaskedLM, BertPretrainer, ElectraPretrainer, ElectraTokenizer
from tfzoo.binaries import experiment
from tfzoo.binaries.config import default_config
from tfzoo.binaries.kinds import KINDS, kind_of
from tfzoo.binaries.kinds.prepared_rows import PreparedRows
from tfzoo.binaries.models import new_task, trained_task
from tfzoo.data import Examples
from tfzoo.data.prepared import Corpus, Recipe, prepare
from tfzoo.errors import ConfigError, DataError

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}


@pytest.fixture(scope="module")
def rows(preprocessor, tmp_path_factory):
    """A function from a format to a folder of rows in which each word follows from the first."""
    folder = tmp_path_factory.mktemp("rows")
    draw = random.Random(0)
    sentences = [["we saw it .", "the film was good !"], ["a play .", "very bad ."]]
    documents = ["\n".join(draw.choice(sentences) * 2) for _ in range(20)]
    (folder / "text.txt").write_text("\n\n".join(documents))
    corpus = Corpus([folder / "text.txt"])

    def rows(form, tokenizer=preprocessor.tokenizer):
        output = folder / f"{form} {type(tokenizer).__name__}"
        if not output.exists():
            recipe = Recipe(form, sequence_length=16, sentences="lines")
            prepare(corpus, tokenizer, recipe, output)
        return str(output)

    return rows


@pytest.fixture
def config(rows):
    """A function from a task and the format of its rows to a configuration."""

    def config(task, form):
        config = default_config()
        config.task = task
        config.model.update(SIZES, max_sequence_length=16)
        config.data.train = config.data.validation = config.data.test = rows(form)
        config.train.epochs, config.train.learning_rate = 1, 1e-2
        config.precision = "float32"
        return config

    return config


def test_a_pretrainer_from_nothing_is_what_a_classifier_starts_from(config, tmp_path):
    experiment.train(config("BertPretrainer", "nsp"), str(tmp_path))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test"].keys() > {"examples", "loss", "next_sentence_accuracy"}
    assert not (tmp_path / "export").exists()
    model = trained_task(str(tmp_path / "best"), "float32")
    assert type(model) is BertPretrainer
    assert model.backbone.token_embedding.input_dim == 23
    assert model.preprocessor.sequence_length == 16
    [answer] = kind_of(model).answers(model, Examples(["a [MASK] film"]))
    assert len(answer["masks"][0]) == 5
    classifier = BertClassifier.from_preset(tmp_path / "best", num_classes=2)
    names = [variable.path.split("/", 1)[1] for variable in classifier.backbone.weights]
    for name, mine, its in zip(
        names, classifier.backbone.get_weights(), model.backbone.get_weights(), strict=True
    ):
        assert (mine == its).all(), name
    assert classifier.predict(["a good film"], verbose=0).shape == (1, 2)


def test_a_preset_learns_more_from_rows_of_its_vocabulary(
    config, rows, tiny_bert, preprocessor, tmp_path
):
    BertMaskedLM(tiny_bert(num_layers=1), preprocessor).save_to_preset(tmp_path / "preset")
    before = kind_of(BertMaskedLM).score(
        trained_task(str(tmp_path / "preset"), "float32"),
        PreparedRows.read(rows("full_sentences")),
        batch_size=32,
    )
    continued = config("BertMaskedLM", "full_sentences")
    continued.preset = str(tmp_path / "preset")
    del continued.model.num_layers, continued.model.num_heads
    del continued.model.hidden_dim, continued.model.intermediate_dim
    continued.model.max_sequence_length = 24
    experiment.train(continued, str(tmp_path / "workdir"))
    metrics = json.loads((tmp_path / "workdir" / "metrics.json").read_text())
    assert metrics["test"]["loss"] < before["loss"]
    assert metrics["test"]["loss"] == pytest.approx(metrics["validation"]["val_loss"], rel=1e-4)
    assert (tmp_path / "workdir" / "export").exists()


def test_the_order_follows_from_the_seed(rows):
    read = PreparedRows.read(rows("lines"))
    kind = KINDS["MaskedLM"]

    def ids(seed):
        data, _, _ = kind.fit_data(read, 8, seed)
        return [batch[0]["token_ids"].numpy().tolist() for batch in data]

    assert ids(3) == ids(3) != ids(4)
    assert ids(None) == ids(None)


@pytest.mark.parametrize(
    ("task", "form", "changes", "error", "message"),
    [
        (
            "BertPretrainer",
            "lines",
            {},
            DataError,
            "format lines; a BertPretrainer needs nsp or sop",
        ),
        ("BertMaskedLM", "nsp", {}, DataError, "needs full_sentences or packed or lines"),
        ("RobertaMaskedLM", "lines", {}, ConfigError, "a BertTokenizer, .* none of a RobertaMa"),
        ("MaskedLM", "lines", {}, ConfigError, "none of a MaskedLM's; set config.task"),
        ("BertMaskedLM", "lines", {"data.validation": None}, ConfigError, "neither be split nor"),
        ("BertMaskedLM", "lines", {"model.num_head": 2}, ConfigError, "no argument num_head"),
        ("BertMaskedLM", "lines", {"distil.num_layers": 1}, ConfigError, "preset is not set"),
        ("BertClassifier", "lines", {}, ConfigError, "config.preset is not set; set it in"),
        ("BertPretrainer", "nsp", {"export.texts": ("a",)}, ConfigError, "texts has nothing to"),
        ("BertPretrainer", "nsp", {"data.text": "a"}, ConfigError, "config.data.text is 'a', but"),
    ],
)
def test_mistakes_are_found_before_training(config, tmp_path, task, form, changes, error, message):
    wrong = config(task, form)
    wrong.update_from_flattened_dict(changes)
    with pytest.raises(error, match=message):
        experiment.train(wrong, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_a_task_cannot_start_from(rows, preprocessor):
    read = PreparedRows.read(rows("lines"))
    with pytest.raises(ConfigError, match=r"set config\.model\.num_heads, config\.model\.interm"):
        new_task(BertMaskedLM, None, {"num_layers": 1, "hidden_dim": 8}, "float32", read)
    with pytest.raises(ConfigError, match="is not set, and only rows that tfzoo"):
        new_task(BertMaskedLM, None, SIZES, "float32", Examples(["a"]))
    other = ElectraTokenizer([*preprocessor.tokenizer.vocabulary, "more"])
    read = PreparedRows.read(rows("lines", other))
    model = new_task(ElectraPretrainer, None, SIZES, "float32", read)
    kind = kind_of(model)
    kind.check(model, read)
    with pytest.raises(DataError, match="another vocabulary than the model; prepare"):
        kind.check(model, PreparedRows.read(rows("lines")))
    with pytest.raises(ConfigError, match="An ElectraPretrainer answers nothing"):
        kind.answers(model, Examples(["a [MASK]"]))
    with pytest.raises(DataError, match=r"holds no prepared\.json"):
        kind.read(rows("lines") + "/..")
