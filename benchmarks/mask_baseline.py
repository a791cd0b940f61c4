"""Predicts masked tokens without a model, by what was counted in the training text.

    python benchmarks/mask_baseline.py

prints the share of the masked tokens that are right, on the rows that configs/bert_pretrain.py
validates and tests on; its docstring says how they are made. Half a minute.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from tfzoo.data.prepared import prepared_batches

FOLDER = "data/wikitext2"

Predict = Callable[[int, int], int]  # a token of its left and its right neighbour


def main() -> None:
    rules = learn(f"{FOLDER}/train")
    for part in ("valid", "test"):
        hidden = list(masked_tokens(f"{FOLDER}/{part}"))
        print(f"{part}, {len(hidden):,} masked tokens")
        for name, predict in rules.items():
            right = sum(predict(*neighbours) == token for *neighbours, token in hidden)
            print(f"  {name}: {right / len(hidden):.4f}")


def learn(folder: str) -> dict[str, Predict]:
    """What predicts a token: nothing, its left neighbour, both neighbours."""
    alone, after, between = Counter(), defaultdict(Counter), defaultdict(Counter)
    for features, labels, weights in prepared_batches(folder, shuffle=False):
        ids, real = features["token_ids"].numpy(), features["padding_mask"].numpy().sum(axis=1)
        rows, columns = places(features, weights)
        ids[rows, columns] = labels.numpy()[weights.numpy() > 0]
        for row, length in zip(ids.tolist(), real.tolist(), strict=True):
            for left, token, right in zip(row, row[1:], row[2:length], strict=False):
                alone[token] += 1
                after[left][token] += 1
                between[left, right][token] += 1
    most_frequent, of_left, of_both = likeliest(alone), modes(after), modes(between)

    def by_left(left: int, right: int) -> int:
        return of_left.get(left, most_frequent)

    def by_both(left: int, right: int) -> int:
        return of_both.get((left, right), by_left(left, right))

    return {
        "always the most frequent token": lambda left, right: most_frequent,
        "the most frequent one after the left neighbour": by_left,
        "the most frequent one between both neighbours": by_both,
    }


def masked_tokens(folder: str) -> Iterator[tuple[int, int, int]]:
    """Left and right neighbour of each masked token, and that token."""
    for features, labels, weights in prepared_batches(folder, shuffle=False, seed=0):
        ids = features["token_ids"].numpy()
        rows, columns = places(features, weights)
        hidden = labels.numpy()[weights.numpy() > 0]
        yield from zip(
            ids[rows, columns - 1].tolist(),
            ids[rows, columns + 1].tolist(),
            hidden.tolist(),
            strict=True,
        )


def places(features: dict, weights: object) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the masked tokens of a batch."""
    rows, which = np.nonzero(weights.numpy())
    return rows, features["masked_positions"].numpy()[rows, which]


def modes(counts: dict[object, Counter]) -> dict[object, int]:
    return {key: likeliest(tokens) for key, tokens in counts.items()}


def likeliest(tokens: Counter) -> int:
    return tokens.most_common(1)[0][0]


if __name__ == "__main__":
    main()
