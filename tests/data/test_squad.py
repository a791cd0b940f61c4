"""SQuAD's files."""

import json

import pytest

from tfzoo.data.squad import read_squad
from tfzoo.errors import DataError

CONTEXT = "Ada  wrote it in 1843."


def question(number, *answers, **fields):
    spans = [{"text": text, "answer_start": CONTEXT.find(text)} for text in answers]
    return {"id": number, "question": f"Question {number}?", "answers": spans, **fields}


def document(*questions, context=CONTEXT):
    paragraph = {"context": context, "qas": list(questions)}
    return {"version": "v2.0", "data": [{"title": "Ada", "paragraphs": [paragraph]}]}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "squad.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def test_both_versions(write):
    plausible = {"plausible_answers": [{"text": "it", "answer_start": 11}]}
    first = question("x", "Ada", "Ada  wrote")
    third = question(3, is_impossible=True, **plausible)
    content = document(first, question("y", "1843", is_impossible=False), third)
    content["data"] *= 2
    examples = read_squad(write(content))
    assert len(examples) == 6
    assert examples.id[:3] == ["x", "y", "3"]
    assert examples.texts[0][1] == "Question y?"
    assert set(examples.texts[1]) == {CONTEXT}
    assert examples.first_answers[1:3] == [{"text": "1843", "answer_start": 17}, None]
    assert examples.references[:3] == [["Ada", "Ada  wrote"], ["1843"], []]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ([1], "there is no data"),
        ({"data": []}, "holds no questions"),
        ({"data": [{"paragraphs": 1}]}, "there is no paragraphs"),
        (document(question("1"), context=1), "there is no context"),
        (document(question("1"), {"id": "2"}), "question 1: there is no question"),
        (document({"id": "1", "question": "?"}), "question 0: there is no answers"),
        (document({"id": True, "question": "?"}), "question 0: there is no id"),
        (document(question("1", is_impossible="false")), "question 0: there is no is_impossible"),
        (document(question("1"), question("2", "Bob")), "question 1: the answer 'Bob' is not"),
    ],
)
def test_damaged_files(write, content, message):
    with pytest.raises(DataError, match=message):
        read_squad(write(content))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_squad(tmp_path / "missing.json")
    path = tmp_path / "latin.json"
    path.write_bytes(b'{"data": "\xe9"}')
    with pytest.raises(DataError, match="not valid JSON"):
        read_squad(path)


def test_tfds_as_squad_is_there(local_dataset):
    from tensorflow_datasets.datasets.squad import squad_dataset_builder

    answered = {"text": ["Ada", "wrote"], "answer_start": [0, 5]}
    none = {"text": [], "answer_start": []}
    rows = [
        {"id": "x", "question": "Who?", "is_impossible": False, "answers": answered},
        {"id": "y", "question": "Why?", "is_impossible": True, "answers": none},
    ]
    common = {"title": "Ada", "context": CONTEXT, "plausible_answers": answered}
    handle = local_dataset(
        dict(squad_dataset_builder._v2_features().items()), [{**row, **common} for row in rows]
    )
    examples = read_squad(f"{handle}:train")
    assert sorted(zip(examples.id, examples.question, strict=True)) == [
        ("x", "Who?"),
        ("y", "Why?"),
    ]
    assert examples.context == [CONTEXT, CONTEXT]
    taken = examples.take([examples.id.index("y"), examples.id.index("x")])
    assert taken.first_answers == [None, {"text": "Ada", "answer_start": 0}]
    assert taken.references == [[], ["Ada", "wrote"]]
