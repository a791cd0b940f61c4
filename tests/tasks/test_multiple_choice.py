"""Multiple choice: from Hugging Face, from strings, and as a SavedModel."""

import json
import logging
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

import tfzoo
from tfzoo import BertMultipleChoice, MultipleChoice, RobertaMultipleChoice, Task
from tfzoo.data.choices import choice_lists
from tfzoo.errors import ConfigError, DataError, WeightsError
from tfzoo.training import AdamW
from tfzoo.weights.shapes import variables

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
FAMILIES = {
    "albert": "Albert",
    "bert": "Bert",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "roberta": "Roberta",
}
FEATURES = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
}
CONTEXTS = ["we saw a film", "the film was very very bad", "a play", "it was awful . we saw it"]
CHOICES = [["good", "it was not awful !"], ["bad", "not", "we saw the film"], ["great"], ["a", "b"]]


def folder(family):
    return ARTIFACTS / f"{family}_multiple_choice" / "model"


def read_expected(family):
    with np.load(folder(family).parent / "expected.npz") as file:
        return dict(file)


def close(ours, theirs, atol=2e-5):
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def model(tiny_bert, preprocessor):
    """Not trained, with logits that differ."""
    model = BertMultipleChoice(tiny_bert(), preprocessor=preprocessor)
    for variable in model.multiple_choice_head.weights:
        if variable.name == "kernel":
            variable.assign(10 * variable)
    return model


@pytest.fixture(scope="module")
def logits(model):
    return model.predict((CONTEXTS, CHOICES), verbose=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_of_hugging_face(family, tmp_path):
    expected = read_expected(family)
    model = Task.from_preset(folder(family), name="model")
    assert type(model) is getattr(tfzoo, f"{FAMILIES[family]}MultipleChoice")
    inputs = {ours: expected[name] for name, ours in FEATURES.items() if name in expected}
    assert inputs["token_ids"].shape == (2, 3, 16)
    assert np.ptp(expected["logits"], axis=1).min() > 0.01
    close(model(inputs), expected["logits"])
    rows = tfzoo.TextPreprocessor(model.preprocessor.tokenizer, 200)(list(expected["texts"]))
    np.testing.assert_array_equal(rows["token_ids"], expected["text_ids"])

    model.save_to_preset(tmp_path / "written", format="huggingface")
    again = MultipleChoice.from_preset(tmp_path / "written", name="model")
    assert type(again) is type(model)
    stated = family in ("albert", "bert", "distilbert")
    assert again.own_config() == model.own_config() == {"dropout": 0.3 if stated else 0.1}
    for path, variable in variables(model).items():
        np.testing.assert_array_equal(variables(again)[path], variable, err_msg=path)
    both = tmp_path / "written", folder(family)
    ours, theirs = (load_file(each / "model.safetensors") for each in both)
    assert ours.keys() == theirs.keys()
    config, original = (json.loads((each / "config.json").read_text()) for each in both)
    known = config.keys() & original.keys() - {"classifier_dropout"}
    assert {key: config[key] for key in known} == {key: original[key] for key in known}


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_reads_what_is_written(family, tmp_path, caplog):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    Task.from_preset(folder(family)).save_to_preset(tmp_path / "new", format="huggingface")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        theirs, info = getattr(
            transformers, f"{FAMILIES[family]}ForMultipleChoice"
        ).from_pretrained(tmp_path / "new", output_loading_info=True, attn_implementation="eager")
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []
    assert not any(info.values()), info
    expected = read_expected(family)
    with torch.no_grad():
        tensors = {name: torch.tensor(expected[name]) for name in FEATURES if name in expected}
        close(theirs(**tensors).logits.numpy(), expected["logits"])


def test_a_pooler_is_no_head_of_a_model_without_a_task(tmp_path):
    """What `RobertaModel` writes, where the pooler may be one that nobody has trained."""
    copy = shutil.copytree(folder("roberta"), tmp_path / "model")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["RobertaModel"]}))
    arrays = load_file(copy / "model.safetensors")
    kept = {name: array for name, array in arrays.items() if not name.startswith("classifier.")}
    save_file(kept, copy / "model.safetensors")
    with pytest.raises(WeightsError, match="without the heads of a task"):
        Task.from_preset(copy)
    model = RobertaMultipleChoice.from_preset(copy)
    dense = arrays["roberta.pooler.dense.weight"].T
    assert not np.array_equal(model.multiple_choice_head.dense.kernel, dense)


def test_a_summary_of_another_kind_is_refused(tmp_path):
    copy = shutil.copytree(folder("electra"), tmp_path / "model")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "summary_type": "mean"}))
    with pytest.raises(WeightsError, match=r"summary_type .* knows only 'first'"):
        Task.from_preset(copy)


def test_each_row_by_itself(model, logits):
    """Batches, padding and choices that are not there make no difference."""
    assert logits.shape == (4, 3)
    for context, choices, row in zip(CONTEXTS, CHOICES, logits, strict=True):
        for choice, logit in zip(choices, row[: len(choices)], strict=True):
            features = model.preprocessor(([context], [choice]))
            pooled = model.backbone(features)["pooled_output"]
            np.testing.assert_allclose(
                logit, model.multiple_choice_head(pooled)[0, 0], rtol=0, atol=1e-5
            )
        assert (row[len(choices) :] == -1e9).all()
    assert np.ptp(logits[1]) > 0.01
    np.testing.assert_allclose(
        model.predict((CONTEXTS, CHOICES), batch_size=1, verbose=0), logits, atol=1e-5
    )
    array = np.array([each[:1] * 2 for each in CHOICES])
    same = model.predict((np.array(CONTEXTS), array), verbose=0)
    np.testing.assert_allclose(same, logits[:, [0, 0]], atol=1e-5)


def test_choose(model, logits):
    answers = model.choose(CONTEXTS, CHOICES)
    assert [answer["choice"] for answer in answers] == logits.argmax(axis=1).tolist()
    for choices, answer in zip(CHOICES, answers, strict=True):
        assert answer["text"] == choices[answer["choice"]]
        assert len(answer["probabilities"]) == len(choices)
        assert sum(answer["probabilities"]) == pytest.approx(1)
        assert max(answer["probabilities"]) == answer["probabilities"][answer["choice"]]


def test_learns_from_strings(tiny_bert, preprocessor):
    choose = np.random.default_rng(0)
    fillers, wrong = ["a film", "the play", "it"], ["bad", "very bad", "awful", "not it"]
    contexts, choices, labels = [], [], []
    for _ in range(160):
        row = [f"{choose.choice(fillers)} was {choose.choice(wrong)}"] * choose.integers(1, 4)
        labels.append(int(choose.integers(len(row) + 1)))
        row.insert(labels[-1], f"{choose.choice(fillers)} was good")
        choices.append(row)
        contexts.append(f"we saw {choose.choice(fillers)}")
    model = BertMultipleChoice(tiny_bert(num_layers=1, dropout=0.0), preprocessor=preprocessor)
    model.compile(AdamW(0.01))
    history = model.fit(
        (contexts, choices), labels, epochs=4, batch_size=16, validation_split=0.1, verbose=0
    ).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    logits = model.predict((contexts, choices), verbose=0)
    right = logits.argmax(axis=1) == labels
    assert right.mean() > 0.95
    scores = model.evaluate((contexts, choices), labels, verbose=0, return_dict=True)
    assert scores["accuracy"] == pytest.approx(right.mean())
    shifted = logits - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(160), labels]
    assert scores["loss"] == pytest.approx(losses.mean(), rel=1e-3)
    weights = np.arange(160.0)
    weighted = model.evaluate((contexts, choices), labels, sample_weight=weights, verbose=0)
    assert weighted[0] == pytest.approx((losses * weights).mean(), rel=1e-3)


@pytest.mark.parametrize("form", ["tfzoo", "keras"])
def test_saved_and_loaded(model, logits, tmp_path, form):
    if form == "keras":
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    else:
        model.save_to_preset(tmp_path / "preset")
        loaded = Task.from_preset(tmp_path / "preset")
    assert type(loaded) is BertMultipleChoice
    assert loaded.own_config() == {"dropout": 0.1}
    np.testing.assert_array_equal(loaded.predict((CONTEXTS, CHOICES), verbose=0), logits)


def test_exported(model, logits, tmp_path):
    model.export(tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    padded = [each + [""] * (3 - len(each)) for each in CHOICES]
    outputs = signatures["serving_default"](
        context=tf.constant(CONTEXTS), choices=tf.constant(padded)
    )
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-5)
    answers = model.choose(CONTEXTS, CHOICES)
    for answer, row in zip(answers, outputs["probabilities"].numpy(), strict=True):
        count = len(answer["probabilities"])
        np.testing.assert_allclose(row[:count], answer["probabilities"], atol=1e-5)
        assert not row[count:].any()
    features = model.preprocessor(([CONTEXTS[1]] * 3, CHOICES[1]))
    of_tokens = signatures["tokens"](**{name: each[None] for name, each in features.items()})
    np.testing.assert_allclose(of_tokens["logits"][0], logits[1], atol=1e-5)


def test_features_alone(tiny_bert):
    model = BertMultipleChoice(tiny_bert(num_layers=1))
    with pytest.raises(DataError, match="no preprocessor"):
        model.choose(CONTEXTS, CHOICES)
    with pytest.raises(ConfigError, match="preprocessor"):
        model.export("nowhere")
    ids = np.array([[[2, 7, 3, 8, 3], [2, 7, 3, 9, 3]]] * 4)
    model.compile(run_eagerly=True)
    history = model.fit({"token_ids": ids}, [0, 1, 1, 1], verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert model.predict({"token_ids": ids}, verbose=0).shape == (4, 2)


def test_the_pooler_is_trained(model):
    paths = {variable.path for variable in model.trainable_variables}
    assert {"pooler/dense/kernel", "multiple_choice_head/logits/kernel"} < paths


@pytest.mark.parametrize(
    ("contexts", "choices", "labels", "message"),
    [
        (["a", "a"], [["b", "c"], ["b", "c"]], [0, 2], "Example 1 has the label 2; .* 0..1"),
        (["a", "a"], [["b", "c"], ["b"]], [0, 1], "Example 1 has the label 1, and choices .* 0 to"),
        (["a", "a"], [["b", "c"], ["b"]], [0, "x"], "Example 1 has the label 'x'"),
        (["a"], [["b", "c"]], [0, 1], "1 examples and 2 labels"),
        (["a"], [["b", "c"]], None, "no labels"),
        (["a"], [["b"], ["c"]], [0], "1 contexts and 2 lists of choices"),
        (["a", "a"], [["b"], []], [0, 0], "Example 1 has no choices"),
        (["a", "a"], [["b"], "bc"], [0, 0], "Example 1 has the choices 'bc'"),
        (["a", "a"], [["b"], None], [0, 0], "Example 1 has the choices None"),
        (["a", "a"], [["b"], ["c", 5]], [0, 0], "Choice 1 of example 1 is 5"),
        (["a", "a"], [["b"], ["", "c"]], [0, 0], "Choice 0 of example 1 is ''"),
        (["a", None], [["b"], ["c"]], [0, 0], "Text 1 is not a string but NoneType"),
        ([], [], [], "no examples"),
    ],
)
def test_wrong_examples(model, contexts, choices, labels, message):
    with pytest.raises(DataError, match=message):
        model.fit((contexts, choices), labels)


def test_wrong_columns(model):
    for columns in (CONTEXTS, (None, CHOICES), (CONTEXTS, iter(CHOICES))):
        with pytest.raises(DataError, match=r"\(contexts, choices\)"):
            choice_lists(columns)
    with pytest.raises(DataError, match=r"\(contexts, choices\)"):
        model.predict(CONTEXTS)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        model.predict((CONTEXTS, CHOICES), batch_size=0)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        model.fit((CONTEXTS, CHOICES), [0] * 4, batch_size=0)
    with pytest.raises(DataError, match=r"weights have the shape \(1,\)"):
        model.evaluate((["a", "a"], [["b"], ["c"]]), [0, 0], sample_weight=[1.0])
    dataset = tf.data.Dataset.from_tensor_slices((["a"], [0]))
    with pytest.raises(DataError, match=r"\(contexts, choices\)"):
        model.fit(dataset)
