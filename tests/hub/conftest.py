"""Small SavedModels of each kind."""

import shutil

import pytest
import tensorflow as tf
from tensorflow.core.framework.variable_pb2 import VariableDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel


@pytest.fixture(scope="session")
def linear(tmp_path_factory):
    """A TF2 module that says all that `hub.KerasLayer` understands, with odd variables."""
    module = tf.train.Checkpoint()
    module.kernel = tf.Variable([[2.0], [3.0]], name="dense/kernel")
    module.frozen = tf.Variable([[1.0]], name="dense/kernel")
    module.lowercase = tf.Variable(True, trainable=False)
    module.vocabulary = tf.Variable("a b c", trainable=False, name="vocabulary")
    module.variables = [module.lowercase, module.frozen, module.kernel, module.vocabulary]
    module.trainable_variables = [module.kernel]
    module.regularization_losses = [
        tf.function(lambda: 0.5 * tf.reduce_sum(module.kernel**2), input_signature=[])
    ]

    def call(x, training=False, scale=1.0):
        y = scale * x @ module.kernel @ module.frozen + (100.0 if training else 0.0)
        return {"y": y, "both": [y, -y]}

    x, scale = tf.TensorSpec((None, 2)), tf.TensorSpec(())
    module.__call__ = tf.function(call)
    for training in (False, True):
        module.__call__.get_concrete_function(x, training=training, scale=scale)
    signatures = {
        "default": tf.function(lambda x: {"default": 2 * x, "x": x}, input_signature=[x]),
        "affine": tf.function(lambda x, shift: {"y": x + shift}, input_signature=[x, scale]),
    }
    folder = tmp_path_factory.mktemp("linear")
    tf.saved_model.save(module, str(folder), signatures)
    return folder


@pytest.fixture(scope="session")
def words(tmp_path_factory):
    """A TF2 module from strings to numbers through a table, whose file is an asset."""
    vocabulary = tmp_path_factory.mktemp("words") / "vocabulary.txt"
    vocabulary.write_text("good\nbad\n")

    class Words(tf.Module):
        def __init__(self):
            super().__init__()
            file = tf.lookup.TextFileInitializer(
                str(vocabulary),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            self.table = tf.lookup.StaticHashTable(file, -1)
            self.scores = tf.Variable([[1.0], [-1.0], [0.5]], name="scores")

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def __call__(self, texts):
            return tf.gather(self.scores, self.table.lookup(texts) % 3)

    folder = tmp_path_factory.mktemp("words") / "module"
    tf.saved_model.save(Words(), str(folder))
    vocabulary.unlink()
    return folder


@pytest.fixture(scope="session")
def tf1(tmp_path_factory):
    """A TF1 hub module with loops, one graph for inference and one for training.

    Its signatures are `default`, whose loop comes before the trainable variable; `plain` without a
    loop; and `through`, whose loop depends on the trainable variable.
    """
    folder = tmp_path_factory.mktemp("tf1") / "module"
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()  # else there are loops of TF2 in graphs of TF1, too
    try:
        builder = v1.saved_model.Builder(str(folder))
        with tf.Graph().as_default(), v1.Session() as session:
            signatures = _tf1_signatures(factor=1.0)
            session.run(v1.global_variables_initializer())
            builder.add_meta_graph_and_variables(session, [], signatures)
        with tf.Graph().as_default(), v1.Session():
            builder.add_meta_graph(["train"], _tf1_signatures(factor=10.0))
        builder.save()
    finally:
        v1.enable_control_flow_v2()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return folder


def _tf1_signatures(factor):
    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, (None, 2))
    frozen = v1.get_variable("a/frozen", initializer=2.0, use_resource=True, trainable=False)
    trained = v1.get_variable("a/trained", initializer=3.0, use_resource=True)

    def cubed(variable):
        steps = (lambda i, y: i < 3, lambda i, y: (i + 1, y * variable))
        return factor * v1.while_loop(*steps, (0, x))[1]

    outputs = {
        "default": {"default": cubed(frozen) * trained, "loop": cubed(frozen)},
        "plain": {"default": x * trained},
        "through": {"default": cubed(trained)},
    }
    return {
        name: v1.saved_model.predict_signature_def({"x": x}, each) for name, each in outputs.items()
    }


@pytest.fixture(scope="session")
def old_tf1(tf1, tmp_path_factory):
    """`tf1` as TensorFlow wrote it before a variable knew whether it is trainable."""
    folder = tmp_path_factory.mktemp("old") / "module"
    shutil.copytree(tf1, folder)
    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for graph in model.meta_graphs:
        for name in ("variables", "trainable_variables"):
            values = graph.collection_def[name].bytes_list.value
            for index, value in enumerate(values):
                variable = VariableDef.FromString(value)
                variable.ClearField("trainable")
                values[index] = variable.SerializeToString()
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder
