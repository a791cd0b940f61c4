"""Int8 models of every encoder: what is quantized, how exact it is, what is saved and exported."""

import json

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

import tfzoo
from tfzoo.errors import ConfigError, WeightsError

FAMILIES = ["Albert", "Bert", "DistilBert", "Electra", "Roberta"]
SIZES = {
    "vocabulary_size": 23,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 16,
}
IDS = np.array([[2, 7, 8, 3, 0], [2, 9, 10, 11, 3]])
FEATURES = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}


def plain(family="Bert", task="Classifier", **changes):
    """A task whose outputs depend on its inputs."""
    keras.utils.set_random_seed(0)
    backbone = getattr(tfzoo, f"{family}Backbone")(**{**SIZES, **changes})
    model = getattr(tfzoo, f"{family}{task}")(backbone)
    for variable in model.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)
    return model


def quantized(*args, **changes):
    model = plain(*args, **changes)
    model.quantize("int8")
    return model


def tampered(folder, change):
    """Changes a preset's configuration and tensors."""
    config = json.loads((folder / "tfzoo.json").read_text())
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    change(config["backbone"]["config"], tensors)
    (folder / "tfzoo.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    return quantized(request.param)


@pytest.fixture
def saved(tmp_path):
    model = quantized()
    model.save_to_preset(tmp_path / "saved")
    return tmp_path / "saved"


def test_kernels_and_tables_of_the_backbone_are_int8(model):
    matrices = {v.path for v in model.backbone.weights if v.name in ("kernel", "embeddings")}
    assert {v.path for v in model.weights if v.dtype == "int8"} == matrices
    assert len(matrices) >= 6
    assert {v.dtype for v in model.classification_head.weights} == {"float32"}
    assert model.backbone.dtype_policy.name == "float32"


def test_logits_are_near(model):
    expected = plain(type(model).__name__.removesuffix("Classifier"))(FEATURES)
    deviation = np.abs(model(FEATURES) - expected).max()
    assert 1e-6 < deviation < 0.02 * np.abs(expected).max() + 0.02


def test_presets_are_equal_bit_for_bit(model, tmp_path):
    model.save_to_preset(tmp_path / "saved")
    loaded = type(model).from_preset(tmp_path / "saved")
    assert loaded.backbone.get_config() == model.backbone.get_config()
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        assert (ours.path, ours.dtype) == (theirs.path, theirs.dtype)
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(loaded(FEATURES), model(FEATURES))


def test_keras_files_are_too(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(FEATURES), model(FEATURES))


@pytest.mark.parametrize(("family", "changes"), [("Bert", {}), ("Albert", {"embedding_dim": 8})])
def test_tied_tables_of_masked_language_models(family, changes):
    model = quantized(family, "MaskedLM", **changes)
    expected = plain(family, "MaskedLM", **changes)(FEATURES)
    deviation = np.abs(model(FEATURES) - expected).max()
    assert 1e-6 < deviation < 0.02 * np.abs(expected).max()
    table = model.backbone.token_embedding
    numbers, scale = table.weights
    np.testing.assert_allclose(table.embeddings, np.array(numbers) / np.array(scale)[:, None])
    np.testing.assert_allclose(table.embeddings, table(np.arange(23)), atol=1e-6)


def test_a_generator_shares_int8_tables(tmp_path):
    model = quantized("Electra", "Pretrainer", num_heads=4, hidden_dim=32)
    masked = {**FEATURES, "masked_positions": IDS[:, :1] - 1}
    model.save_to_preset(tmp_path / "saved")
    loaded = tfzoo.ElectraPretrainer.from_preset(tmp_path / "saved")
    outputs, expected = loaded(masked), model(masked)
    for name in ("masked_lm", "replaced_tokens"):
        np.testing.assert_array_equal(outputs[name], expected[name])
    with pytest.raises(ConfigError, match="layers were changed one by one"):
        model.generator.save_to_preset(tmp_path / "generator")


def test_files_are_a_quarter_as_large(tmp_path):
    size = {}
    for name, make in (("float", plain), ("int8", quantized)):
        model = make(vocabulary_size=1000, hidden_dim=128, intermediate_dim=512)
        model.save_to_preset(tmp_path / name)
        size[name] = (tmp_path / name / "model.safetensors").stat().st_size
    assert 0.25 < size["int8"] / size["float"] < 0.29


def test_other_formats_have_no_int8(tmp_path):
    with pytest.raises(ConfigError, match=r"'huggingface' has no names for an int8 model; .*tfzoo"):
        quantized().save_to_preset(tmp_path / "saved", format="huggingface")
    assert list(tmp_path.iterdir()) == []


def test_predictions_metrics_and_training_go_on():
    """Nothing of what was traced or kept for the model before is left."""
    model, labels = plain(dropout=0.0), np.array([0, 1])
    model.compile(loss="sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    before = model.predict(FEATURES, verbose=0)
    model.quantize()
    after = model.predict(FEATURES, verbose=0)
    assert 1e-7 < np.abs(after - before).max() < 0.05
    np.testing.assert_allclose(after, model(FEATURES), atol=1e-5)
    kernel = model.backbone.encoder.groups[0].intermediate.weights[1]
    numbers = np.array(kernel)
    assert np.isfinite(model.fit(FEATURES, labels, verbose=0).history["loss"][0])
    np.testing.assert_array_equal(kernel, numbers)


def test_compiled_and_exported_it_is_the_same(preprocessor, tmp_path):
    model = tfzoo.BertClassifier(quantized().backbone, preprocessor=preprocessor)
    expected = model(FEATURES)
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(FEATURES), expected, atol=1e-5)
    model.export(tmp_path / "exported")
    tokens = {name: tf.constant(value, tf.int32) for name, value in FEATURES.items()}
    tokens["segment_ids"] = tf.zeros_like(tokens["token_ids"])
    served = tf.saved_model.load(tmp_path / "exported").signatures["tokens"](**tokens)
    np.testing.assert_allclose(served["logits"], expected, atol=1e-5)


def test_bfloat16(saved):
    expected = tfzoo.BertClassifier.from_preset(saved)(FEATURES)
    loaded = tfzoo.BertClassifier.from_preset(saved, dtype="mixed_bfloat16")
    assert loaded.backbone.quantization == "int8"
    np.testing.assert_allclose(loaded(FEATURES), expected, atol=0.05)


def test_float16(saved):
    with pytest.raises(ConfigError, match="float16 cannot be int8; choose dtype='float32'"):
        plain(dtype="mixed_float16").quantize("int8")
    with pytest.raises(ConfigError, match="float16 cannot be int8; choose dtype='float32'"):
        tfzoo.BertClassifier.from_preset(saved, dtype="mixed_float16")


def test_initial_weights_are_not_int8(saved):
    model = tfzoo.BertClassifier.from_preset(saved, load_weights=False)
    assert model.backbone.quantization is None
    assert np.std(model.backbone.token_embedding.embeddings) > 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config, _: config.pop("quantization"), "unexpected.*kernel_scale"),
        (lambda config, _: config.update(quantization="int4"), "quantization 'int4'"),
        (lambda config, _: config.update(quantization=8), "quantization 8"),
        (lambda config, _: config.update(lora={"rank": 2, "alpha": 2}), "is damaged"),
        (lambda _, tensors: tensors.pop("pooler/dense/kernel_scale"), "missing.*kernel_scale"),
        (
            lambda _, tensors: tensors.update(
                {"pooler/dense/kernel": np.zeros((16, 16), "float32")}
            ),
            "'pooler/dense/kernel' is float32, not int8",
        ),
        (
            lambda _, tensors: tensors.update({"pooler/dense/bias": np.zeros(16, "int8")}),
            "'pooler/dense/bias' is int8, not floating point",
        ),
    ],
)
def test_presets_that_contradict_themselves(saved, change, message):
    tampered(saved, change)
    with pytest.raises(WeightsError, match=message):
        tfzoo.BertClassifier.from_preset(saved)


@pytest.mark.parametrize("mode", ["int4", "float8", "small", None])
def test_unknown_mode(mode):
    model = plain()
    for part in (model, model.backbone):
        with pytest.raises(ConfigError, match=f"quantization is {mode!r}; there is 'int8'"):
            part.quantize(mode)
    assert model.backbone.quantization is None


def test_twice():
    with pytest.raises(ConfigError, match="is int8 already; quantize it once"):
        quantized().quantize("int8")


def test_after_lora():
    model = plain()
    model.backbone.enable_lora(2)
    with pytest.raises(ConfigError, match="save it by save_to_preset, which merges"):
        model.quantize("int8")
    assert model.backbone.quantization is None
