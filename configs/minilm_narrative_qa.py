"""Fine-tunes MiniLM (6 layers, 22.7M parameters) to answer questions about stories.

  python configs/data/narrative_qa.py data/narrative_qa
  python -m tfzoo.train --config=configs/minilm_narrative_qa.py --workdir=runs/qa

Measured on 2 cores of an AMD EPYC with avx512_bf16 (so precision is mixed_bfloat16): 5 s and 186 s
for the whole commands, downloads not included.

Test split, 200 questions about 10 stories of which none is trained on:

|                                              | exact | F1   |
|----------------------------------------------|-------|------|
| this config, seed 0                          | 0.500 | 0.617|
| this config, seed 1                          | 0.465 | 0.618|
| a name in the sentence with most shared words| 0.100 | 0.148|
| the sentence that shares most words          | 0.000 | 0.133|

One question is half a point, so runs differ by a few. The last two are those of
`python benchmarks/answer_baseline.py`.

The questions are NarrativeQA's (https://arxiv.org/abs/1712.07040, Apache License 2.0), which people
asked about summaries of books and films in Wikipedia (CC BY-SA).
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config

_FOLDER = "data/narrative_qa"  # where configs/data/narrative_qa.py wrote


def get_config() -> ConfigDict:
    config = default_config()
    config.preset = "minilm_l6_en_uncased"
    config.task = "BertQuestionAnswerer"
    config.model.sequence_length = 192
    config.model.max_question_length = 32

    config.data.train = f"{_FOLDER}/train.json"
    config.data.validation = f"{_FOLDER}/validation.json"
    config.data.test = f"{_FOLDER}/test.json"

    config.train.epochs = 3
    config.train.batch_size = 16
    config.train.learning_rate = 2e-4

    computer = (
        "In 1843 Ada Lovelace published what is often called the first computer program, for a "
        "machine that Charles Babbage had designed but never built."
    )
    gold = (
        "The mate wants to sell the ship. At night the captain rows ashore and hides the gold in "
        "an old lighthouse, where only his daughter Mary would look for it."
    )
    config.export.texts = (
        f"Who wrote the first program?\t{computer}",
        f"Who designed the machine?\t{computer}",
        f"Where does the captain hide the gold?\t{gold}",
        f"What does the mate want to sell?\t{gold}",
    )
    return config
