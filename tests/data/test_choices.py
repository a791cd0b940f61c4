"""Files of contexts with choices."""

import json

import pytest

from tfzoo.data import ChoiceExamples, read_choices, split_examples
from tfzoo.errors import DataError

SWAG = """,sent1,sent2,ending0,ending1,ending2,label
0,"It rains, hard.",She,opens it.,waits.,runs.,2
1,Ada sits.,He,stands.,,,0
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_of_swag(tmp_path):
    path = written(tmp_path, "swag.csv", SWAG)
    endings = [f"ending{i}" for i in range(3)]
    examples = read_choices(path, context="sent1", stem="sent2", choices=endings)
    assert examples.context == ["It rains, hard.", "Ada sits."]
    assert examples.choices == [["She opens it.", "She waits.", "She runs."], ["He stands."]]
    assert examples.label == ["2", "0"]
    assert len(examples) == 2
    without = read_choices(path, context="sent1", choices=endings, label=None)
    assert without.choices[0][0] == "opens it."
    assert without.label is without.take([1]).label is None


def test_lists_of_jsonl(tmp_path):
    rows = [{"context": f"c{i}", "choices": ["a", f"b{i}"], "label": i % 2} for i in range(40)]
    path = written(tmp_path, "race.jsonl", "\n".join(map(json.dumps, rows)))
    examples = read_choices(path)
    assert examples.texts == ([row["context"] for row in rows], [row["choices"] for row in rows])
    assert examples.take([3, 0]) == ChoiceExamples(["c3", "c0"], [["a", "b3"], ["a", "b0"]], [1, 0])
    first, second = split_examples(examples, (0.5, 0.5))
    assert {*first.context, *second.context} == set(examples.context)
    assert 0 < len(first) < 40


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"context": "c", "label": 0}, "line 2: there are no choices in 'choices'"),
        ({"context": "c", "choices": [], "label": 0}, "line 2: there are no choices"),
        ({"context": "c", "choices": "ab", "label": 0}, "line 2: there are no choices"),
        ({"context": "c", "choices": ["a", 1], "label": 0}, "line 2: there are no choices"),
        ({"context": "c", "choices": ["a", "", "b"], "label": 0}, "line 2: choice 1 is empty"),
        ({"context": 1, "choices": ["a"], "label": 0}, "line 2: column 'context' holds int"),
        ({"context": "c", "choices": ["a"]}, "line 2: there is no column 'label'"),
    ],
)
def test_wrong_records(tmp_path, row, message):
    good = {"context": "c", "choices": ["a"], "label": 0}
    path = written(tmp_path, "bad.jsonl", f"{json.dumps(good)}\n{json.dumps(row)}\n")
    with pytest.raises(DataError, match=message):
        read_choices(path)


def test_wrong_files(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_choices(tmp_path / "absent.jsonl")
    with pytest.raises(DataError, match="is empty: it holds no examples"):
        read_choices(written(tmp_path, "empty.jsonl", ""))
    rows = "context,a,b,label\nc,,,0\n"
    with pytest.raises(DataError, match="line 2: there are no choices in 'a', 'b'"):
        read_choices(written(tmp_path, "none.csv", rows), choices=["a", "b"])
    path = written(tmp_path, "gap.csv", "context,a,b,label\nc,,it,0\n")
    for stem in (None, "context"):
        with pytest.raises(DataError, match="line 2: choice 0 is empty; fill or remove"):
            read_choices(path, choices=["a", "b"], stem=stem)
    with pytest.raises(DataError, match="line 2: there are no choices"):
        read_choices(path, choices=[])
