"""TF-IDF with logistic regression on the split of configs/bert_sms_spam.py, for comparison.

  python benchmarks/spam_baseline.py

It needs scikit-learn. Twice: with that library's defaults, and with the n-grams and the
regularisation that do best on the validation split.
"""

import itertools
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline, make_pipeline

from tfzoo.binaries.config import load_config
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.splits import read_splits
from tfzoo.data import Examples

CONFIG = Path(__file__).parents[1] / "configs" / "bert_sms_spam.py"
DEFAULTS = (("word", (1, 1), False), 1.0)
FEATURES = [("word", (1, 1), True), ("word", (1, 2), True), ("char_wb", (2, 5), True)]
INVERSE_PENALTIES = [1.0, 10.0, 100.0, 1000.0]


def fitted(train: Examples, features: tuple, inverse_penalty: float) -> Pipeline:
    analyzer, ngrams, sublinear = features
    vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=ngrams, sublinear_tf=sublinear)
    model = make_pipeline(vectorizer, LogisticRegression(C=inverse_penalty, max_iter=1000))
    return model.fit(train.text, train.label)


def scores(model: Pipeline, part: Examples) -> tuple[float, float]:
    """Accuracy, and F1 of spam."""
    predictions = model.predict(part.text)
    return (
        accuracy_score(part.label, predictions),
        f1_score(part.label, predictions, pos_label="spam"),
    )


def main() -> None:
    splits = read_splits(KINDS["Classifier"], load_config(str(CONFIG)).data)
    choices = [DEFAULTS, *itertools.product(FEATURES, INVERSE_PENALTIES)]
    models = {choice: fitted(splits["train"], *choice) for choice in choices}
    best = max(choices, key=lambda choice: scores(models[choice], splits["validation"]))
    for name, choice in (("defaults", DEFAULTS), ("best on validation", best)):
        accuracy, f1 = scores(models[choice], splits["test"])
        print(f"{name:<20}{choice!s:<45}accuracy {accuracy:.4f}  F1 of spam {f1:.4f}")


if __name__ == "__main__":
    main()
