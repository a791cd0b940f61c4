"""Replaced-token detection: what is replaced, what is told, and what is shared."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from tfzoo import (
    ElectraBackbone,
    ElectraPretrainer,
    ElectraTokenizer,
    Task,
    TextPreprocessor,
)
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.tasks.electra_pretrainer import _labelled
from tfzoo.training import AdamW
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
DISCRIMINATOR, GENERATOR, GOOGLE = (
    ARTIFACTS / f"electra_{part}" / "model" for part in ("discriminator", "generator", "google")
)
TEXTS = ["we saw a very good film .", "it was not great !"] * 16
MASK = 4
# A row with two masks, one with one and a filler, and one of padding behind its words.
FEATURES = {
    "token_ids": np.array([[2, 7, MASK, 9, MASK, 3], [2, MASK, 11, 3, 0, 0], [2, 8, 9, 3, 0, 0]]),
    "padding_mask": np.array([[1] * 6, [1] * 4 + [0] * 2, [1] * 4 + [0] * 2]),
    "masked_positions": np.array([[2, 4], [1, 0], [0, 0]]),
}
LABELS = np.array([[8, 10], [10, 2], [2, 2]])
WEIGHTS = np.array([[1.0, 1], [1, 0], [0, 0]], "float32")


def read_expected(folder):
    with np.load(folder.parent / "expected.npz") as file:
        expected = dict(file)
    names = {
        "token_ids": "input_ids",
        "padding_mask": "attention_mask",
        "segment_ids": "token_type_ids",
    }
    return {ours: expected[theirs] for ours, theirs in names.items()}, expected


@pytest.fixture
def make_pretrainer(preprocessor):
    """A function that makes the same small model each time, with large weights."""
    words = preprocessor.tokenizer.vocabulary
    mine = TextPreprocessor(ElectraTokenizer(words), preprocessor.sequence_length)

    def make(**changes):
        keras.utils.set_random_seed(0)
        sizes = {"num_layers": 1, "num_heads": 4, "hidden_dim": 32, "embedding_dim": 16, **changes}
        backbone = ElectraBackbone(
            len(words), intermediate_dim=64, max_sequence_length=24, dropout=0.0, **sizes
        )
        model = ElectraPretrainer(backbone, mine, generator_hidden_dim=8)
        for variable in model.weights:
            if variable.name in ("kernel", "embeddings"):
                variable.assign(10 * variable)
        return model

    return make


@pytest.fixture
def model(make_pretrainer):
    return make_pretrainer()


def test_learns_from_strings(model):
    model.compile(AdamW(0.01))
    keras.utils.set_random_seed(1)
    settings = {"validation_data": (TEXTS,), "batch_size": 8, "epochs": 10, "verbose": 0}
    history = model.fit(TEXTS, **settings).history
    for name in ("loss", "masked_lm_loss", "replaced_tokens_loss"):
        assert history[name][-1] < 0.75 * history[name][0], name
        assert history[f"val_{name}"][-1] < history[f"val_{name}"][0], name
    assert history["masked_lm_accuracy"][-1] > history["masked_lm_accuracy"][0] + 0.1
    assert history["replaced_tokens_auc"][-1] > 0.65 > history["replaced_tokens_auc"][0]
    assert history["replaced_tokens_accuracy"][-1] > history["replaced_tokens_accuracy"][0]
    total = history["masked_lm_loss"][0] + 50 * history["replaced_tokens_loss"][0]
    assert history["loss"][0] == pytest.approx(total, 0.05)


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_masks(model, share):
    """85% of the tokens to predict are masked, and the others stay."""
    mine = ElectraPretrainer(model.backbone, model.preprocessor, 8, mask_share=share)
    texts = ["a the film was good bad great awful very not"] * 200
    batches = tf.data.Dataset.from_tensors(dict(model.preprocessor(texts)))
    ((features, labels, weights),) = mine.finish_batches(batches, seed=0, training=False)
    ids, positions = (features[name].numpy() for name in ("token_ids", "masked_positions"))
    np.testing.assert_array_equal(weights.numpy().sum(axis=1), round(10 * share))
    real = weights.numpy() > 0
    now, labels = np.take_along_axis(ids, positions, axis=1)[real], labels.numpy()[real]
    assert (now == MASK).mean() == pytest.approx(0.85, abs=0.05)
    np.testing.assert_array_equal(np.where(now == MASK, labels, now), labels)


def test_samples_take_the_place_of_masks_and_of_nothing_else(model):
    bias = model.generator.masked_lm_head.output_bias
    bias.assign(1000.0 * (np.arange(23) == 20))  # sure of one word
    outputs = model(FEATURES, training=True)
    ids, before = outputs["sampled_ids"].numpy(), FEATURES["token_ids"]
    np.testing.assert_array_equal(ids, np.where(before == MASK, 20, before))
    detected = model({**FEATURES, "token_ids": ids, "masked_positions": None})
    np.testing.assert_allclose(outputs["replaced_tokens"], detected["replaced_tokens"], atol=1e-5)
    assert detected.keys() == {"replaced_tokens"}
    assert outputs["masked_lm"].shape == (3, 2, 23)
    logits = model.generator(FEATURES)
    np.testing.assert_allclose(outputs["masked_lm"], logits, atol=1e-5)


def test_samples_follow_the_softmax(model):
    row = {name: value[:1] for name, value in FEATURES.items()}
    rows = {name: np.repeat(value, 4000, axis=0) for name, value in row.items()}
    expected = keras.ops.softmax(model.generator(row))[0, 0]
    ids = model(rows, training=True)["sampled_ids"][:, 2]
    shares = np.bincount(ids, minlength=23) / 4000
    np.testing.assert_allclose(shares, expected, atol=0.03)
    assert np.max(expected) < 0.9


def test_training_samples_anew_and_evaluation_does_not(model):
    rows = {name: np.repeat(value, 20, axis=0) for name, value in FEATURES.items()}

    def samples(training):
        return model(rows, training=training)["sampled_ids"].numpy()

    assert (samples(True) != samples(True)).any()
    np.testing.assert_array_equal(samples(False), samples(False))


def test_sampled_originals_are_not_replaced():
    outputs = {
        "sampled_ids": np.array([[2, 7, 8, 9, 20, 3], [2, 21, 11, 3, 0, 0], [2, 8, 9, 3, 0, 0]]),
        "masked_lm": "logits",
        "replaced_tokens": np.zeros((3, 6)),
    }
    targets, kept, weights = _labelled(FEATURES, LABELS, outputs, WEIGHTS)
    expected = [[0, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 0], [0] * 6]
    np.testing.assert_array_equal(targets["replaced_tokens"][..., 0], expected)
    np.testing.assert_array_equal(weights["replaced_tokens"], FEATURES["padding_mask"])
    np.testing.assert_array_equal(weights["masked_lm"], WEIGHTS)
    assert kept.keys() == targets.keys() == weights.keys() == {"masked_lm", "replaced_tokens"}


def test_loss_is_a_mean_over_masks_and_fifty_times_one_over_real_tokens(model):
    model.compile(keras.optimizers.SGD(0.0))
    outputs = {name: value.numpy() for name, value in model(FEATURES).items()}
    logits = outputs["masked_lm"].astype("float64")
    chosen = np.take_along_axis(logits, LABELS[..., None], axis=-1)[..., 0]
    masked_lm = ((np.log(np.exp(logits).sum(axis=-1)) - chosen) * WEIGHTS).sum() / 3
    targets, *_ = _labelled(FEATURES, LABELS, outputs, WEIGHTS)
    replaced, logits = targets["replaced_tokens"].numpy()[..., 0], outputs["replaced_tokens"]
    each = np.log1p(np.exp(logits)) - replaced * logits
    real = FEATURES["padding_mask"]
    detection = (each * real).sum() / real.sum()
    result = model.test_on_batch(FEATURES, LABELS, WEIGHTS, return_dict=True)
    assert result["masked_lm_loss"] == pytest.approx(masked_lm, 1e-4)
    assert result["replaced_tokens_loss"] == pytest.approx(detection, 1e-4)
    assert result["loss"] == pytest.approx(masked_lm + 50 * detection, 1e-4)
    right = ((logits > 0) == replaced) * real
    assert result["replaced_tokens_accuracy"] == pytest.approx(right.sum() / real.sum(), 1e-4)


def test_embeddings_are_one_variable_with_the_gradients_of_both_parts(model):
    shared = model.backbone.token_embedding.embeddings
    assert model.generator.backbone.token_embedding.embeddings is shared
    weights = model.trainable_variables
    assert len({id(variable) for variable in weights}) == len(weights) == len(variables(model))
    wide = [variable for variable in weights if tuple(variable.shape) == shared.shape]
    assert [id(variable) for variable in wide] == [id(shared)]

    def gradient(**loss_weights):
        weighted = {"masked_lm": 0.0, "replaced_tokens": 0.0, **loss_weights}
        model.compile(keras.optimizers.SGD(0.0), loss_weights=weighted)
        with tf.GradientTape() as tape:
            loss = model.compute_loss(FEATURES, LABELS, model(FEATURES), WEIGHTS)
        return tf.convert_to_tensor(tape.gradient(loss, shared.value)).numpy()

    parts = gradient(masked_lm=1.0), gradient(replaced_tokens=50.0)
    assert all(np.abs(part).max() > 1e-3 for part in parts)
    both = gradient(masked_lm=1.0, replaced_tokens=50.0)
    np.testing.assert_allclose(both, sum(parts), atol=1e-5)


def test_no_gradient_passes_the_sampling(model):
    """Of the detection, only the shared variables of the generator know."""
    model.compile(
        keras.optimizers.SGD(0.0), loss_weights={"masked_lm": 0.0, "replaced_tokens": 50.0}
    )
    own = [v for path, v in variables(model).items() if path.startswith("generator/")]
    with tf.GradientTape() as tape:
        loss = model.compute_loss(FEATURES, LABELS, model(FEATURES, training=True), WEIGHTS)
    for gradient in tape.gradient(loss, [variable.value for variable in own]):
        assert gradient is None or not np.asarray(gradient).any()


def test_compiled_by_xla(model):
    model.compile(AdamW(0.01), jit_compile=True)
    first = model.train_on_batch(FEATURES, LABELS, WEIGHTS)[0]
    for _ in range(3):
        last = model.train_on_batch(FEATURES, LABELS, WEIGHTS)[0]
    assert last < first


@pytest.mark.parametrize("embedding_dim", [None, 8])
def test_widths_of_embeddings(make_pretrainer, embedding_dim):
    """As wide as the discriminator, and as wide as the generator."""
    model = make_pretrainer(embedding_dim=embedding_dim)
    projections = {path for path in variables(model) if path.endswith("projection/kernel")}
    assert (
        projections
        == {
            None: {"generator/embeddings/projection/kernel"},
            8: {"embeddings/projection/kernel"},
        }[embedding_dim]
    )
    assert model(FEATURES)["masked_lm"].shape == (3, 2, 23)


def test_a_quarter_is_the_default_width():
    backbone = ElectraBackbone(23, 1, 4, 32, 64, max_sequence_length=24)
    config = ElectraPretrainer(backbone).generator.backbone.get_config()
    sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "intermediate_dim": 16}
    assert config.items() >= {**sizes, "embedding_dim": 32}.items()
    heads = ElectraPretrainer(backbone, generator_hidden_dim=16).generator.backbone.get_config()
    assert heads["num_heads"] == 2
    with pytest.raises(ConfigError, match="width of 17 cannot be divided among 2 heads"):
        ElectraPretrainer(backbone, generator_hidden_dim=17)


def test_keras_file(model, tmp_path):
    model.compile(AdamW(0.01))
    model.fit(TEXTS[:2], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.own_config() == model.own_config()
    for mine, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=mine.path)
    shared = loaded.backbone.token_embedding.embeddings
    assert loaded.generator.backbone.token_embedding.embeddings is shared
    np.testing.assert_allclose(
        loaded(FEATURES)["masked_lm"], model(FEATURES)["masked_lm"], atol=1e-6
    )
    assert np.isfinite(loaded.fit(TEXTS, verbose=0).history["loss"][0])


@pytest.fixture
def discriminator():
    """An `ElectraForPreTraining`, and a generator that nobody has trained."""
    with pytest.warns(UserWarning, match="has no generator that tfzoo can read"):
        return Task.from_preset(DISCRIMINATOR, generator_hidden_dim=10)


def test_discriminator_of_transformers(discriminator):
    assert type(discriminator) is ElectraPretrainer
    features, expected = read_expected(DISCRIMINATOR)
    logits = discriminator(features)["replaced_tokens"]
    assert np.abs(expected["logits"]).max() > 0.1
    np.testing.assert_allclose(logits, expected["logits"], rtol=0, atol=2e-5)


def test_generator_of_transformers(discriminator):
    discriminator.load_generator(GENERATOR)
    features, expected = read_expected(GENERATOR)  # whose embeddings are the discriminator's
    np.testing.assert_allclose(
        discriminator.generator(features), expected["logits"], rtol=0, atol=2e-5
    )
    both = variables(ElectraPretrainer.from_preset(GOOGLE))
    for path, variable in variables(discriminator).items():
        np.testing.assert_array_equal(variable, both[path], err_msg=path)


def test_loading_a_generator_leaves_the_discriminator_alone(discriminator):
    table = discriminator.backbone.token_embedding.embeddings
    table.assign(table + 1)
    before = [variable.numpy() for variable in discriminator.backbone.weights]
    discriminator.load_generator(GENERATOR)
    for variable, value in zip(discriminator.backbone.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_generator_of_another_size(make_pretrainer):
    model = make_pretrainer()
    with pytest.raises(ConfigError, match="other sizes; its width is 10, here 8"):
        model.load_generator(GENERATOR)


@pytest.mark.parametrize("part", ["ElectraForPreTraining", "ElectraForMaskedLM"])
def test_written_for_transformers(part, tmp_path):
    """Both parts of Google's checkpoint, as transformers would have written them."""
    model = ElectraPretrainer.from_preset(GOOGLE)
    written = model if part == "ElectraForPreTraining" else model.generator
    written.save_to_preset(tmp_path / "written", format="huggingface")
    folder = DISCRIMINATOR if part == "ElectraForPreTraining" else GENERATOR
    ours, theirs = (
        load_file(each / "model.safetensors") for each in (tmp_path / "written", folder)
    )
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model, info = getattr(transformers, part).from_pretrained(
        tmp_path / "written", output_loading_info=True, attn_implementation="eager"
    )
    assert not any(info.values()), info
    _, expected = read_expected(folder)
    names = ("input_ids", "attention_mask", "token_type_ids")
    with torch.no_grad():
        outputs = model(**{name: torch.tensor(expected[name]) for name in names})
    np.testing.assert_allclose(outputs.logits, expected["logits"], rtol=0, atol=2e-5)


def test_labels_are_not_wanted(model):
    with pytest.raises(DataError, match="makes its own labels"):
        model.fit(TEXTS, [0] * len(TEXTS), verbose=0)
    with pytest.raises(ConfigError, match="predicts on features"):
        model.predict(TEXTS)


def test_a_frozen_backbone_survives_files_and_presets(make_pretrainer, tmp_path):
    model = make_pretrainer()
    model.backbone.train_last_layers(0)
    trained = len(model.backbone.trainable_weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.backbone.trainable_weights) == trained
    model.save_to_preset(tmp_path / "saved")
    frozen = ElectraPretrainer.from_preset(tmp_path / "saved", trainable=False)
    assert frozen.backbone.trainable_weights == []


def test_a_generator_comes_from_a_masked_language_model_alone(make_pretrainer):
    with pytest.raises(WeightsError, match=r"has no masked_lm_head, so it is no generator"):
        make_pretrainer().load_generator(DISCRIMINATOR)
