"""What a teacher says about texts, computed once and kept on disk."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfzoo.errors import ConfigError
from tfzoo.tasks import Task


def cached_outputs(
    teacher: Task, preprocessor: Any, texts: Any, folder: str | os.PathLike[str]
) -> np.ndarray:
    """A classifier's logits for texts, from a file if they were computed before.

    The file's name is a fingerprint of the texts and of everything in the teacher that decides its
    logits. So other texts, or another teacher, find no file and write one of their own.

    Args:
        teacher: a classifier.
        preprocessor: turns the texts into the teacher's features.
        texts: N strings, or a tuple of two columns of N strings.
        folder: for the files, `logits-<fingerprint>.npy`; created.

    Returns:
        Logits (N, C) float32.

    Raises:
        DataError: the texts are not strings.
        ConfigError: the folder cannot be written.
    """
    from tfzoo.data import inputs
    from tfzoo.tokenizers.strings import text_tensors
    from tfzoo.training.strategies import agreed
    from tfzoo.training.tracing import trace_predict

    columns = text_tensors(texts)
    columns = columns if isinstance(columns, tuple) else (columns,)
    path = Path(folder, f"logits-{_fingerprint(teacher, preprocessor, columns)}.npy")
    shape = (columns[0].shape[0], teacher.num_classes)
    logits = _read(path)
    is_missing = logits is None or logits.shape != shape or logits.dtype != np.float32
    if keras.backend.backend() == "tensorflow":
        # Several workers compute together, also where only one of them has no file.
        is_missing = agreed(teacher.distribute_strategy, is_missing)
    if is_missing:
        batches, positions = inputs.prediction_batches(preprocessor, texts, batch_size=None)
        trace_predict(teacher, batches)
        logits = teacher.predict(batches, verbose=0)[positions].astype(np.float32)
        _write(path, logits)
    return logits


def _fingerprint(teacher: Task, preprocessor: Any, columns: tuple) -> str:
    serialize = keras.saving.serialize_keras_object
    settings = [type(teacher).__name__, teacher.own_config(), teacher.dtype_policy.name]
    settings += [serialize(teacher.backbone), serialize(preprocessor)]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for weight in teacher.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).view(np.uint8))
    for column in columns:
        for text in column.numpy():
            digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()[:32]


def _read(path: Path) -> np.ndarray | None:
    """The array in a file; None where there is none, or the file is damaged."""
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (OSError, ValueError):
        return None


def _write(path: Path, array: np.ndarray) -> None:
    """Writes a file completely or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".logits-", dir=path.parent) as partial:
            complete = Path(partial, path.name)
            np.save(complete, array)
            os.replace(complete, path)
    except OSError as error:
        raise ConfigError(
            f"The cache {path.parent} cannot be written ({error.strerror or error}); free some "
            "space, or choose another folder, which you may write."
        ) from error
