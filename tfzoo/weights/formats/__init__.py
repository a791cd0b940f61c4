"""One file per format: how a folder is known, what it says of itself, and how it is written."""

from pathlib import Path

from tfzoo.errors import HandleError, WeightsError
from tfzoo.weights.formats import google, hub, huggingface, tfzoo
from tfzoo.weights.source import Source, contents

_READERS = (tfzoo, huggingface, google, hub)
WRITERS = {"huggingface": huggingface, "google": google}


def open_source(folder: Path | str) -> Source:
    """Opens a local folder of weights; its format is told from what lies in it.

    A folder that holds one folder and nothing else, as archives often do, stands for that one.

    Args:
        folder: a tfzoo preset, or weights in any format of this package.

    Raises:
        HandleError: the folder does not exist, or holds nothing that is known.
        WeightsError: it holds weights that are damaged, or of a kind that is not read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HandleError(f"There is no folder {folder}; check the handle.")
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir():
        folder = inside[0]
    for reader in _READERS:
        if source := reader.open_folder(folder):
            return source
    raise _unknown(folder)


def _unknown(folder: Path) -> HandleError | WeightsError:
    if (folder / "tfhub_module.pb").is_file():
        return WeightsError(
            f"{folder} is a TF1 hub module, which is not read yet; use the TF2 version of it, "
            "or the original checkpoint."
        )
    if pickles := sorted(folder.glob("pytorch_model*.bin")):
        return WeightsError(
            f"{folder} has its weights only in {pickles[0].name}, a pickle, which could run code "
            "and is not opened; if you trust it, load it with transformers and write it anew with "
            "save_pretrained(), which makes a model.safetensors of it."
        )
    return HandleError(
        f"{folder} holds no weights that are known (it holds {contents(folder)}); give a folder "
        "with a tfzoo preset, config.json and model.safetensors, bert_config.json and a "
        "checkpoint, or a TF2 SavedModel."
    )
