"""What sentence-transformers says of an embedder is read, checked and written."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from tfzoo import BertBackbone, BertEmbedder, Embedder, Task, WeightsError
from tfzoo.weights.sentence_transformers import read_length, read_settings, write

MODEL = Path(__file__).parents[1] / "artifacts" / "huggingface_without_pooler" / "model"
NEW = "sentence_transformers.base.modules.{}"
OTHER_POOLING = {"pooling_mode": ["mean", "max"]}


@pytest.fixture
def folder(tmp_path):
    """A model with the files as version 2 of the library wrote them."""
    shutil.copytree(MODEL, tmp_path / "model")
    write(tmp_path / "model", {"pooling": "max", "normalize": True}, hidden_dim=32, length=24)
    return tmp_path / "model"


def rewrite(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def modules(*names, package="sentence_transformers.models."):
    paths = ["", "1_Pooling", "2_Normalize"]
    return [
        {"idx": i, "name": str(i), "path": path, "type": package + name}
        for i, (path, name) in enumerate(zip(paths, names, strict=False))
    ]


def test_what_is_written_is_read(folder):
    assert read_settings(folder) == {"pooling": "max", "normalize": True}
    assert read_length(folder) == 24
    shutil.rmtree(folder / "1_Pooling")
    write(folder, {"pooling": "cls", "normalize": False}, hidden_dim=32, length=None)
    assert read_settings(folder) == {"pooling": "cls", "normalize": False}


def test_files_of_version_6(folder):
    rewrite(folder / "modules.json", modules("transformer.Transformer", "pooling.Pooling"))
    rewrite(
        folder / "1_Pooling" / "config.json", {"embedding_dimension": 32, "pooling_mode": "cls"}
    )
    rewrite(folder / "sentence_bert_config.json", {"transformer_task": "feature-extraction"})
    rewrite(folder / "tokenizer_config.json", {"model_max_length": 20})
    assert read_settings(folder) == {"pooling": "cls", "normalize": False}
    assert read_length(folder) == 20


def test_folder_that_says_nothing(tmp_path):
    assert read_settings(tmp_path) == {}
    assert read_length(tmp_path) is None


def test_embedder_of_a_folder(folder):
    model = Task.from_preset(folder)
    assert type(model) is BertEmbedder
    assert (model.pooling, model.normalize, model.preprocessor.sequence_length) == ("max", True, 24)
    other = Embedder.from_preset(folder, pooling="cls", sequence_length=12)
    assert (other.pooling, other.normalize, other.preprocessor.sequence_length) == ("cls", True, 12)


@pytest.mark.parametrize("settings", [("mean", True), ("cls", False)])
def test_model_that_was_written(folder, tmp_path, settings):
    pooling, normalize = settings
    model = BertEmbedder.from_preset(folder, pooling=pooling, normalize=normalize)
    model.save_to_preset(tmp_path / "copy", format="huggingface")
    twin = Embedder.from_preset(tmp_path / "copy")
    assert twin.own_config() == model.own_config()
    assert twin.preprocessor.sequence_length == 24
    features = {"token_ids": np.array([[2, 7, 8, 9, 3]])}
    np.testing.assert_array_equal(twin(features), model(features))
    assert np.abs(twin(features)).max() > 0.01


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", modules("Transformer", "Pooling", "Dense"), "Transformer, Pooling, Dense"),
        ("modules.json", modules("Transformer"), "passes texts through Transformer,"),
        ("modules.json", [], "passes texts through nothing"),
        ("modules.json", modules("Transformer", "Pooling", package="mine."), "mine.Transformer"),
        ("modules.json", [{"type": 3}], "module without a type"),
        ("modules.json", ["Pooling"], "module without a type"),
        ("modules.json", {}, "not a JSON array"),
        ("modules.json", "[", "Cannot read"),
        ("1_Pooling/config.json", OTHER_POOLING, "pools by mean, max"),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "pools by lasttoken"),
        ("1_Pooling/config.json", {"pooling_mode": 3}, "pools by 3"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": 1}, "pools by nothing"),
        ("1_Pooling/config.json", {"pooling_mode_lasttoken": True}, "pools by pooling_mode_lastt"),
        ("1_Pooling/config.json", "null", "not a JSON object"),
    ],
)
def test_what_tfzoo_cannot_do(folder, file, content, message):
    rewrite(folder / file, content)
    with pytest.raises(WeightsError, match=message):
        BertEmbedder.from_preset(folder)
    with pytest.warns(UserWarning, match="no pooler"):
        assert BertBackbone.from_preset(folder).count_params() > 0  # which asks for none of it


@pytest.mark.parametrize("path", ["../1_Pooling", "/etc", "..", "", ".", 3, None, "a/b"])
def test_settings_lie_beside_the_list(folder, path):
    listed = modules("Transformer", "Pooling")
    listed[1]["path"] = path
    rewrite(folder / "modules.json", listed)
    with pytest.raises(WeightsError, match="no folder beside it"):
        read_settings(folder)


@pytest.mark.parametrize("length", [0, -1, True, "24", 2.5, [24]])
def test_length_that_is_none(folder, length):
    rewrite(folder / "sentence_bert_config.json", {"max_seq_length": length})
    assert read_length(folder) is None


def test_no_length_is_longer_than_the_model(folder):
    rewrite(folder / "sentence_bert_config.json", {"max_seq_length": 10**30})
    model = BertEmbedder.from_preset(folder)
    positions = model.backbone.embeddings.max_sequence_length
    assert model.preprocessor.sequence_length == positions


def test_warnings_of_what_the_texts_need(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_settings(folder)
    rewrite(folder / "sentence_bert_config.json", {"do_lower_case": True})
    with pytest.warns(UserWarning, match="for texts in lower case"):
        read_settings(folder)
    (folder / "sentence_bert_config.json").unlink()
    settings = {"prompts": {"query": "find: "}, "default_prompt_name": "query"}
    rewrite(folder / "config_sentence_transformers.json", settings)
    with pytest.warns(UserWarning, match="begin with 'find: '"):
        read_settings(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in (["query"], "document", None):
            settings["default_prompt_name"] = name
            rewrite(folder / "config_sentence_transformers.json", settings)
            read_settings(folder)
