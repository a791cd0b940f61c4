"""BERT against its authors' outputs, against NumPy, and against itself."""

import json
import math

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file

from tfzoo import BertBackbone, BertMaskedLM, BertPretrainer
from tfzoo.errors import HandleError
from tfzoo.weights.resolve import resolve

TOLERANCE = 2e-5
GOOGLE = "01_bert_tf1_checkpoint"
CASES = {GOOGLE: ".", "02_bert_tfhub_v4_encoder": "model"}
MINILM = "minilm_l6_en_uncased"
SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
]


class Case:
    """Weights with the inputs and the outputs that their authors' code computed."""

    def __init__(self, folder, weights, kind):
        self.handle = folder / weights
        self._inputs = np.load(folder / "inputs.npz")
        self._expected = np.load(folder / "expected.npz")
        self._prefix = "long_" if kind == "long" else ""

    @property
    def features(self):
        names = {"token_ids": "word_ids", "padding_mask": "mask", "segment_ids": "type_ids"}
        return {
            ours: self._inputs[f"{self._prefix}input_{theirs}"] for ours, theirs in names.items()
        }

    @property
    def masked_positions(self):
        return self._inputs[f"{self._prefix}masked_lm_positions"]

    def expected(self, name):
        return self._expected[self._prefix + name]

    def deviation(self, outputs, name):
        return np.abs(ops.convert_to_numpy(outputs) - self.expected(name)).max()


@pytest.fixture(params=["short", "long"])
def kind(request):
    return request.param


@pytest.fixture(params=CASES)
def case(request, reference, kind):
    return Case(reference(request.param), CASES[request.param], kind)


@pytest.fixture
def google(reference, kind):
    return Case(reference(GOOGLE), ".", kind)


def test_hidden_states_are_the_authors(case):
    backbone = BertBackbone.from_preset(case.handle, return_encoder_outputs=True)
    outputs = backbone(case.features)
    for name in ("sequence_output", "pooled_output"):
        assert case.deviation(outputs[name], name) < TOLERANCE
    assert len(outputs["encoder_outputs"]) == 2
    for i, output in enumerate(outputs["encoder_outputs"]):
        assert case.deviation(output, f"encoder_outputs_{i}") < TOLERANCE


def test_logits_are_the_authors(google):
    pretrainer = BertPretrainer.from_preset(google.handle, sequence_length=64)
    outputs = pretrainer({**google.features, "masked_positions": google.masked_positions})
    assert google.deviation(outputs["masked_lm"], "mlm_logits") < TOLERANCE
    assert google.deviation(outputs["next_sentence"], "nsp_logits") < TOLERANCE
    masked_lm = BertMaskedLM.from_preset(google.handle, sequence_length=64)
    logits = masked_lm(google.features)  # at all positions
    rows = np.arange(len(logits))[:, None]
    chosen = ops.convert_to_numpy(logits)[rows, google.masked_positions]
    assert google.deviation(chosen, "mlm_logits") < TOLERANCE


@pytest.mark.parametrize("mistake", [{"activation": "gelu"}, {"layer_norm_epsilon": 1e-6}])
def test_outputs_tell_a_wrong_detail(case, mistake):
    backbone = BertBackbone.from_preset(case.handle, **mistake)
    outputs = backbone(case.features)
    assert case.deviation(outputs["sequence_output"], "sequence_output") > 1e-4
    assert case.deviation(outputs["pooled_output"], "pooled_output") > 2 * TOLERANCE


@pytest.mark.parametrize("lowercase", [True, False])
def test_tokenizer_is_the_authors(reference, lowercase):
    folder = reference(GOOGLE)
    model = BertMaskedLM.from_preset(folder, sequence_length=64, lowercase=lowercase)
    tokenizer = model.preprocessor.tokenizer
    special = tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id, tokenizer.pad_id
    assert special == (7, 8, 9, 0)
    cases = json.loads((folder / "tokenizer_cases.json").read_text(encoding="utf-8"))
    cases = [case for case in cases if case["do_lower_case"] == lowercase]
    assert len(cases) > 5
    ids = tokenizer([case["text"] for case in cases]).to_list()
    assert ids == [case["ids"] for case in cases]


@pytest.fixture(scope="module")
def minilm():
    try:
        return BertMaskedLM.from_preset(MINILM)
    except HandleError as error:
        pytest.skip(f"{MINILM} is neither cached nor reachable: {error}")


def numpy_bert(tensors, features, layers, heads):
    """BERT as Hugging Face writes it: names, transposed kernels, exact GELU."""

    def dense(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x, name):
        centered = x - x.mean(axis=-1, keepdims=True)
        scaled = centered / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def split(x):
        return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)

    ids, mask = features["token_ids"], features["padding_mask"]
    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = x + tensors["embeddings.token_type_embeddings.weight"][features["segment_ids"]]
    x = norm(x, "embeddings.LayerNorm")
    for i in range(layers):
        attention, layer = f"encoder.layer.{i}.attention", f"encoder.layer.{i}"
        query, key, value = (
            split(dense(x, f"{attention}.self.{part}")) for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * mask[:, None, None]
        weights /= weights.sum(axis=-1, keepdims=True)
        context = (weights @ value).swapaxes(1, 2).reshape(x.shape)
        x = norm(x + dense(context, f"{attention}.output.dense"), f"{attention}.output.LayerNorm")
        hidden = dense(x, f"{layer}.intermediate.dense")
        hidden = hidden * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2))) / 2
        x = norm(x + dense(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


def test_minilm_equals_numpy(minilm):
    features = {name: array.numpy() for name, array in minilm.preprocessor(SENTENCES).items()}
    assert features["padding_mask"].min() == 0
    folder = resolve(BertBackbone.presets[MINILM].handle)
    tensors = load_file(folder / "model.safetensors")
    tensors = {name.removeprefix("bert."): array for name, array in tensors.items()}
    expected = numpy_bert(tensors, features, layers=6, heads=12)
    real = features["padding_mask"] == 1
    output = minilm.backbone(features)["sequence_output"].numpy()
    np.testing.assert_allclose(output[real], expected[real], atol=1e-4)
    assert expected[real].std() > 0.1


def test_minilm_tells_a_paraphrase_from_another_subject(minilm):
    features = minilm.preprocessor(SENTENCES)
    hidden = minilm.backbone(features)["sequence_output"].numpy()
    mask = features["padding_mask"].numpy()[..., None]
    vectors = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > 0.7
    assert max(similarity[0, 2], similarity[1, 2]) < 0.2


def test_packed_rows_equal_rows_of_their_own(tiny_bert):
    backbone = tiny_bert()
    rows = [[2, 7, 8, 9, 3], [2, 10, 3], [2, 11, 12, 3]]
    segments = [[0, 0, 0, 1, 1], [0, 0, 0], [0, 1, 1, 1]]
    packed = {
        "token_ids": [[*rows[0], *rows[1], *rows[2], 0, 0]],
        "segment_ids": [[*segments[0], *segments[1], *segments[2], 0, 0]],
        "padding_mask": [[1] * 12 + [0, 0]],
        "sequence_ids": [[1] * 5 + [2] * 3 + [3] * 4 + [0, 0]],
        "cls_positions": [[0, 5, 8]],
    }
    outputs = backbone({name: np.array(value) for name, value in packed.items()})
    assert outputs["pooled_output"].shape == (1, 3, 16)
    start = 0
    for i, (row, segment) in enumerate(zip(rows, segments, strict=True)):
        alone = backbone({"token_ids": np.array([row]), "segment_ids": np.array([segment])})
        part = outputs["sequence_output"][:, start : start + len(row)]
        np.testing.assert_allclose(part, alone["sequence_output"], atol=1e-5)
        np.testing.assert_allclose(
            outputs["pooled_output"][:, i], alone["pooled_output"], atol=1e-5
        )
        start += len(row)


def test_padding_changes_nothing(tiny_bert):
    backbone = tiny_bert()
    short = {"token_ids": np.array([[2, 7, 8, 3]])}
    padded = {
        "token_ids": np.array([[2, 7, 8, 3, 9, 9]]),
        "padding_mask": np.array([[1, 1, 1, 1, 0, 0]]),
    }
    expected, output = backbone(short)["sequence_output"], backbone(padded)["sequence_output"]
    np.testing.assert_allclose(output[:, :4], expected, atol=1e-5)
    unmasked = backbone({"token_ids": padded["token_ids"]})["sequence_output"]
    assert np.abs(unmasked[:, :4] - expected).max() > 0.01


def test_defaults_of_the_features(tiny_bert):
    backbone, ids = tiny_bert(), np.array([[2, 7, 8, 3]])
    explicit = {"padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}
    np.testing.assert_array_equal(
        backbone({"token_ids": ids})["sequence_output"],
        backbone({"token_ids": ids, **explicit})["sequence_output"],
    )


def test_part_of_a_functional_model(tiny_bert):
    backbone = tiny_bert()
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    }
    outputs = keras.layers.Dense(3)(backbone(inputs)["pooled_output"])
    model = keras.Model(inputs, outputs)
    features = {"token_ids": np.array([[2, 7, 3]]), "padding_mask": np.array([[1, 1, 1]])}
    expected = model.layers[-1](backbone(features)["pooled_output"])
    np.testing.assert_allclose(model(features), expected, atol=1e-6)


def test_mixed_bfloat16_is_close_to_float32(tiny_bert):
    features = {"token_ids": np.array([[2, 7, 8, 3]]), "padding_mask": np.array([[1, 1, 1, 0]])}
    expected, half = tiny_bert(), tiny_bert(dtype="mixed_bfloat16")
    assert {variable.dtype for variable in half.weights} == {"float32"}
    for layer in half._flatten_layers(include_self=False):
        assert layer.compute_dtype == "bfloat16", layer.path
    output = half(features)["sequence_output"]
    assert output.dtype == "bfloat16"
    deviation = np.abs(ops.cast(output, "float32") - expected(features)["sequence_output"])
    assert 1e-4 < deviation.max() < 0.1


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_row_of_padding_is_finite(tiny_bert, dtype):
    features = {"token_ids": np.zeros((1, 4), int), "padding_mask": np.zeros((1, 4), int)}
    output = tiny_bert(dtype=dtype)(features)["sequence_output"]
    assert np.isfinite(ops.convert_to_numpy(ops.cast(output, "float32"))).all()


def test_variable_paths(tiny_bert):
    """Weight tables and saved presets rely on them."""
    assert {variable.path for variable in tiny_bert(num_layers=1).weights} == {
        "embeddings/token_embedding/embeddings",
        "embeddings/position_embedding/embeddings",
        "embeddings/segment_embedding/embeddings",
        "embeddings/layer_norm/gamma",
        "embeddings/layer_norm/beta",
        "encoder/layer_0/attention/query_key_value/kernel",
        "encoder/layer_0/attention/query_key_value/bias",
        "encoder/layer_0/attention/output/kernel",
        "encoder/layer_0/attention/output/bias",
        "encoder/layer_0/attention_norm/gamma",
        "encoder/layer_0/attention_norm/beta",
        "encoder/layer_0/intermediate/kernel",
        "encoder/layer_0/intermediate/bias",
        "encoder/layer_0/output/kernel",
        "encoder/layer_0/output/bias",
        "encoder/layer_0/output_norm/gamma",
        "encoder/layer_0/output_norm/beta",
        "pooler/dense/kernel",
        "pooler/dense/bias",
    }
