"""Taggers that look words up or weigh features, on the data of configs/minilm_conll2003_ner.py.

  python benchmarks/entity_baseline.py

It needs scikit-learn. The first gives each word the tag that it most often has in the training
split; the second is a linear classifier of the word, its affixes and shape, and its neighbours.
"""

import re
from collections import Counter, defaultdict
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from tfzoo.binaries.config import load_config
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.splits import read_splits
from tfzoo.data import WordExamples
from tfzoo.training.entities import entity_scores

CONFIG = Path(__file__).parents[1] / "configs" / "minilm_conll2003_ner.py"


def most_frequent_tags(train: WordExamples, test: WordExamples) -> list[list[str]]:
    counts = defaultdict(Counter)
    for words, tags in zip(train.words, train.label, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word][tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    return [[best.get(word, "O") for word in words] for words in test.words]


def linear_tags(train: WordExamples, test: WordExamples) -> list[list[str]]:
    classifier = SGDClassifier(alpha=1e-5, random_state=0)
    model = make_pipeline(CountVectorizer(analyzer=list, binary=True), classifier)
    model.fit(
        [row for words in train.words for row in features(words)],
        [tag for tags in train.label for tag in tags],
    )
    tags = iter(model.predict([row for words in test.words for row in features(words)]).tolist())
    return [[next(tags) for _ in words] for words in test.words]


def features(words: list[str]) -> list[list[str]]:
    """What is known of each word of a sentence."""
    padded = ["", "", *words, "", ""]
    rows = []
    for index, word in enumerate(words):
        around = padded[index : index + 5]
        row = [f"word {place} {each.lower()}" for place, each in enumerate(around)]
        row += [f"shape {place} {shape(around[place])}" for place in (1, 2, 3)]
        row += [f"starts {word[:3]}", f"ends {word[-3:]}", f"ends {word[-2:]}"]
        rows.append(row)
    return rows


def shape(word: str) -> str:
    """A word's pattern of capitals, small letters and digits, such as Xx of "Leeds"."""
    for kind, characters in (("X", "[A-Z]+"), ("x", "[a-z]+"), ("9", "[0-9]+")):
        word = re.sub(characters, kind, word)
    return word


def main() -> None:
    splits = read_splits(KINDS["TokenClassifier"], load_config(str(CONFIG)).data)
    for tagger in (most_frequent_tags, linear_tags):
        scores = entity_scores(splits["test"].label, tagger(splits["train"], splits["test"]))
        print(f"{tagger.__name__:<20}F1 {scores['f1']:.4f}")


if __name__ == "__main__":
    main()
