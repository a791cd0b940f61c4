"""Question answerers: from Hugging Face, from strings, and back as characters of the context."""

import random
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SPECIAL
from tfzoo import BertBackbone, BertTokenizer, Task, TextPreprocessor
from tfzoo.data import context_batches
from tfzoo.errors import ConfigError, DataError
from tfzoo.tasks.question_answerer import BertQuestionAnswerer, QuestionAnswerer
from tfzoo.training import AdamW
from tfzoo.training.squad_scores import squad_scores

ARTIFACT = Path(__file__).parents[1] / "artifacts" / "huggingface_question_answerer"
NAMES = ["Ada", "Bób", "Cléo", "Dan", "Eva"]
TOWNS = ["Rome", "Oslo", "Lima", "東京"]
FILLERS = ["The  sun shines.", "It rains 🌧️.", "And it\u00a0rains."]
WORDS = ["ada", "bob", "cleo", "dan", "eva", "rome", "oslo", "lima", "東", "京", "who", "where"]
WORDS += ["when", "lives", "in", "since", "?", ".", "and", "the", "sun", "shines", "it", "rains"]
WORDS += ["19", "##0", "##1", "##2"]


def made_examples(count, seed):
    """Contexts of up to 31 tokens that say who lives where, and sometimes since when."""
    choose = random.Random(seed)
    questions, contexts, answers = [], [], []
    for _ in range(count):
        sentences = choose.choices(FILLERS, k=choose.randrange(5))
        year = f"19{choose.choice('012')}{choose.choice('012')}"
        facts = {"Who?": choose.choice(NAMES), "Where?": choose.choice(TOWNS), "When?": year}
        if choose.random() < 0.4:
            del facts["When?"]
        since = f" since {year}" if "When?" in facts else ""
        place = choose.randrange(len(sentences) + 1)
        sentences.insert(place, f"{facts['Who?']} lives in {facts['Where?']}{since}.")
        questions.append(choose.choice(["Who?", "Where?", "When?"]))
        contexts.append("  ".join(sentences))
        text = facts.get(questions[-1])
        start = text and contexts[-1].index(text)
        answers.append(text and {"text": text, "answer_start": start})
    return (questions, contexts), answers


def build(**arguments):
    keras.utils.set_random_seed(0)
    tokenizer = BertTokenizer([*SPECIAL, *WORDS])
    backbone = BertBackbone(
        vocabulary_size=tokenizer.vocabulary_size,
        num_layers=1,
        num_heads=4,
        hidden_dim=32,
        intermediate_dim=64,
        dropout=0.0,
        max_sequence_length=20,
    )
    preprocessor = TextPreprocessor(tokenizer, sequence_length=20)
    arguments = {"preprocessor": preprocessor, "doc_stride": 7, "null_threshold": 0.0, **arguments}
    return BertQuestionAnswerer(backbone, **arguments)


@pytest.fixture(scope="module")
def trained():
    model = build()
    model.compile(AdamW(0.01))
    model.history = model.fit(*made_examples(800, seed=0), epochs=10, verbose=0).history
    return model


@pytest.fixture(scope="module")
def examples():
    return made_examples(60, seed=1)


@pytest.fixture(scope="module")
def answers(trained, examples):
    return trained.answer(*examples[0])


def assert_same_answers(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("text", "start", "end"):
            assert mine[name] == other[name]
        for name in ("score", "null_difference"):
            assert mine[name] == pytest.approx(other[name], abs=1e-4)


def test_learns_from_strings(trained, examples, answers):
    (_, contexts), expected = examples
    loss = trained.history["loss"]
    assert loss[-1] < 0.3 * loss[0]
    assert {"start_logits_accuracy", "end_logits_accuracy"} < set(trained.history)
    references = [[answer["text"]] if answer else [] for answer in expected]
    scores = squad_scores([answer["text"] for answer in answers], references)
    assert scores["has_answer_exact"] > 85
    assert scores["no_answer_exact"] > 85
    for context, answer in zip(contexts, answers, strict=True):
        assert context[answer["start"] : answer["end"]] == answer["text"]
    assert {"東京", "Bób", ""} < {answer["text"] for answer in answers}
    windows = context_batches.cut(trained.context_windows, *examples[0])
    assert len(windows.example) > 1.3 * len(contexts)


def test_logits_of_hugging_face():
    model = Task.from_preset(ARTIFACT / "model")
    assert type(model) is BertQuestionAnswerer
    with np.load(ARTIFACT / "expected.npz") as expected:
        features = {
            "token_ids": expected["input_ids"],
            "padding_mask": expected["attention_mask"],
            "segment_ids": expected["token_type_ids"],
        }
        for outputs in (model(features), model.predict(features, verbose=0)):
            for name in ("start_logits", "end_logits"):
                assert np.abs(expected[name]).max() > 0.1
                np.testing.assert_allclose(outputs[name], expected[name], rtol=0, atol=2e-5)


def test_one_by_one_and_in_batches(trained, examples, answers):
    pairs = list(zip(*examples[0], strict=True))[:5]
    single = [trained.answer([question], [context])[0] for question, context in pairs]
    assert_same_answers(single, answers[:5])
    assert_same_answers(trained.answer(*examples[0], batch_size=3), answers)
    assert_same_answers(trained.predict(examples[0], verbose=0), answers)


def test_chunks_make_no_difference(trained, examples, answers, monkeypatch):
    monkeypatch.setattr(context_batches, "_PAIRS_PER_CHUNK", 7)
    assert_same_answers(trained.answer(*examples[0]), answers)


def test_search_of_the_original(trained, examples, answers):
    """Windows and spans by hand, from the logits of one row at a time."""
    cutter = trained.context_windows
    for index, (question, context) in enumerate(list(zip(*examples[0], strict=True))[:15]):
        windows = cutter.encode([question], [context])
        spans, nulls = [], []
        for window in range(len(windows.example)):
            rows = {name: each[window : window + 1] for name, each in windows.rows.items()}
            features = cutter.pad(rows)
            may_start = features.pop("start_mask")[0].numpy()
            outputs = trained({k: v for k, v in features.items() if k != "answer_mask"})
            start, end = (outputs[f"{name}_logits"][0].numpy() for name in ("start", "end"))
            nulls.append(start[0] + end[0])
            shift = int(windows.piece[window] - windows.column[window])
            stop = int(windows.rows["token_ids"][window].shape[0]) - 1
            for s in np.flatnonzero(may_start):
                for e in range(s, min(stop, s + trained.max_answer_length)):
                    spans.append((start[s] + end[e], s + shift, e + shift))
        score, first, last = max(spans)
        difference = min(nulls) - score
        assert answers[index]["null_difference"] == pytest.approx(difference, abs=1e-4)
        if difference > 0:
            assert answers[index]["text"] == ""
            assert answers[index]["score"] == pytest.approx(min(nulls), abs=1e-4)
        else:
            begin, finish = windows.starts[0, first], windows.ends[0, last]
            assert answers[index]["score"] == pytest.approx(score, abs=1e-4)
            assert (answers[index]["start"], answers[index]["end"]) == (begin, finish)


def test_several_answers(trained, examples):
    """Each text once, with the better of its places."""
    (questions, contexts), _ = examples
    contexts = [f"{context}  {context}" for context in contexts]
    several = trained.answer(questions, contexts, top_k=3, null_threshold=float("inf"))
    for context, row in zip(contexts, several, strict=True):
        scores = [answer["score"] for answer in row]
        assert len({answer["text"] for answer in row}) == len(row) == 3
        assert scores == sorted(scores, reverse=True)
        assert all(context[each["start"] : each["end"]] == each["text"] for each in row)


def test_thresholds_of_a_call(trained, examples):
    (questions, contexts), _ = examples
    always = trained.answer(questions, contexts, null_threshold=float("inf"))
    assert all(answer["text"] for answer in always)
    never = trained.answer(questions, contexts, top_k=2, null_threshold=-float("inf"))
    for row, best in zip(never, always, strict=True):
        assert row[0]["text"] == ""
        assert row[0]["score"] - best["score"] == pytest.approx(best["null_difference"], abs=1e-4)
        assert row[1] == best


def test_longest_answer(trained, examples):
    model = build(max_answer_length=1)
    model.set_weights(trained.get_weights())
    tokens = [
        len(model.preprocessor.tokenizer([answer["text"]]).to_list()[0])
        for answer in model.answer(*examples[0])
    ]
    assert max(tokens) == 1


def test_targets_are_columns_of_windows():
    model = build()
    context = "Ada lives in 東京. " + "It rains. " * 4  # tokens 0..5, then 12 more
    answers = [{"text": "東京", "answer_start": 13}, None, {"text": "京. It", "answer_start": 14}]
    x = (["Who? " * 3] * 3, [context] * 3)
    batches = context_batches.training_batches(
        model.context_windows, x, answers, [1, 2, 3], batch_size=2, shuffle=False
    )
    rows = [
        row
        for features, y, weight in batches
        for row in zip(*map(np.array, (y["start_logits"], y["end_logits"], weight)), strict=True)
    ]
    # 6 tokens of a question, 3 special ones, windows of 11 tokens from 0 and 7
    assert rows == [(11, 12, 1), (0, 0, 1), (0, 0, 2), (0, 0, 2), (12, 14, 3), (0, 0, 3)]
    assert int(batches.cardinality()) == 3


def test_loss_is_the_mean_over_starts_and_ends(trained):
    x, answers = made_examples(15, seed=2)
    batches = context_batches.training_batches(
        trained.context_windows, x, answers, batch_size=1, shuffle=False
    )
    losses = []
    for features, y in batches:
        outputs = trained(features)
        for name, column in y.items():
            logits = outputs[name][0].numpy().astype("float64")
            assert (logits[features["answer_mask"][0].numpy() == 0] == -1e9).all()
            losses.append(np.log(np.exp(logits).sum()) - logits[int(column[0])])
    scores = trained.evaluate(x, answers, batch_size=7, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-3)


@pytest.mark.parametrize("form", ["tfzoo", "huggingface", "keras"])
def test_saved_and_loaded(trained, examples, answers, tmp_path, form):
    if form == "keras":
        trained.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    else:
        trained.save_to_preset(tmp_path / "preset", format=form)
        # what Hugging Face's format has no place for
        lost = {"doc_stride": 7, "null_threshold": 0.0} if form == "huggingface" else {}
        loaded = QuestionAnswerer.from_preset(tmp_path / "preset", **lost, sequence_length=20)
    assert type(loaded) is BertQuestionAnswerer
    assert loaded.own_config() == trained.own_config()
    if form != "huggingface":
        assert loaded.null_threshold == 0
    assert_same_answers(loaded.answer(*examples[0]), answers)


def test_exported(trained, examples, answers, tmp_path):
    trained.export(tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    questions, contexts = examples[0]
    questions, contexts = [*questions, "Who?", "Who?"], [*contexts, "", " \u200b\ud800"[:2]]
    exported = signatures["serving_default"](
        question=tf.constant(questions), context=tf.constant(contexts)
    )
    exported = {name: each.numpy().tolist() for name, each in exported.items()}
    exported["text"] = [text.decode() for text in exported["text"]]
    rows = [dict(zip(exported, row, strict=True)) for row in zip(*exported.values(), strict=True)]
    assert_same_answers(rows[:-2], answers)
    assert [(row["text"], row["start"], row["end"]) for row in rows[-2:]] == [("", 0, 0)] * 2
    features = trained.preprocessor(examples[0])
    logits = signatures["tokens"](**features)
    np.testing.assert_allclose(logits["end_logits"], trained(features)["end_logits"], atol=1e-5)


def test_lone_surrogates_do_not_shift_answers(trained):
    (answer,) = trained.answer(["Who?"], ["\ud800\ud800 Cléo lives in Rome. \udfff"])
    assert (answer["text"], answer["start"]) == ("Cléo", 3)


def test_features_alone(examples):
    model = build(preprocessor=None)
    with pytest.raises(DataError, match="no preprocessor"):
        model.answer(*examples[0])
    model.compile("sgd")
    columns = {"start_logits": np.array([2]), "end_logits": np.array([3])}
    history = model.fit({"token_ids": np.array([[2, 5, 6, 7, 3]])}, columns, verbose=0).history
    assert history["loss"][0] == pytest.approx(
        (history["start_logits_loss"][0] + history["end_logits_loss"][0]) / 2
    )


def test_pooler_is_not_trained():
    paths = {variable.path for variable in build().trainable_variables}
    assert not any(path.startswith("pooler") for path in paths)
    assert "span_head/logits/kernel" in paths


def test_wrong_examples(trained):
    x = (["Who?", "Who?"], ["Ada.", "Ada."])
    with pytest.raises(DataError, match=r"Answer 1 is 'Bob', and its context has 'Ada' at 0"):
        trained.fit(x, [None, {"text": "Bob", "answer_start": 0}])
    with pytest.raises(DataError, match="2 questions and 1 answers"):
        trained.evaluate(x, [None])
    with pytest.raises(DataError, match="no labels"):
        trained.fit(x)
    with pytest.raises(DataError, match="1 questions and 2 contexts"):
        trained.answer(x[0][:1], x[1])
    with pytest.raises(DataError, match="Context 1 is empty"):
        trained.predict((x[0], ["Ada.", ""]))
    with pytest.raises(DataError, match="Context 1 has no token"):
        trained.answer(x[0], ["Ada.", "\u200b"])
    with pytest.raises(DataError, match="Answer 0 has no token"):
        trained.fit((["Who?"], ["A \u200b da"]), [{"text": "\u200b", "answer_start": 2}])
    with pytest.raises(DataError, match="Question 1 has 20 tokens, and rows of 20"):
        trained.answer(["Who?", "who " * 20], x[1])
    with pytest.raises(DataError, match=r"sample weights have the shape \(1,\)"):
        trained.fit(x, [None, None], sample_weight=[1.0])


@pytest.mark.parametrize("name", ["doc_stride", "max_question_length", "max_answer_length"])
@pytest.mark.parametrize("value", [0, 2.5, "9"])
def test_wrong_arguments(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be a whole number"):
        build(**{name: value})


def test_wrong_top_k(trained, examples):
    with pytest.raises(ConfigError, match="top_k must be a whole number"):
        trained.answer(*examples[0], top_k=0)


def test_wrong_threshold():
    with pytest.raises(ConfigError, match="null_threshold must be a number"):
        build(null_threshold="0")
