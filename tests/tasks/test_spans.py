"""The search for spans, against the loops of google-research/bert's run_squad.py."""

import numpy as np
import pytest
from keras import ops

from tfzoo.tasks.spans import best_spans


def original_spans(start, end, may_start, may_end, longest):
    """All spans that `write_predictions` keeps of one row, the best first."""
    spans = []
    for s in sorted((i for i in range(len(start)) if may_start[i]), key=lambda i: -start[i])[:20]:
        for e in sorted((i for i in range(len(end)) if may_end[i]), key=lambda i: -end[i])[:20]:
            if s <= e < s + longest:
                spans.append((float(start[s] + end[e]), s, e))
    return sorted(spans, key=lambda span: -span[0])


@pytest.mark.parametrize("length", [5, 30, 200])
@pytest.mark.parametrize("longest", [1, 4, 30])
def test_spans_of_the_original(length, longest):
    random = np.random.default_rng(length)
    start, end = random.normal(size=(2, 6, length)).astype("float32")
    may_start, answer = random.integers(0, 2, (2, 6, length))
    may_start[:, 0], answer[:, 0] = 0, 1
    spans = best_spans(start, end, may_start, answer, longest)
    spans = {name: ops.convert_to_numpy(each) for name, each in spans.items()}
    assert spans["scores"].shape == spans["starts"].shape == spans["ends"].shape == (6, 20)
    np.testing.assert_array_equal(spans["null_scores"], start[:, 0] + end[:, 0])
    answer[:, 0] = 0
    found = 0
    for row in range(6):
        expected = original_spans(start[row], end[row], may_start[row], answer[row], longest)[:20]
        rows = zip(
            *(spans[name][row].tolist() for name in ("scores", "starts", "ends")), strict=True
        )
        assert [each for each in rows if each[0] > -np.inf] == expected
        found += len(expected)
    assert found


def test_nothing_is_found_where_nothing_may_be():
    zeros = np.zeros((1, 3), "float32")
    spans = best_spans(zeros, zeros, zeros, np.array([[1, 0, 0]]), 5)
    assert np.isneginf(ops.convert_to_numpy(spans["scores"])).all()
