"""Answers by counting shared words, on the data of configs/minilm_narrative_qa.py.

  python configs/data/narrative_qa.py data/narrative_qa
  python benchmarks/answer_baseline.py

The sentence that has most words of the question; and the first name in it that the question does
not have, or else that sentence.
"""

import re
from pathlib import Path

from tfzoo.binaries.config import load_config
from tfzoo.binaries.kinds import KINDS
from tfzoo.binaries.splits import read_splits
from tfzoo.training.squad_scores import squad_scores

CONFIG = Path(__file__).parents[1] / "configs" / "minilm_narrative_qa.py"


def sentence(question: str, context: str) -> str:
    return max(re.split(r"(?<=[.!?])\s+", context), key=lambda text: len(shared(text, question)))


def name(question: str, context: str) -> str:
    text = sentence(question, context)
    names = re.findall(r"[A-Z]\w+(?: [A-Z]\w+)*", text)
    return next((found for found in names if not shared(found, question)), text)


def shared(text: str, question: str) -> set[str]:
    words, wanted = (set(re.findall(r"\w+", each.lower())) for each in (text, question))
    return words & wanted


def main() -> None:
    test = read_splits(KINDS["QuestionAnswerer"], load_config(str(CONFIG)).data)["test"]
    for answer in (sentence, name):
        scores = squad_scores(list(map(answer, *test.texts)), test.references)
        print(f"{answer.__name__:<10}exact {scores['exact']:.1f}  F1 {scores['f1']:.1f}")


if __name__ == "__main__":
    main()
