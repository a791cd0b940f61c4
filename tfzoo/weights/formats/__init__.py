"""One file per format: how a folder is known, what it says of itself, and how it is written."""

from pathlib import Path

from tfzoo.errors import HandleError, WeightsError
from tfzoo.weights.formats import (
    google,
    hub,
    hub1,
    huggingface,
    keras_hub,
    model_garden,
    openai,
    tfzoo,
)
from tfzoo.weights.source import Source, contents

_READERS = (tfzoo, keras_hub, huggingface, openai, hub1, hub, model_garden, google)
WRITERS = {
    "huggingface": huggingface,
    "keras_hub": keras_hub,
    "google": google,
    "openai": openai,
}

_PICKLE = "a pickle, which could run code and is not opened; if you trust it, "
_SAVED_ANEW = "and write it anew with save_pretrained(), which makes a model.safetensors of it"
# What models are also kept in, and how to make something of it that is read.
_UNREAD = {
    "pytorch_model*.bin": f"{_PICKLE}load it with transformers {_SAVED_ANEW}",
    "*.pkl*": f"{_PICKLE}load it with the library that wrote it, such as trax, and write its "
    "weights under the names of a format that is read, as safetensors or a checkpoint",
    "*.ckpt": f"{_PICKLE}load it with PyTorch into the model of transformers {_SAVED_ANEW}",
    "tf_model*.h5": "read by transformers before version 5 alone; load it there with from_tf=True "
    f"{_SAVED_ANEW}",
    "flax_model*.msgpack": "read by transformers before version 5 alone; load it there with "
    f"from_flax=True {_SAVED_ANEW}",
    "*.onnx": "a program for ONNX, whose weights have lost their names; use the weights that it "
    "was exported from",
}


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
    for pattern, what in _UNREAD.items():
        for path in sorted(folder.glob(pattern)):
            return WeightsError(f"{path} is {what}.")
    return HandleError(
        f"{folder} holds no weights that are known (it holds {contents(folder)}); give a folder "
        "with a tfzoo preset, a KerasHub preset, config.json and model.safetensors, "
        "bert_config.json or hparams.json and a checkpoint, GPT's params_*.npy, a TF2 SavedModel, "
        "or a TF1 hub module."
    )
