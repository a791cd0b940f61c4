"""Examples as columns."""

from tfzoo.data import Examples


def test_take_picks_rows_of_every_column():
    examples = Examples(["a", "b", "c"], ["x", "y", "z"], [1, 2, 3], [0.1, 0.2, 0.3], ["n"] * 4)
    assert examples.take([2, 0]) == Examples(["c", "a"], ["z", "x"], [3, 1], [0.3, 0.1], ["n"] * 4)
    assert examples.texts == (["a", "b", "c"], ["x", "y", "z"])


def test_columns_that_are_not_there():
    examples = Examples(["a", "b"])
    assert len(examples) == 2
    assert examples.texts == ["a", "b"]
    assert examples.take([1]) == Examples(["b"])
