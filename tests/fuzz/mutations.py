"""What is done to which file of a valid input."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from tests.fuzz import archives, checkpoint, hdf5, protobuf, raw, tensors, text
from tests.fuzz.dice import Dice

FOLDER = "(folder)"  # in place of a file: the mutation is of which files there are
_SHARE_OF_RAW = 0.15

# The first pattern that fits a file's path decides.
_BY_NAME: dict[str, Callable[[bytes, Dice], bytes]] = {
    "*.json": text.mutated_json,
    "*vocab*.txt": text.mutated_vocabulary,
    "*.safetensors": tensors.mutated_safetensors,
    "*.index": checkpoint.mutated_index,
    "*.h5": hdf5.mutated_hdf5,
    "*.pb": protobuf.mutated_message,
    "*.tar": archives.mutated_tar,
    "*.tar.gz": archives.mutated_tar_gz,
    "*.zip": archives.mutated_zip,
}

Files = Mapping[str, bytes]


def kinds(valid: Mapping[str, Files]) -> list[str]:
    """What can be mutated of the formats' valid inputs: each file, and the folder."""
    return [f"{name}/{file}" for name, files in valid.items() for file in (*files, FOLDER)]


def mutated(kind: str, files: Files, dice: Dice) -> dict[str, bytes]:
    """The files of a valid input, mutated where the kind says.

    Args:
        kind: one of `kinds`.
        files: path -> content.
        dice: decides; the mutations are recorded in it.
    """
    name = kind.partition("/")[2]
    if name == FOLDER:
        return dice.apply(_FOLDERS, dict(files))
    if dice.random() < _SHARE_OF_RAW:
        return {**files, name: raw.damaged(files[name], dice)}
    if index := _index_with_graph(name, files):
        return {**files, **checkpoint.mutated_graph(files, index, name, dice)}
    mutation = next((m for p, m in _BY_NAME.items() if fnmatchcase(name, p)), raw.damaged)
    return {**files, name: mutation(files[name], dice)}


def _index_with_graph(name: str, files: Files) -> str | None:
    """The index of a data file, if TensorFlow 2 wrote them."""
    index = f"{name.partition('.data-')[0]}.index"
    has_graph = name != index in files and checkpoint.OBJECT_GRAPH in files[index]
    return index if has_graph else None


def _without_file(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    del files[dice.choice(list(files))]
    return files


def _with_file_in_file(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    """A folder where a file is meant."""
    name = dice.choice(list(files))
    files[f"{name}/{dice.choice(['x', 'vocab.txt', name])}"] = files.pop(name)
    return files


def _with_other_content(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    files[dice.choice(list(files))] = dice.choice([b"", b"\0", *files.values()])
    return files


def _exchanged(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    first, second = dice.choice(list(files)), dice.choice(list(files))
    files[first], files[second] = files[second], files[first]
    return files


def _renamed(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    name = dice.choice(list(files))
    files[dice.choice([*_OTHER_FILES, name.upper(), f"x/{name}", f"{name}.index"])] = files.pop(
        name
    )
    return files


def _with_more(files: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    """Files that make the folder look like another format, or like two."""
    for name in dice.sample(_OTHER_FILES, dice.randint(1, 3)):
        files[name] = dice.choice([b"", b"{}", b"x", *files.values()])
    return files


_OTHER_FILES = ["tfzoo.json", "config.json", "bert_config.json", "albert_config.json", "x.index"]
_OTHER_FILES += ["saved_model.pb", "tfhub_module.pb", "pytorch_model.bin", "model.weights.h5"]
_OTHER_FILES += ["model.safetensors", "model.safetensors.index.json", "assets/vocab.txt", "x/y.txt"]
_OTHER_FILES += ["tokenizer.json", "tokenizer_config.json", "metadata.json", "variables/x"]
_FOLDERS = [_without_file, _without_file, _with_file_in_file, _with_other_content, _exchanged]
_FOLDERS += [_renamed, _with_more, _with_more]
