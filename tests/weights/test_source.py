"""Formats are told from what lies in a folder."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfzoo.errors import HandleError, WeightsError
from tfzoo.weights.formats import open_source


@pytest.fixture
def huggingface(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file({"w": np.ones(2, "float32")}, folder / "model.safetensors")
    write(folder / "config.json", {"model_type": "bert", "hidden_size": 8})
    (folder / "vocab.txt").write_text("[PAD]\n")
    return folder


def write(path, value: object) -> None:
    path.write_text(json.dumps(value))


def test_google_checkpoint(reference):
    source = open_source(reference("01_bert_tf1_checkpoint"))
    assert (source.format, source.family) == ("google", "bert")
    assert source.config["hidden_size"] == 32
    assert "bert/pooler/dense/bias" in source.tensors.specs
    assert source.asset("vocab.txt").name == "vocab.txt"
    assert source.lowercase is None
    assert source.settings == {}


def test_google_checkpoint_of_albert(reference):
    source = open_source(reference("05_albert_v2_tf1_checkpoint"))
    assert (source.format, source.family) == ("google", "albert")
    assert source.asset("*.model").name == "30k-clean.model"
    assert "global_step" not in source.tensors.specs


def test_saved_model_of_bert(reference):
    source = open_source(reference("02_bert_tfhub_v4_encoder") / "model")
    assert (source.format, source.config, source.family) == ("hub", {}, None)
    assert source.lowercase is True
    assert source.asset("vocab.txt").parent.name == "assets"
    assert source.tensors.specs["transformer/layer_0/self_attention/query/kernel"].shape[1] == 2


def test_saved_model_of_albert(reference):
    source = open_source(reference("06_albert_tfhub_v3_encoder") / "model")
    assert source.format == "hub"
    assert source.lowercase is None
    assert source.asset("*.model").name == "30k-clean.model"


def test_saved_model_is_not_opened(reference, tmp_path):
    model = shutil.copytree(
        reference("02_bert_tfhub_v4_encoder") / "model",
        tmp_path / "m",
        copy_function=shutil.copyfile,
    )
    (model / "saved_model.pb").write_bytes(b"poison")
    assert len(open_source(model).tensors.specs) == 40


def test_huggingface(huggingface):
    source = open_source(str(huggingface))
    assert (source.format, source.family, source.config["hidden_size"]) == (
        "huggingface",
        "bert",
        8,
    )
    assert source.tensors.read("w").tolist() == [1, 1]
    assert (source.lowercase, source.settings) == (None, {})


def test_huggingface_in_shards(huggingface):
    (huggingface / "model.safetensors").rename(huggingface / "model-1.safetensors")
    write(
        huggingface / "model.safetensors.index.json", {"weight_map": {"w": "model-1.safetensors"}}
    )
    assert open_source(huggingface).tensors.read("w").tolist() == [1, 1]


@pytest.mark.parametrize("lowercase", [True, False, None])
def test_lowercase_of_huggingface(huggingface, lowercase):
    write(huggingface / "tokenizer_config.json", {"do_lower_case": lowercase})
    assert open_source(huggingface).lowercase is lowercase


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({"1": "spam", "0": "ham"}, ["ham", "spam"]),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None),
        ({str(i): f"c{i}" for i in range(11)}, [f"c{i}" for i in range(11)]),
        ({}, None),
        (None, None),
    ],
)
def test_class_names(huggingface, labels, names):
    write(huggingface / "config.json", {"model_type": "bert", "id2label": labels})
    assert open_source(huggingface).settings.get("class_names") == names


@pytest.mark.parametrize("labels", [{"0": "ham", "2": "spam"}, {"a": "b"}, {"0": 1}])
def test_class_names_that_are_wrong(huggingface, labels):
    write(huggingface / "config.json", {"model_type": "bert", "id2label": labels})
    with pytest.raises(WeightsError, match="does not name every class"):
        open_source(huggingface)


def test_class_names_that_are_given_twice(huggingface):
    labels = {"0": "ham", "1": "spam", "2": "spam"}
    write(huggingface / "config.json", {"model_type": "bert", "id2label": labels})
    with pytest.raises(WeightsError, match=r"id2label in \S+config.json gives 'spam' to several"):
        open_source(huggingface)


def test_preset_of_tfzoo_comes_first(huggingface):
    write(
        huggingface / "tfzoo.json",
        {"version": 1, "family": "bert", "backbone": {"class": "BertBackbone", "config": {}}},
    )
    source = open_source(huggingface)
    assert (source.format, source.config) == (
        "tfzoo",
        {"version": 1, "family": "bert", "backbone": {"class": "BertBackbone", "config": {}}},
    )
    assert source.tensors.read("w").tolist() == [1, 1]


def test_preset_of_tfzoo_without_weights(tmp_path):
    write(tmp_path / "tfzoo.json", {})
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        open_source(tmp_path)


def test_a_folder_in_a_folder_stands_for_it(huggingface):
    (huggingface.parent / ".DS_Store").touch()
    assert open_source(huggingface.parent).folder == huggingface


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10**5, "\xff"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tfzoo.json"])
def test_json_that_is_damaged(huggingface, name, text):
    (huggingface / name).write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match=name):
        open_source(huggingface)


def test_do_lower_case_that_is_no_boolean(huggingface):
    write(huggingface / "tokenizer_config.json", {"do_lower_case": "yes"})
    with pytest.raises(WeightsError, match="'yes', not true or false"):
        open_source(huggingface)


def test_model_type_that_is_no_name(huggingface):
    write(huggingface / "config.json", {"model_type": ["bert"]})
    with pytest.raises(WeightsError, match="not a name"):
        open_source(huggingface)


def test_no_folder(tmp_path):
    with pytest.raises(HandleError, match="There is no folder"):
        open_source(tmp_path / "absent")


def test_nothing_known_lists_what_is_there(tmp_path):
    with pytest.raises(HandleError, match="it holds nothing"):
        open_source(tmp_path)
    for number in range(12):
        (tmp_path / f"{number:02d}.txt").touch()
    with pytest.raises(HandleError, match=r"00\.txt, .*07\.txt and 4 more"):
        open_source(tmp_path)


def test_a_pickle_is_refused(huggingface):
    (huggingface / "model.safetensors").rename(huggingface / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin.*save_pretrained"):
        open_source(huggingface)


def test_tf1_hub_module(reference):
    source = open_source(reference("08_bert_tf1hub") / "module")
    assert (source.format, source.family, source.lowercase) == ("hub1", None, True)
    assert source.asset("vocab.txt").parent.name == "assets"
    assert "bert/pooler/dense/kernel" in source.tensors.specs


def test_several_checkpoints(tmp_path):
    write(tmp_path / "bert_config.json", {})
    for name in ("a.ckpt.index", "b.ckpt.index"):
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=r"several checkpoints \(a\.ckpt, b\.ckpt\)"):
        open_source(tmp_path)


def test_saved_model_without_variables(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    (tmp_path / "keras_metadata.pb").touch()
    with pytest.raises(WeightsError, match=r"variables\.index"):
        open_source(tmp_path)


def test_missing_asset(huggingface):
    with pytest.raises(WeightsError, match=r"no \*\.model.*vocab\.txt"):
        open_source(huggingface).asset("*.model")
