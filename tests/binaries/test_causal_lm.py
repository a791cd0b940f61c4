"""Language models in the programs: from prepared rows to a SavedModel that goes on with prompts."""

import json

import pytest

from tfzoo import GPT2CausalLM, GPT2Tokenizer
from tfzoo.binaries import experiment
from tfzoo.binaries.config import default_config
from tfzoo.binaries.kinds import kind_of
from tfzoo.binaries.kinds.prepared_rows import PreparedRows
from tfzoo.binaries.models import new_task, trained_task
from tfzoo.data import Examples
from tfzoo.data.prepared import Corpus, Recipe, prepare
from tfzoo.errors import ConfigError, DataError
from tfzoo.tokenizers.byte_pair_model import ALPHABET

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 32, "intermediate_dim": 64}
WORD = "abcdefgh"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Documents of one word, over and over, whose letters follow from one another."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "text.txt").write_text("\n\n".join([40 * WORD] * 24))
    tokenizer = GPT2Tokenizer(["<|endoftext|>", *ALPHABET], [])
    recipe = Recipe("causal", sequence_length=32)
    prepare(Corpus([folder / "text.txt"]), tokenizer, recipe, folder / "rows")
    return str(folder / "rows")


@pytest.fixture
def config(rows):
    config = default_config()
    config.task = "GPT2CausalLM"
    config.model.update(SIZES, max_sequence_length=96, dropout=0.0)
    config.data.train = config.data.validation = config.data.test = rows
    config.train.epochs, config.train.batch_size, config.train.learning_rate = 3, 8, 3e-2
    config.train.beta_2, config.train.epsilon = 0.95, 1e-8
    config.precision = "float32"
    return config


def test_from_rows_to_texts(config, rows, tmp_path, capsys):
    config.export.texts = ("abc", "f")
    experiment.train(config, str(tmp_path))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test"]["loss"] < 1, "the letters are learned"
    model = trained_task(str(tmp_path / "best"), "float32")
    assert type(model) is GPT2CausalLM
    assert model.preprocessor.sequence_length == 32
    score = kind_of(model).score(model, PreparedRows.read(rows), batch_size=32)
    assert score == pytest.approx(metrics["test"], rel=1e-5)
    assert metrics["test"].keys() == {"examples", "loss", "perplexity"}
    answers = kind_of(model).answers(model, Examples(["abc", "f"]))
    assert [answer["prompt"] for answer in answers] == ["abc", "f"]
    assert answers[0]["text"][:5] == "defgh"
    printed = capsys.readouterr().out
    shown = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert shown == answers


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model.max_sequence_length": 16}, ConfigError, "has 16 positions"),
        ({"task": "GPTCausalLM"}, ConfigError, "GPT2Tokenizer, which is none of a GPTCausalLM's"),
        ({"task": "BertMaskedLM"}, ConfigError, "which is none of a BertMaskedLM's"),
        ({"data.weight": "weight"}, ConfigError, "config.data.weight is 'weight', but data for"),
    ],
)
def test_mistakes_are_found_before_training(config, tmp_path, changes, error, message):
    config.update_from_flattened_dict(changes)
    with pytest.raises(error, match=message):
        experiment.train(config, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_rows_of_another_form_or_vocabulary(rows, preprocessor, tmp_path):
    (tmp_path / "text.txt").write_text("a b .")
    other = GPT2Tokenizer([*ALPHABET, "<|endoftext|>"], [])
    prepare(Corpus([tmp_path / "text.txt"]), other, Recipe("causal"), tmp_path / "other")
    words = preprocessor.tokenizer
    prepare(Corpus([tmp_path / "text.txt"]), words, Recipe("lines"), tmp_path / "lines")
    read = PreparedRows.read(rows)
    model = new_task(GPT2CausalLM, None, {**SIZES, "max_sequence_length": 32}, "float32", read)
    kind = kind_of(model)
    kind.check(model, read)
    with pytest.raises(DataError, match="another vocabulary than the model; prepare"):
        kind.check(model, PreparedRows.read(str(tmp_path / "other")))
    model.preprocessor.tokenizer = words
    with pytest.raises(DataError, match="have the format lines; a GPT2CausalLM needs causal"):
        kind.check(model, PreparedRows.read(str(tmp_path / "lines")))
