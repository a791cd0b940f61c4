"""Handles of model hubs, whose libraries are stood in for."""

import sys
import types
from pathlib import Path

import pytest

from tfzoo.errors import HandleError
from tfzoo.weights.resolve import resolve


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "cache"))


def test_kaggle(monkeypatch):
    def model_download(handle, output_dir):
        if handle == "owner/gone/tensorFlow2/base":
            raise RuntimeError("404 Client Error.\n\nResource not found")
        asked.append(handle)
        Path(output_dir).mkdir(parents=True)
        Path(output_dir, "saved_model.pb").write_bytes(b"graph")

    asked = []
    library = types.SimpleNamespace(model_download=model_download)
    monkeypatch.setitem(sys.modules, "kagglehub", library)
    folder = resolve("kaggle://owner/model/tensorFlow2/base/1")
    assert (folder / "saved_model.pb").read_bytes() == b"graph"
    with pytest.raises(HandleError, match=r"\(404 Client Error\.\); check that it reads"):
        resolve("kaggle://owner/gone/tensorFlow2/base")
    with pytest.raises(HandleError, match="is a folder"):
        resolve("kaggle://owner/model/tensorFlow2/base/1", sha256="ab" * 32)

    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    assert resolve("kaggle://owner/model/tensorFlow2/base/1") == folder
    with pytest.raises(HandleError, match="TFZOO_OFFLINE forbids"):
        resolve("kaggle://owner/model/tensorFlow2/base/2")
    assert asked == ["owner/model/tensorFlow2/base/1"]


@pytest.fixture
def hugging_face(monkeypatch, tmp_path):
    """The calls of `snapshot_download`, which finds one repository in `tmp_path`."""
    calls = []

    def snapshot_download(repository, **options):
        calls.append((repository, options))
        if repository != "owner/model":
            raise OSError("Repository Not Found for url: x.\nPlease make sure ...")
        return str(tmp_path / "snapshot")

    (tmp_path / "snapshot" / "sub").mkdir(parents=True)
    (tmp_path / "snapshot" / "config.json").write_bytes(b"{}")
    (tmp_path / "snapshot" / "sub" / "vocab.txt").write_bytes(b"hello")
    library = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    return calls


@pytest.mark.parametrize(
    ("handle", "revision", "inside"),
    [
        ("hf://owner/model", None, "."),
        ("hf://owner/model@v1.0", "v1.0", "."),
        ("hf://owner/model@v1.0/sub/", "v1.0", "sub"),
        ("hf://owner/model/sub/vocab.txt", None, "sub/vocab.txt"),
    ],
)
def test_hugging_face(hugging_face, tmp_path, handle, revision, inside):
    assert resolve(handle) == tmp_path / "snapshot" / inside
    [(repository, options)] = hugging_face
    assert repository == "owner/model"
    assert options["revision"] == revision
    assert options["local_files_only"] is False
    prefix = "" if inside == "." else inside + "/"
    assert {prefix + "*.json", prefix + "*.safetensors"} <= set(options["allow_patterns"])
    assert {"*.bin", "*.pkl"} <= set(options["ignore_patterns"])


def test_hugging_face_failures(hugging_face, monkeypatch):
    with pytest.raises(HandleError, match=r"\(Repository Not Found for url: x\.\); check"):
        resolve("hf://owner/gone")
    with pytest.raises(HandleError, match="holds nothing that tfzoo reads"):
        resolve("hf://owner/model/pytorch_model.bin")
    with pytest.raises(HandleError, match="has the SHA-256"):
        resolve("hf://owner/model/config.json", sha256="ab" * 32)
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    assert resolve("hf://owner/model").is_dir()
    with pytest.raises(HandleError, match="TFZOO_OFFLINE forbids"):
        resolve("hf://owner/gone")
    assert [options["local_files_only"] for _, options in hugging_face[-2:]] == [True, True]


@pytest.mark.parametrize(
    ("handle", "library"),
    [("hf://owner/model", "huggingface_hub"), ("kaggle://a/b/c/d", "kagglehub")],
)
def test_a_library_that_is_not_installed(monkeypatch, handle, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(HandleError, match=f"run `pip install {library}`"):
        resolve(handle)
