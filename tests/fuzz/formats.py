"""Valid folders of every format that is loaded, small: what the fuzzer mutates.

A further format is one more function here. Its files are mutated by their names, see `mutations`.
"""

import functools
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "good", "bad", "play", "##ing", "."]

FORMATS: dict[str, Callable[[Path], object]] = {}


def valid(write: Callable[[Path], object]) -> Callable[[Path], object]:
    """Registers a function that fills an empty folder with a valid input, under its name.

    It leaves the folder empty where what it needs is absent; the format is then left out.
    """
    FORMATS[write.__name__] = write
    return write


def write_all() -> dict[str, dict[str, bytes]]:
    """The valid inputs: format -> path of a file -> its content."""
    result = {}
    for name, write in FORMATS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write(folder)
            files = (path for path in sorted(folder.rglob("*")) if path.is_file())
            contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        if contents:
            result[name] = contents
    return result


@valid
def tfzoo(folder: Path) -> None:
    _model().save_to_preset(folder)


@valid
def huggingface(folder: Path) -> None:
    _model().save_to_preset(folder, format="huggingface")


@valid
def huggingface_sharded(folder: Path) -> None:
    _copy("huggingface_sharded/model", folder)


@valid
def google(folder: Path) -> None:
    _model().save_to_preset(folder, format="google")


@valid
def keras_hub(folder: Path) -> None:
    _model().save_to_preset(folder, format="keras_hub")


@valid
def hub(folder: Path) -> None:
    _unpack("hub_bert_mlm/model.tar.gz", folder)


@valid
def hub_of_2019(folder: Path) -> None:
    _unpack("hub_bert_2019/model.tar.gz", folder)


@valid
def hub1(folder: Path) -> None:
    references = os.environ.get("TFZOO_REFERENCE") or TESTS.parents[1] / "shared" / "reference"
    module = Path(references, "08_bert_tf1hub", "module")
    if module.is_dir():
        shutil.copytree(module, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)


@valid
def model_garden(folder: Path) -> None:
    _copy("garden_bert_encoder/model", folder)


@valid
def model_garden_trainer(folder: Path) -> None:
    _copy("garden_bert_v2_pretrainer/model", folder)


@valid
def tar(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as content:
        huggingface(Path(content))
        with tarfile.open(folder / "model.tar", "w") as file:
            file.add(content, ".")


@valid
def tar_gz(folder: Path) -> None:
    shutil.copyfile(TESTS / "artifacts/hub_bert_list/model.tar.gz", folder / "model.tar.gz")


@valid
def zip_archive(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as content,
        zipfile.ZipFile(folder / "model.zip", "w", zipfile.ZIP_DEFLATED) as file,
    ):
        google(Path(content))
        for path in sorted(Path(content).iterdir()):
            file.write(path, f"uncased/{path.name}")


@functools.cache
def _model() -> Any:
    """A BERT with a classifier, of a few hundred weights."""
    import keras

    from tfzoo import BertBackbone, BertClassifier, BertTokenizer, TextPreprocessor

    keras.utils.set_random_seed(0)
    backbone = BertBackbone(
        vocabulary_size=len(_WORDS),
        num_layers=2,
        num_heads=2,
        hidden_dim=4,
        intermediate_dim=8,
        max_sequence_length=6,
    )
    preprocessor = TextPreprocessor(BertTokenizer(_WORDS), sequence_length=6)
    names = ["ham", "spam", "other"]
    return BertClassifier(backbone, preprocessor=preprocessor, class_names=names)


def _copy(artifact: str, folder: Path) -> None:
    shutil.copytree(TESTS / "artifacts" / artifact, folder, dirs_exist_ok=True)


def _unpack(artifact: str, folder: Path) -> None:
    with tarfile.open(TESTS / "artifacts" / artifact) as file:
        file.extractall(folder, filter="data")
    (folder / "fingerprint.pb").unlink()
