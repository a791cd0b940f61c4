"""The readers: safetensors, whole and in shards, and checkpoints, by name and by object."""

import json
import random
import shutil
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tfzoo.errors import WeightsError
from tfzoo.weights.checkpoint import Checkpoint, ObjectCheckpoint
from tfzoo.weights.checkpoint_index import read_index
from tfzoo.weights.safetensors_file import SafetensorsFile, ShardedSafetensors
from tfzoo.weights.tensors import Spec

FLOAT32 = np.dtype("float32")


def save_checkpoint(prefix, tensors: dict, slices: dict | None = None) -> None:
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[(slices or {}).get(name, "") for name in tensors],
        tensors=list(tensors.values()),
    )


def with_header(path, header: dict | bytes, data: bytes = b"", length: int | None = None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(header) if length is None else length
    path.write_bytes(struct.pack("<Q", length) + header + data)
    return path


def entry(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


class TestSafetensorsFile:
    def test_lists_then_reads(self, tmp_path):
        tensors = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones((), "int64")}
        save_file(tensors, tmp_path / "x.safetensors")
        file = SafetensorsFile(tmp_path / "x.safetensors")
        assert file.specs == {"a": Spec((2, 3), FLOAT32), "b": Spec((), np.dtype("int64"))}
        for name, array in tensors.items():
            assert np.array_equal(file.read(name), array)

    @pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16])
    def test_half_precision_is_read_as_float32(self, tmp_path, dtype):
        values = np.array([1.5, -0.25, 3e4]).astype(dtype)
        save_file({"w": values}, tmp_path / "x.safetensors")
        file = SafetensorsFile(tmp_path / "x.safetensors")
        assert file.specs["w"].dtype == file.read("w").dtype == FLOAT32
        assert np.array_equal(file.read("w"), values.astype("float32"))

    @pytest.mark.parametrize(
        ("header", "data", "length"),
        [
            (entry([2], [0, 8]), b"\0" * 7, None),
            (entry([2], [0, 8]), b"\0" * 9, None),
            (entry([2], [0, 8]), b"\0" * 8, 2**63),
            (entry([2], [0, 8]), b"\0" * 8, 10**8),
            (entry([3], [0, 8]), b"\0" * 8, None),
            (entry([2], [8, 0]), b"\0" * 8, None),
            (entry([2], [4, 12]), b"\0" * 12, None),
            (entry([-2], [0, 8]), b"\0" * 8, None),
            (entry([2**32, 2**32], [0, 0]), b"", None),
            (entry([2], [0, 8], "F99"), b"\0" * 8, None),
            (b"[" * 10**6, b"", None),
            (b"\xff\xfe{}", b"", None),
            (b"", b"", None),
        ],
    )
    def test_damage_is_found_on_opening(self, tmp_path, header, data, length):
        path = with_header(tmp_path / "x.safetensors", header, data, length)
        with pytest.raises(WeightsError, match=r"x\.safetensors .* fetch it again"):
            SafetensorsFile(path)

    def test_a_dtype_that_is_not_supported_is_named(self, tmp_path):
        path = with_header(tmp_path / "x.safetensors", entry([4], [0, 4], "F8_E4M3"), b"\0" * 4)
        with pytest.raises(WeightsError, match=r"'w' as F8_E4M3.*convert the file"):
            SafetensorsFile(path)

    @pytest.mark.parametrize("shape", [[1] * 100, [0, 2**64 - 1]])
    def test_a_shape_that_numpy_has_not_is_an_error(self, tmp_path, shape):
        data = b"" if 0 in shape else b"\0" * 4
        path = with_header(tmp_path / "x.safetensors", entry(shape, [0, len(data)]), data)
        with pytest.raises(WeightsError):
            SafetensorsFile(path).read("w")

    def test_a_missing_file_is_an_error(self, tmp_path):
        with pytest.raises(WeightsError, match=r"x\.safetensors"):
            SafetensorsFile(tmp_path / "x.safetensors")

    def test_mutated_files_load_or_raise(self, tmp_path):
        path = tmp_path / "x.safetensors"
        save_file({"a": np.ones((2, 3), "float32"), "b": np.ones(4, "float16")}, path)
        original, opened = path.read_bytes(), 0
        for seed in range(300):
            path.write_bytes(mutated(original, seed))
            try:
                file = SafetensorsFile(path)
                for name, spec in file.specs.items():
                    assert file.read(name).shape == spec.shape
                opened += 1
            except WeightsError:
                pass
        assert 0 < opened < 300


class TestShardedSafetensors:
    @pytest.fixture
    def index(self, tmp_path):
        folder = tmp_path / "model"
        folder.mkdir()
        save_file({"a": np.ones(2, "float32")}, folder / "1.safetensors")
        save_file({"b": np.zeros(3, "float16")}, folder / "2.safetensors")
        save_file({"a": np.ones(2, "float32")}, tmp_path / "outside.safetensors")
        return folder / "model.safetensors.index.json"

    def write(self, index, weight_map: object):
        index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
        return index

    def test_reads_across_shards(self, index):
        tensors = ShardedSafetensors(
            self.write(index, {"a": "1.safetensors", "b": "2.safetensors"})
        )
        assert tensors.specs == {"a": Spec((2,), FLOAT32), "b": Spec((3,), FLOAT32)}
        assert tensors.read("b").tolist() == [0, 0, 0]

    @pytest.mark.parametrize(
        "weight_map",
        [
            {"a": "1.safetensors", "c": "2.safetensors"},
            {"a": "3.safetensors"},
            {"a": "../outside.safetensors"},
            {"a": "1\0.safetensors"},
            {"a": ".."},
            {"a": 1},
            ["a"],
            None,
        ],
    )
    def test_a_wrong_index_is_an_error(self, index, weight_map):
        with pytest.raises(WeightsError):
            ShardedSafetensors(self.write(index, weight_map))

    @pytest.mark.parametrize("text", ["", "[]", "{", "[" * 10**5, '"\xff"'])
    def test_an_index_that_is_not_a_json_object_is_an_error(self, index, text):
        index.write_text(text, encoding="latin-1")
        with pytest.raises(WeightsError, match=r"index\.json"):
            ShardedSafetensors(index)

    def test_an_index_that_is_too_large_is_not_read(self, index, monkeypatch):
        self.write(index, {"a": "1.safetensors", "b": "2.safetensors"})
        monkeypatch.setattr("tfzoo.weights.tensors._MAX_JSON_BYTES", index.stat().st_size)
        ShardedSafetensors(index)
        monkeypatch.setattr("tfzoo.weights.tensors._MAX_JSON_BYTES", index.stat().st_size - 1)
        with pytest.raises(WeightsError, match=r"index\.json \(it is larger than 0 MiB\)"):
            ShardedSafetensors(index)


class TestCheckpoint:
    def test_reads_googles_own(self, reference):
        folder = reference("01_bert_tf1_checkpoint")
        tensors = Checkpoint(folder / "bert_model.ckpt")
        lines = [line.split("\t") for line in (folder / "variables.txt").read_text().splitlines()]
        assert tensors.specs == {
            name: Spec(tuple(json.loads(shape)), np.dtype(dtype)) for name, shape, dtype in lines
        }
        assert np.ptp(tensors.read("bert/pooler/dense/kernel")) > 0

    def test_optimizer_slots_and_strings_are_left_out(self, tmp_path):
        names = ["w", "Adam/w", "global_step", "w/adam_m", "w/adam_v", "w/Adam", "w/Adam_1"]
        names += ["w/AdamWeightDecayOptimizer", "w/AdamWeightDecayOptimizer_1", "w/LAMB_1"]
        names += ["w/LAMBOptimizer/adam_m", "w/lamb_v", "beta1_power", "x/beta2_power", "adamant"]
        tensors = {name: np.ones(2, "float32") for name in names}
        save_checkpoint(tmp_path / "m.ckpt", tensors | {"text": np.array(["a"])})
        assert set(Checkpoint(tmp_path / "m.ckpt").specs) == {"w", "adamant"}

    @pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float64", "int32", "bool"])
    def test_dtypes(self, tmp_path, dtype):
        values = np.array([1, 0, 1]).astype(dtype)
        save_checkpoint(tmp_path / "m.ckpt", {"w": values})
        tensors = Checkpoint(tmp_path / "m.ckpt")
        wide = FLOAT32 if values.itemsize == 2 else values.dtype
        assert tensors.specs["w"] == Spec((3,), wide)
        assert tensors.read("w").dtype == wide
        assert np.array_equal(tensors.read("w"), values.astype(wide))

    def test_shards(self, tmp_path):
        import tensorflow as tf

        for name in "ab":
            save_checkpoint(tmp_path / name, {f"w{name}": np.full(3, ord(name), "float32")})
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=[str(tmp_path / "a"), str(tmp_path / "b")],
            destination_prefix=str(tmp_path / "m.ckpt"),
        )
        assert (tmp_path / "m.ckpt.data-00001-of-00002").is_file()
        assert Checkpoint(tmp_path / "m.ckpt").read("wb").tolist() == [98, 98, 98]
        (tmp_path / "m.ckpt.data-00001-of-00002").unlink()
        with pytest.raises(WeightsError, match="data-00001-of-00002"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_truncated_data_is_found_on_opening(self, tmp_path):
        save_checkpoint(tmp_path / "m.ckpt", {"w": np.ones(8, "float32")})
        data = tmp_path / "m.ckpt.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:-1])
        with pytest.raises(WeightsError, match=r"m\.ckpt .*beyond the end.* fetch it again"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_changed_data_is_found_on_reading(self, tmp_path):
        save_checkpoint(tmp_path / "m.ckpt", {"w": np.ones(8, "float32")})
        (tmp_path / "m.ckpt.data-00000-of-00001").write_bytes(b"\7" * 32)
        with pytest.raises(WeightsError, match=r"m\.ckpt"):
            Checkpoint(tmp_path / "m.ckpt").read("w")

    def test_variables_in_slices_are_refused(self, tmp_path):
        save_checkpoint(tmp_path / "m.ckpt", {"w": np.ones(2, "float32")}, {"w": "4 0,2"})
        with pytest.raises(WeightsError, match="stored in slices are not supported"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_a_missing_checkpoint_is_an_error(self, tmp_path):
        with pytest.raises(WeightsError, match=r"m\.ckpt\.index"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_an_index_that_is_too_large_is_not_read(self, tmp_path, monkeypatch):
        save_checkpoint(tmp_path / "m.ckpt", {"w": np.ones(2, "float32")})
        size = (tmp_path / "m.ckpt.index").stat().st_size
        monkeypatch.setattr("tfzoo.weights.checkpoint_index._MAX_BYTES", size)
        Checkpoint(tmp_path / "m.ckpt")
        monkeypatch.setattr("tfzoo.weights.checkpoint_index._MAX_BYTES", size - 1)
        with pytest.raises(WeightsError, match="its index is larger than 0 MiB"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_an_index_cannot_make_more_of_itself(self, tmp_path):
        """One block that is named twice would be read twice, and a thousand times as well."""
        block = table_block([(b"", b"\x08\x01"), (b"w", b"")])
        handle = bytes([0, len(block) - 5])
        index = table_block([(b"a", handle), (b"b", handle)])
        footer = bytes([0, 0, len(block), len(index) - 5]).ljust(40, b"\0")
        table = block + index + footer + bytes.fromhex("57fb808b247547db")
        (tmp_path / "m.ckpt.index").write_bytes(table)
        with pytest.raises(WeightsError, match="blocks of the index overlap"):
            Checkpoint(tmp_path / "m.ckpt")

    def test_mutated_indexes_load_or_raise(self, tmp_path):
        """Without checksums in the way, and past TensorFlow, which would abort the process."""
        tensors = {name: np.ones((2, 3), "float32") for name in ("alpha", "alphabet", "beta")}
        save_checkpoint(tmp_path / "m.ckpt", tensors)
        index, listed = tmp_path / "m.ckpt.index", 0
        original = index.read_bytes()
        for seed in range(1000):
            index.write_bytes(mutated(original, seed))
            try:
                specs = read_index(tmp_path / "m.ckpt").values()
                assert all(np.prod(spec.shape) * spec.dtype.itemsize <= 72 for spec in specs)
                listed += 1
            except Exception:
                with pytest.raises(WeightsError):
                    Checkpoint(tmp_path / "m.ckpt")
        assert 0 < listed < 1000


class TestObjectCheckpoint:
    @pytest.mark.parametrize("case", ["02_bert_tfhub_v4_encoder", "06_albert_tfhub_v3_encoder"])
    def test_names_are_those_of_the_loaded_object(self, reference, case, tmp_path):
        shutil.copytree(reference(case) / "model/variables", tmp_path, dirs_exist_ok=True)
        tensors = ObjectCheckpoint(tmp_path / "variables")
        text = (reference(case) / "variables.txt").read_text().split("order)\n")[1].split("##")[0]
        expected = {}
        for name, shape, dtype, _ in (line.split("\t") for line in text.splitlines()):
            name = {"Variable:0": "do_lower_case:0"}.get(name, name)
            expected[name.removesuffix(":0")] = Spec(tuple(json.loads(shape)), np.dtype(dtype))
        assert len(expected) > 20
        assert tensors.specs == expected

    def test_each_name_has_its_own_values(self, reference):
        import tensorflow as tf

        folder = reference("02_bert_tfhub_v4_encoder") / "model"
        tensors = ObjectCheckpoint(folder / "variables" / "variables")
        keys = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        first = keys.get_tensor("trainable_variables/11/.ATTRIBUTES/VARIABLE_VALUE")
        name = "transformer/layer_0/self_attention/attention_output/kernel"
        assert np.array_equal(tensors.read(name), first)

    def test_the_exporter_of_today_and_names_that_are_not_unique(self, tmp_path):
        import tensorflow as tf

        module = tf.Module()
        module.kernel = tf.Variable([1.0], name="dense/kernel")
        module.one = tf.Variable([2.0], name="twice")
        module.two = tf.Variable([3.0], name="twice")
        module.flag = tf.Variable(True)
        tf.saved_model.save(module, str(tmp_path))
        tensors = ObjectCheckpoint(tmp_path / "variables" / "variables")
        assert {name: tensors.read(name).tolist() for name in tensors.specs} == {
            "dense/kernel": [1.0],
            "one": [2.0],
            "two": [3.0],
            "flag": True,
        }

    def test_a_checkpoint_of_tensorflow_1_is_an_error(self, tmp_path):
        save_checkpoint(tmp_path / "m.ckpt", {"w": np.ones(2, "float32")})
        with pytest.raises(WeightsError, match=r"m\.ckpt has no object graph"):
            ObjectCheckpoint(tmp_path / "m.ckpt")

    def test_a_damaged_object_graph_is_an_error(self, tmp_path):
        tensors = {
            "w": np.ones(2, "float32"),
            "_CHECKPOINTABLE_OBJECT_GRAPH": np.array(b"\xff\xff"),
        }
        save_checkpoint(tmp_path / "m.ckpt", tensors)
        with pytest.raises(WeightsError, match=r"m\.ckpt"):
            ObjectCheckpoint(tmp_path / "m.ckpt")


def table_block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A block of a LevelDB table with one restart; type and checksum follow it."""
    body = b"".join(bytes([0, len(key), len(value)]) + key + value for key, value in entries)
    return body + struct.pack("<II", 0, 1) + b"\0" * 5


def mutated(data: bytes, seed: int) -> bytes:
    """Up to four bytes changed, or the rest cut off."""
    dice, result = random.Random(seed), bytearray(data)
    if dice.random() < 0.2:
        return bytes(result[: dice.randrange(len(data))])
    for _ in range(dice.randint(1, 4)):
        result[dice.randrange(len(data))] = dice.choice([0, 127, 128, 255, dice.randrange(256)])
    return bytes(result)
