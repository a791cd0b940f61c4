"""The name table, on BERT in three formats."""

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tfzoo.errors import WeightsError
from tfzoo.models.bert_weights import FORMATS
from tfzoo.weights.checkpoint import Checkpoint, ObjectCheckpoint
from tfzoo.weights.mapping import export, load
from tfzoo.weights.names import Row, Table, same, split_heads, transpose
from tfzoo.weights.safetensors_file import SafetensorsFile

HUGGINGFACE, GOOGLE = (FORMATS[name].table({}) for name in ("huggingface", "google"))
HUGGINGFACE_MLM = FORMATS["huggingface"].heads["masked_lm_head"]
HUGGINGFACE_NSP = FORMATS["huggingface"].heads["next_sentence_head"]
GOOGLE_MLM = FORMATS["google"].heads["masked_lm_head"]
GOOGLE_NSP = FORMATS["google"].heads["next_sentence_head"]


def hub(num_heads: int) -> Table:
    return FORMATS["hub"].table({"num_heads": num_heads})


VOCABULARY, POSITIONS, SEGMENTS, HIDDEN, FFN, LAYERS, HEADS = 213, 64, 2, 32, 64, 2, 2


class FakeVariable:
    """Has what a keras.Variable has and `load` uses; starts as NaN."""

    def __init__(self, *shape: int):
        self.shape = shape
        self.value = np.full(shape, np.nan, "float32")

    def assign(self, value: np.ndarray) -> None:
        assert value.shape == self.shape
        self.value = value

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.value


def backbone(hidden: int = HIDDEN, layers: int = LAYERS) -> dict[str, FakeVariable]:
    variables = {
        "embeddings/token_embedding/embeddings": FakeVariable(VOCABULARY, hidden),
        "embeddings/position_embedding/embeddings": FakeVariable(POSITIONS, hidden),
        "embeddings/segment_embedding/embeddings": FakeVariable(SEGMENTS, hidden),
        **norm("embeddings/layer_norm", hidden),
        **dense("pooler/dense", hidden, hidden),
    }
    for layer in (f"encoder/layer_{i}" for i in range(layers)):
        variables |= dense(f"{layer}/attention/query_key_value", hidden, 3 * hidden)
        variables |= dense(f"{layer}/attention/output", hidden, hidden)
        variables |= norm(f"{layer}/attention_norm", hidden)
        variables |= dense(f"{layer}/intermediate", hidden, FFN)
        variables |= dense(f"{layer}/output", FFN, hidden)
        variables |= norm(f"{layer}/output_norm", hidden)
    return variables


def heads() -> dict[str, FakeVariable]:
    return {
        **dense("masked_lm_head/dense", HIDDEN, HIDDEN),
        **norm("masked_lm_head/layer_norm", HIDDEN),
        "masked_lm_head/output_bias": FakeVariable(VOCABULARY),
        **dense("next_sentence_head/logits", HIDDEN, 2),
    }


def dense(path: str, inputs: int, outputs: int) -> dict[str, FakeVariable]:
    return {f"{path}/kernel": FakeVariable(inputs, outputs), f"{path}/bias": FakeVariable(outputs)}


def norm(path: str, width: int) -> dict[str, FakeVariable]:
    return {f"{path}/gamma": FakeVariable(width), f"{path}/beta": FakeVariable(width)}


def randomised(variables: dict[str, FakeVariable], seed: int = 0) -> dict[str, FakeVariable]:
    random = np.random.default_rng(seed)
    for variable in variables.values():
        variable.assign(random.standard_normal(variable.shape, "float32"))
    return variables


def assert_equal(variables: dict[str, FakeVariable], others: dict[str, FakeVariable]) -> None:
    assert variables.keys() == others.keys()
    for path in variables:
        assert variables[path].value.tobytes() == others[path].value.tobytes(), path


def saved(path, tensors) -> SafetensorsFile:
    save_file(dict(tensors), path)
    return SafetensorsFile(path)


@pytest.fixture
def google(reference):
    return Checkpoint(reference("01_bert_tf1_checkpoint") / "bert_model.ckpt")


@pytest.fixture
def saved_model(reference):
    return ObjectCheckpoint(reference("02_bert_tfhub_v4_encoder") / "model/variables/variables")


@pytest.mark.parametrize("dtype", ["float32", "float16", ml_dtypes.bfloat16])
@pytest.mark.parametrize("parts", [("x",), ("query", "key", "value")])
@pytest.mark.parametrize("shape", [(12, 24), (24,)])
@pytest.mark.parametrize("transform", [same, transpose, split_heads(4), split_heads(4, axis=0)])
def test_what_is_written_reads_back_bit_for_bit(transform, shape, parts, dtype):
    shape = (*shape[:-1], shape[-1] * len(parts))
    ours = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    row = Row(parts, transform)
    theirs = row.write(ours)
    assert [array.shape for array in theirs] == row.shapes(shape)
    back = row.read(theirs)
    assert (back.shape, back.dtype, back.tobytes()) == (ours.shape, ours.dtype, ours.tobytes())


def test_shapes_need_no_memory():
    row = Row(("query", "key", "value"), split_heads(10))
    assert row.shapes((10**6, 3 * 10**6)) == [(10**6, 10, 10**5)] * 3


def test_transposed_parts_are_joined_in_their_order():
    q, k, v = (np.full((2, 3), value) for value in (1, 2, 3))
    joined = Row(("q", "k", "v"), transpose).read([q, k, v])
    assert joined.tolist() == [[1, 1, 2, 2, 3, 3]] * 3


def test_the_same_weights_in_two_formats_are_the_same_variables(google, saved_model):
    first, second = backbone(), backbone()
    load(first, GOOGLE, google)
    load(second, hub(HEADS), saved_model)
    assert_equal(first, second)
    assert all(np.isfinite(variable.value).all() for variable in first.values())


def test_heads_come_with_their_tables(google):
    variables = backbone() | heads()
    load(variables, GOOGLE + GOOGLE_MLM + GOOGLE_NSP, google)
    kernel = variables["next_sentence_head/logits/kernel"].value
    assert np.array_equal(kernel.T, google.read("cls/seq_relationship/output_weights"))


@pytest.mark.parametrize(
    "table",
    [HUGGINGFACE + HUGGINGFACE_MLM + HUGGINGFACE_NSP, GOOGLE + GOOGLE_MLM + GOOGLE_NSP],
    ids=["huggingface", "google"],
)
def test_exported_variables_load_bit_for_bit(table, tmp_path):
    variables = randomised(backbone() | heads())
    again = backbone() | heads()
    load(again, table, saved(tmp_path / "model.safetensors", export(variables, table)))
    assert_equal(variables, again)


def test_exported_hub_tensors_equal_the_originals(saved_model):
    variables = backbone()
    load(variables, hub(HEADS), saved_model)
    exported = dict(export(variables, hub(HEADS)))
    assert exported.keys() == saved_model.specs.keys() - {"do_lower_case"}
    for name, array in exported.items():
        assert np.array_equal(array, saved_model.read(name)), name
        assert array.flags.c_contiguous


def without_prefix(name: str) -> str:
    return name.removeprefix("bert.")


def with_gamma(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


@pytest.mark.parametrize(
    "spell", [without_prefix, with_gamma, lambda name: with_gamma(without_prefix(name))]
)
def test_every_spelling_is_read(spell, tmp_path):
    variables, again = randomised(backbone() | heads()), backbone() | heads()
    table = HUGGINGFACE + HUGGINGFACE_MLM + HUGGINGFACE_NSP
    tensors = {spell(name): array for name, array in export(variables, table)}
    assert "bert.embeddings.LayerNorm.weight" not in tensors
    load(again, table, saved(tmp_path / "model.safetensors", tensors))
    assert_equal(variables, again)


def test_ignored_names_may_be_there(tmp_path):
    variables = randomised(backbone() | heads())
    tensors = dict(export(variables, HUGGINGFACE + HUGGINGFACE_MLM + HUGGINGFACE_NSP))
    tensors["bert.embeddings.position_ids"] = np.arange(POSITIONS)[None]
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    source = saved(tmp_path / "model.safetensors", tensors)
    without_pooler = {p: v for p, v in backbone().items() if not p.startswith("pooler")}
    load(without_pooler, HUGGINGFACE, source)
    assert not any(np.isnan(variable.value).any() for variable in without_pooler.values())


def test_optional_variables_may_be_absent_together(tmp_path):
    variables = randomised(backbone())
    tensors = {k: v for k, v in export(variables, HUGGINGFACE) if "pooler" not in k}
    again = backbone()
    source = saved(tmp_path / "model.safetensors", tensors)
    load(again, HUGGINGFACE, source)
    untouched = [path for path, variable in again.items() if np.isnan(variable.value).any()]
    assert untouched == ["pooler/dense/kernel", "pooler/dense/bias"]


def test_half_of_what_is_optional_is_an_error(tmp_path):
    tensors = dict(export(randomised(backbone()), HUGGINGFACE))
    del tensors["bert.pooler.dense.bias"]
    source = saved(tmp_path / "model.safetensors", tensors)
    with pytest.raises(WeightsError, match=r"1 missing: 'bert.pooler.dense.bias'"):
        load(backbone(), HUGGINGFACE, source)


def assert_untouched(variables: dict[str, FakeVariable]) -> None:
    assert all(np.isnan(variable.value).all() for variable in variables.values())


def test_other_sizes_are_an_error_and_nothing_is_assigned(google):
    variables = backbone(hidden=48)
    with pytest.raises(WeightsError) as error:
        load(variables, GOOGLE, google)
    assert "'bert/embeddings/word_embeddings' is (213, 32)" in str(error.value)
    assert "where the model needs (213, 48)" in str(error.value)
    assert "of another shape" in str(error.value)
    assert str(google.path) in str(error.value)
    assert len(str(error.value)) < 1500
    assert_untouched(variables)


def test_other_heads_are_an_error(saved_model):
    variables = backbone()
    with pytest.raises(WeightsError, match=r"is \(32, 2, 16\) where the model needs \(32, 4, 8\)"):
        load(variables, hub(num_heads=4), saved_model)
    assert_untouched(variables)


def test_fewer_or_more_layers_are_an_error(google):
    one, three = backbone(layers=1), backbone(layers=3)
    with pytest.raises(WeightsError, match=r"16 unexpected: 'bert/encoder/layer_1/.* and 8 more"):
        load(one, GOOGLE, google)
    with pytest.raises(WeightsError, match=r"16 missing: 'bert/encoder/layer_2/"):
        load(three, GOOGLE, google)
    assert_untouched(one | three)


def test_another_family_is_an_error(reference):
    albert = Checkpoint(reference("05_albert_v2_tf1_checkpoint") / "model.ckpt-best")
    variables = backbone()
    with pytest.raises(WeightsError, match=r"missing: .*unexpected: .*of another shape"):
        load(variables, GOOGLE, albert)
    assert_untouched(variables)


def test_integers_are_not_weights(tmp_path):
    source = saved(tmp_path / "model.safetensors", {"w": np.ones(3, "int8")})
    with pytest.raises(WeightsError, match="'w' is int8, not floating point"):
        load({"v": FakeVariable(3)}, Table(("v", "w")), source)


def test_a_variable_without_a_name_cannot_be_exported_nor_loaded(google):
    variables = {"classification_head/logits/bias": FakeVariable(2)}
    with pytest.raises(WeightsError, match=r"no name for .*classification_head/logits/bias"):
        next(export(randomised(backbone()) | variables, GOOGLE))
    with pytest.raises(WeightsError, match=r"no name for .*classification_head/logits/bias"):
        load(backbone() | variables, GOOGLE, google)


def test_a_table_of_equal_names_serves_our_own_presets(tmp_path):
    variables, again = randomised(backbone()), backbone()
    table = Table(*((path, path) for path in variables))
    load(again, table, saved(tmp_path / "model.safetensors", export(variables, table)))
    assert_equal(variables, again)


def test_rows_must_pair_up():
    with pytest.raises(ValueError, match="shorter"):
        Table(("a/{kernel,bias}", "a.weight"))
