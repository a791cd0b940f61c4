"""A SavedModel's graph is read without running it, whatever its bytes are."""

import random

import numpy as np
import pytest

from tfzoo.errors import WeightsError
from tfzoo.weights.saved_model import SavedModelGraph, num_heads

SCALE = "bert/encoder/layer_{}/attention/self/Mul/y"


@pytest.fixture
def write(tmp_path):
    """A function that writes a SavedModel proto, or bytes, and returns the folder."""

    def write(model):
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (tmp_path / "saved_model.pb").write_bytes(data)
        return tmp_path

    return write


def add_graph(model, tags=(), **constants: object):
    """Adds a meta graph whose constants are an output each of the signature `info`."""
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.extend(tags)
    for name, value in constants.items():
        add_constant(graph, name, value)
        graph.signature_def["info"].outputs[name].name = f"{name}:0"
    return graph


def add_constant(graph, name: str, value: object):
    """Adds a Const node, and returns its tensor to tamper with."""
    import tensorflow as tf

    node = graph.graph_def.node.add(name=name, op="Const")
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node.attr["value"].tensor


def add_asset(graph, tensor: str, file: str, packed: bool) -> None:
    from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef

    asset = AssetFileDef(filename=file)
    asset.tensor_info.name = tensor
    if packed:
        graph.collection_def["saved_model_assets"].any_list.value.add().Pack(asset)
    else:
        graph.asset_file_def.append(asset)


def forged(tags=(), **constants: object):
    """A SavedModel of one meta graph, and that graph."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel()
    return model, add_graph(model, tags, **constants)


class TestReferenceCases:
    def test_bert_for_tensorflow_1(self, reference):
        graph = SavedModelGraph(reference("08_bert_tf1hub") / "module")
        assert graph.assets == {"vocab_file": "vocab.txt"}
        assert graph.output("tokenization_info", "do_lower_case") is True
        assert graph.output("tokenization_info", "vocab_file") == "vocab.txt"
        assert graph.constants(SCALE.format("*")) == {SCALE.format(i): 0.25 for i in range(2)}
        assert graph.constants("*/layer_0/attention/self/Reshape/shape/2") == {
            "bert/encoder/layer_0/attention/self/Reshape/shape/2": 2
        }
        assert num_heads(graph, hidden_dim=32) == 2

    def test_albert_for_tensorflow_1(self, reference):
        graph = SavedModelGraph(reference("09_albert_tf1hub") / "module")
        assert set(graph.assets.values()) == {
            "albert_config.json",
            "30k-clean.model",
            "30k-clean.vocab",
        }
        assert graph.output("tokenization_info", "do_lower_case") is True
        assert graph.output("tokenization_info", "vocab_file") == "30k-clean.model"
        assert num_heads(graph, hidden_dim=32) == 2

    def test_elmo_says_none_of_it(self, reference):
        graph = SavedModelGraph(reference("11_elmo_tf1hub") / "module")
        assert graph.assets == {}
        assert graph.output("tokenization_info", "do_lower_case") is None
        assert graph.output("default", "elmo") is None  # computed
        assert num_heads(graph, hidden_dim=32) is None

    def test_assets_of_tensorflow_2(self, reference):
        graph = SavedModelGraph(reference("06_albert_tfhub_v3_encoder") / "model")
        assert list(graph.assets.values()) == ["30k-clean.model"]


class TestGraphs:
    @pytest.mark.parametrize("training_first", [True, False])
    def test_the_graph_for_inference_is_taken(self, write, training_first):
        model, _ = forged(["train"] if training_first else [], cased=training_first)
        add_graph(model, [] if training_first else ["train"], cased=not training_first)
        assert SavedModelGraph(write(model)).output("info", "cased") is False

    @pytest.mark.parametrize("reverse", [True, False])
    def test_the_graph_with_the_fewest_tags_is_taken(self, write, reverse):
        model, _ = forged(["serve", "tpu"] if reverse else ["serve"], tpu=reverse)
        add_graph(model, ["serve"] if reverse else ["serve", "tpu"], tpu=not reverse)
        assert SavedModelGraph(write(model)).output("info", "tpu") is False

    def test_no_graph_for_inference(self, write):
        model, _ = forged(["train"])
        with pytest.raises(WeightsError, match="no graph for inference"):
            SavedModelGraph(write(model))
        with pytest.raises(WeightsError, match="no graph for inference"):
            SavedModelGraph(write(b""))

    def test_many_graphs(self, write):
        with pytest.raises(WeightsError, match="100000 graphs"):
            SavedModelGraph(write(b"\x12\x00" * 100_000))

    def test_missing_file(self, tmp_path):
        with pytest.raises(WeightsError, match="No such file"):
            SavedModelGraph(tmp_path)

    def test_large_file_is_not_read(self, tmp_path):
        with (tmp_path / "saved_model.pb").open("wb") as file:
            file.truncate(2**40)  # sparse
        with pytest.raises(WeightsError, match="larger than 10 MiB"):
            SavedModelGraph(tmp_path)

    def test_truncated_file(self, write):
        model, _ = forged(cased=True)
        with pytest.raises(WeightsError, match="damaged or incomplete"):
            SavedModelGraph(write(model.SerializeToString()[:-1]))

    def test_name_that_is_not_text(self, write):
        model, graph = forged()
        graph.graph_def.node.add(name="marked", op="Const")
        with pytest.raises(WeightsError, match="damaged or incomplete"):
            SavedModelGraph(write(model.SerializeToString().replace(b"marked", b"mark\xff\xfe")))


class TestAssets:
    @pytest.mark.parametrize("packed", [True, False])
    def test_an_output_names_its_file(self, write, packed):
        model, graph = forged(vocab="SAVEDMODEL-ASSET")
        add_asset(graph, "vocab:0", "words.txt", packed)
        assert SavedModelGraph(write(model)).output("info", "vocab") == "words.txt"

    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize(
        "file", ["", ".", "..", "../vocab.txt", "/etc/passwd", "a/b", "a\\b", "C:b", "a\0b"]
    )
    def test_names_that_leave_the_folder(self, write, file, packed):
        model, graph = forged()
        add_asset(graph, "vocab:0", file, packed)
        with pytest.raises(WeightsError, match="an asset has the name"):
            SavedModelGraph(write(model))

    def test_something_else_among_the_assets(self, write):
        model, graph = forged()
        graph.collection_def["saved_model_assets"].any_list.value.add().Pack(model)
        with pytest.raises(WeightsError, match="wrong kind"):
            SavedModelGraph(write(model))


class TestConstants:
    @pytest.mark.parametrize("value", [True, False, 7, np.int64(2**40), 0.25, np.float64(0.1), "ä"])
    def test_values(self, write, value):
        model, _ = forged(x=value)
        (read,) = SavedModelGraph(write(model)).constants("x").values()
        assert read == value
        assert type(read) in (bool, int, float, str)

    @pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "float64"])
    def test_values_stored_as_bytes_or_left_out(self, write, dtype):
        value = np.ones((), dtype)
        model, graph = forged(x=value)
        tensor = graph.graph_def.node[0].attr["value"].tensor
        for field in ("bool_val", "int_val", "int64_val", "float_val", "double_val"):
            tensor.ClearField(field)
        assert SavedModelGraph(write(model)).constants("x") == {"x": 0}
        tensor.tensor_content = value.tobytes()
        (read,) = SavedModelGraph(write(model)).constants("x").values()
        assert read == 1
        assert type(read) is type(value.item())

    @pytest.mark.parametrize("shape", [[2**60], [-1], [1], [2**40, 2**40], [0], [0] * 1000])
    def test_shapes_are_not_believed(self, write, shape):
        model, graph = forged(x=7)
        tensor = graph.graph_def.node[0].attr["value"].tensor
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        self.refused(write(model), "no scalar")

    def test_unknown_rank(self, write):
        model, graph = forged(x=7)
        graph.graph_def.node[0].attr["value"].tensor.tensor_shape.unknown_rank = True
        self.refused(write(model), "no scalar")

    @pytest.mark.parametrize(
        ("dtype", "message"),
        [
            (0, "a TensorFlow DType"),
            (8, "no scalar"),
            (20, "no scalar"),
            (9999, "a TensorFlow DType"),
        ],
    )
    def test_dtypes(self, write, dtype, message):
        model, graph = forged(x=7)
        graph.graph_def.node[0].attr["value"].tensor.dtype = dtype
        self.refused(write(model), message)

    @pytest.mark.parametrize("content", [b"1", b"12345", b"12345678"])
    def test_content_of_the_wrong_size(self, write, content):
        model, graph = forged(x=7)
        tensor = graph.graph_def.node[0].attr["value"].tensor
        tensor.ClearField("int_val")
        tensor.tensor_content = content
        self.refused(write(model), "wrong size")

    def test_content_beside_a_value(self, write):
        model, graph = forged(x=7)
        graph.graph_def.node[0].attr["value"].tensor.tensor_content = b"1234"
        self.refused(write(model), "wrong size")

    def test_content_of_a_string(self, write):
        model, graph = forged()
        tensor = add_constant(graph, "x", "word")
        tensor.ClearField("string_val")
        tensor.tensor_content = b"word"
        self.refused(write(model), "wrong size")

    def test_several_values(self, write):
        model, graph = forged(x=7)
        graph.graph_def.node[0].attr["value"].tensor.int_val.append(8)
        self.refused(write(model), "wrong size")

    def test_string_that_is_not_text(self, write):
        model, _ = forged(x=b"\xff\xfe")
        self.refused(write(model), "utf-8")

    def test_constant_without_a_value(self, write):
        model, graph = forged()
        graph.graph_def.node.add(name="x", op="Const")
        self.refused(write(model), "a TensorFlow DType")

    def refused(self, folder, message: str) -> None:
        graph = SavedModelGraph(folder)
        assert graph.constants("y*") == {}
        with pytest.raises(WeightsError, match=message):
            graph.constants("x")


class TestOutputs:
    def test_identities_are_followed(self, write):
        model, graph = forged(x=True)
        graph.graph_def.node.add(name="once", op="Identity", input=["x"])
        graph.graph_def.node.add(name="twice", op="Identity", input=["once:0", "^x"])
        graph.signature_def["info"].outputs["x"].name = "twice:0"
        assert SavedModelGraph(write(model)).output("info", "x") is True

    def test_a_circle_ends(self, write):
        model, graph = forged()
        graph.graph_def.node.add(name="a", op="Identity", input=["b"])
        graph.graph_def.node.add(name="b", op="Identity", input=["a"])
        graph.signature_def["info"].outputs["x"].name = "a:0"
        with pytest.raises(WeightsError, match="circle"):
            SavedModelGraph(write(model)).output("info", "x")

    @pytest.mark.parametrize("tensor", ["computed:0", "absent:0", "", "^x", "bare:0", "x:1"])
    def test_what_is_no_constant_is_none(self, write, tensor):
        model, graph = forged(x=True)
        graph.graph_def.node.add(name="computed", op="LogicalNot", input=["x"])
        graph.graph_def.node.add(name="bare", op="Identity")
        graph.signature_def["info"].outputs["x"].name = tensor
        assert SavedModelGraph(write(model)).output("info", "x") is None

    def test_what_is_absent_is_none(self, write):
        model, _ = forged(x=True)
        graph = SavedModelGraph(write(model))
        assert graph.output("info", "y") is None
        assert graph.output("other", "x") is None


class TestNumHeads:
    @pytest.mark.parametrize("prefix", ["", "module/"])
    @pytest.mark.parametrize("heads", [1, 2, 3, 12, 16, 64, 768])
    def test_from_the_scale(self, write, heads, prefix):
        model, graph = forged()
        for layer in range(2):
            scale = np.float32(1 / np.sqrt(768 / heads))
            add_constant(graph, prefix + SCALE.format(layer), scale)
        assert num_heads(SavedModelGraph(write(model)), hidden_dim=768) == heads

    @pytest.mark.parametrize(
        "scales",
        [
            (0.125, 0.25),  # layers that differ
            *[(value,) for value in (0.0, -0.25, 0.126, 0.2, 1e-30, 2.0, np.nan, np.inf)],
            (np.float32(1 / np.sqrt(768 / 5)),),
            (1,),
            ("0.125",),
            (True,),
        ],
    )
    def test_scales_that_make_no_number(self, write, scales):
        model, graph = forged()
        for layer, scale in enumerate(scales):
            add_constant(graph, SCALE.format(layer), scale)
        with pytest.raises(WeightsError, match="no number of heads"):
            num_heads(SavedModelGraph(write(model)), hidden_dim=768)


def test_mutated_bytes_are_read_or_refused(write):
    """Each of them, in every way that the module is read."""
    model, graph = forged(["serve"], do_lower_case=True, vocab="SAVEDMODEL-ASSET")
    add_asset(graph, "vocab:0", "vocab.txt", packed=True)
    add_constant(graph, SCALE.format(0), 0.125)
    graph.graph_def.node.add(name="same", op="Identity", input=["do_lower_case"])
    graph.signature_def["info"].outputs["do_lower_case"].name = "same:0"
    whole = model.SerializeToString()
    dice = random.Random(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.choice([0, 0x7F, 0xFF, dice.getrandbits(8)])
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        try:
            found = SavedModelGraph(write(bytes(data)))
            values = [found.output("info", name) for name in ("do_lower_case", "vocab")]
            values += found.constants("*").values()
            heads = num_heads(found, hidden_dim=768)
        except WeightsError:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert all(isinstance(value, bool | int | float | str | None) for value in values)
            assert heads is None or 768 % heads == 0
    assert min(outcomes.values()) > 50
