"""LoRA on every encoder: what is trained, and that it is saved, exported and compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzoo
from tfzoo.errors import ConfigError
from tfzoo.weights.safetensors_file import SafetensorsFile

FAMILIES = ["Albert", "Bert", "DistilBert", "Electra", "Roberta"]
SIZES = {
    "vocabulary_size": 23,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 16,
    "dropout": 0.0,
}
IDS = np.array([[2, 7, 8, 3, 0], [2, 9, 10, 11, 3], [2, 12, 5, 3, 0], [2, 6, 13, 14, 3]])
FEATURES = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
LABELS = np.array([0, 1, 1, 0])


def adapted(family="Bert", preprocessor=None, rank=2, num_layers=1, **changes):
    """A classifier with LoRA whose outputs depend on its inputs."""
    keras.utils.set_random_seed(0)
    backbone_class = getattr(tfzoo, f"{family}Backbone")
    backbone = backbone_class(**{**SIZES, "num_layers": num_layers, **changes})
    for variable in backbone.weights:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(10 * variable)
    backbone.enable_lora(rank=rank, alpha=2 * rank)
    return getattr(tfzoo, f"{family}Classifier")(backbone, preprocessor=preprocessor, dropout=0.0)


def trained(model, **settings):
    optimizer = tfzoo.training.fine_tuning_optimizer(learning_rate=0.05)
    model.compile(optimizer, **settings)
    model.fit(FEATURES, LABELS, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return model


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    return trained(adapted(request.param), run_eagerly=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_small_matrices_per_layer_are_trained_besides_the_head(family):
    model = adapted(family, num_layers=2, rank=3)
    groups = 1 if family == "Albert" else 2
    names = [variable.name for variable in model.backbone.trainable_variables]
    assert sorted(names) == groups * ["lora_kernel_a"] + groups * ["lora_kernel_b"]
    count = sum(int(np.prod(variable.shape)) for variable in model.backbone.trainable_variables)
    assert count == groups * 3 * (8 + 3 * 8)
    head = {id(variable) for variable in model.classification_head.weights}
    assert head <= {id(variable) for variable in model.trainable_variables}


def test_training_moves_them_alone(model):
    before = adapted(type(model).__name__.removesuffix("Classifier"))
    moved = {
        ours.path
        for ours, theirs in zip(model.weights, before.weights, strict=True)
        if not np.array_equal(ours, theirs)
    }
    assert moved == {variable.path for variable in model.trainable_variables}


def test_presets_have_the_merged_kernels(model, tmp_path):
    model.save_to_preset(tmp_path / "saved")
    loaded = type(model).from_preset(tmp_path / "saved")
    assert loaded.backbone.lora is None
    assert len(loaded.trainable_weights) == len(loaded.weights)
    np.testing.assert_allclose(loaded(FEATURES), model(FEATURES), atol=1e-5)
    names = SafetensorsFile(tmp_path / "saved" / "model.safetensors").specs
    assert not [name for name in names if "lora" in name]


def test_so_have_the_formats_of_others(model, tmp_path):
    backbone = model.backbone
    backbone.save_to_preset(tmp_path / "saved", format="huggingface")
    loaded = type(backbone).from_preset(tmp_path / "saved")
    name = "sequence_output"
    np.testing.assert_allclose(loaded(FEATURES)[name], backbone(FEATURES)[name], atol=1e-5)


def test_keras_files_go_on_training(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.backbone.lora == {"rank": 2, "alpha": 4}
    assert loaded.backbone.get_config() == model.backbone.get_config()
    paths = [[v.path for v in each.trainable_variables] for each in (model, loaded)]
    assert paths[0] == paths[1]
    for each in (model, loaded):
        each.fit(FEATURES, LABELS, batch_size=4, verbose=0)
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("frozen", [True, False])
def test_what_is_frozen_later_stays_so(tmp_path, frozen):
    backbone = adapted().backbone
    backbone.trainable = not frozen
    backbone.save(tmp_path / "backbone.keras")
    loaded = keras.saving.load_model(tmp_path / "backbone.keras")
    assert len(loaded.trainable_variables) == (0 if frozen else 2)
    assert [v.trainable for v in loaded.variables] == [v.trainable for v in backbone.variables]


def test_it_can_follow_other_freezing():
    backbone = tfzoo.BertBackbone(**SIZES, num_layers=2, trainable=False)
    backbone.train_last_layers(1)
    backbone.enable_lora(2)
    assert len(backbone.trainable_variables) == 4


def test_rematerialized_shared_layers_get_the_same_gradients():
    """The gradient of one pair of matrices is a sum over three layers."""
    sizes = {"num_layers": 3, "embedding_dim": 4}
    one = trained(adapted("Albert", **sizes), run_eagerly=True)
    other = trained(adapted("Albert", **sizes, rematerialize=True))
    for ours, theirs in zip(one.trainable_variables, other.trainable_variables, strict=True):
        assert np.abs(ours).max() > 1e-3
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_masked_language_model_trains_its_head_and_not_its_tied_table():
    model = tfzoo.BertMaskedLM(adapted().backbone)
    paths = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert paths == {"encoder", "masked_lm_head"}


def test_compiled_and_exported_it_is_the_same(preprocessor, tmp_path):
    model = adapted(preprocessor=preprocessor)
    product = model.backbone.encoder.groups[0].attention.query_key_value
    product.lora_kernel_b.assign(np.ones(product.lora_kernel_b.shape))
    expected = model(FEATURES)
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(FEATURES), expected, atol=1e-5)
    model.export(tmp_path / "exported")
    tokens = {name: tf.constant(value, tf.int32) for name, value in FEATURES.items()}
    tokens["segment_ids"] = tf.zeros_like(tokens["token_ids"])
    served = tf.saved_model.load(tmp_path / "exported").signatures["tokens"](**tokens)
    np.testing.assert_allclose(served["logits"], expected, atol=1e-5)


@pytest.mark.parametrize("rank", [0, -1, 2.0, True, None])
def test_bad_rank(rank):
    with pytest.raises(ConfigError, match=f"rank of LoRA is {rank}; it must be a positive integer"):
        tfzoo.BertBackbone(**SIZES, num_layers=1).enable_lora(rank)


def test_a_rank_that_no_matrix_has():
    backbone = tfzoo.BertBackbone(**SIZES, num_layers=1)
    with pytest.raises(ConfigError, match="rank of LoRA is 9; choose one up to 8"):
        backbone.enable_lora(9)
    assert backbone.lora is None
    backbone.enable_lora(8)


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf"), "8"])
def test_bad_alpha(alpha):
    with pytest.raises(ConfigError, match=f"alpha of LoRA is {alpha!r}; it must be positive"):
        tfzoo.BertBackbone(**SIZES, num_layers=1).enable_lora(2, alpha=alpha)


def test_twice():
    backbone = adapted().backbone
    with pytest.raises(ConfigError, match="cannot be added to a model that has it already"):
        backbone.enable_lora(2)


def test_on_int8():
    backbone = tfzoo.BertBackbone(**SIZES, num_layers=1)
    backbone.quantize("int8")
    with pytest.raises(ConfigError, match="a model that is int8; enable it once"):
        backbone.enable_lora(2)
