"""A small corpus, and a function that prepares it."""

import pytest

from tfzoo.data.prepared import Corpus, Recipe, prepare

WORDS = [
    "we saw a good film .",
    "the film was not bad !",
    "it was playing .",
    "a very great play .",
]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """90 documents of up to five lines."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    documents = ["\n".join(WORDS[(i + j) % 4] for j in range(1 + i % 5)) for i in range(90)]
    path.write_text("\n\n".join(documents))
    return Corpus([path])


@pytest.fixture(scope="session")
def make(corpus, preprocessor, tmp_path_factory):
    """A function from a recipe's values to a folder of prepared data, in several shards."""

    def make(processes=1, **values):
        folder = tmp_path_factory.mktemp("prepared") / "data"
        recipe = Recipe(**{"sequence_length": 24, **values})
        prepare(
            corpus, preprocessor.tokenizer, recipe, folder, processes=processes, shard_size=1500
        )
        return folder

    return make
