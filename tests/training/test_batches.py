"""Going on among the batches gives those that an uninterrupted run would have had."""

import itertools

import pytest
import tensorflow as tf

from tfzoo.errors import DataError
from tfzoo.training.batches import Batches

COUNT = 5
PLACES = list(itertools.product(range(3), (0, 1, COUNT - 1)))


def make(known=True):
    """Batches of numbers, in an order that follows from a seed and from the pass."""
    data = tf.data.Dataset.range(COUNT).shuffle(COUNT, seed=7)
    extra = tf.data.Dataset.random(seed=7, rerandomize_each_iteration=True)
    return Batches(tf.data.Dataset.zip(data, extra), COUNT if known else None)


def take(iterator, steps):
    return [tuple(int(each) for each in next(iterator)) for _ in range(steps)]


def numbers(batches, count, most=1):
    """What the next steps see, as a loop would run them."""
    seen = []
    while len(seen) < count:
        try:
            outputs, steps = batches.run(take, min(most, count - len(seen)))
        except StopIteration:
            continue
        assert len(outputs) == steps
        seen += outputs
    return seen


@pytest.fixture(scope="module")
def expected():
    seen = numbers(make(), 3 * COUNT)
    passes = [seen[i : i + COUNT] for i in range(0, len(seen), COUNT)]
    assert all(sorted(number for number, _ in each) == list(range(COUNT)) for each in passes)
    assert len({tuple(each) for each in passes}) == 3
    return seen


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("passes", "offset"), PLACES)
def test_any_place_can_be_gone_on_from(expected, known, passes, offset):
    batches = make(known)
    batches.skip(passes, offset)
    done = passes * COUNT + offset
    assert numbers(batches, len(expected) - done) == expected[done:]


def test_the_place_is_told(expected):
    batches = make(known=False)
    places = []
    for _ in range(2 * COUNT + 2):
        try:
            batches.run(take, 1)
        except StopIteration:
            assert batches.count == COUNT
        places.append((batches.passes, batches.offset))
    # The length of the first pass shows at its end, and is known from then on.
    first = [(0, step) for step in range(1, COUNT + 1)] + [(1, 0)]
    assert places == first + [(1, step) for step in range(1, COUNT)] + [(2, 0), (2, 1)]


def test_no_more_steps_at_once_than_the_pass_has(expected):
    batches = make()
    assert [batches.run(take, 3)[1] for _ in range(4)] == [3, 2, 3, 2]
    assert numbers(make(), 3 * COUNT, most=3) == expected


@pytest.mark.parametrize("count", [0, None])
def test_no_batches(count):
    with pytest.raises(DataError, match="The data have no batches"):
        Batches(tf.data.Dataset.range(0), count).run(lambda iterator, _: next(iterator), 1)
