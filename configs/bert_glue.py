"""Fine-tunes BERT-base on a task of GLUE: cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte or wnli.

  python -m tfzoo.train --config=configs/bert_glue.py:mrpc --workdir=runs/mrpc

Batch size, epochs and learning rate are those of BERT's paper (https://arxiv.org/abs/1810.04805,
section 4.1), which takes the best learning rate of 5e-5, 4e-5, 3e-5 and 2e-5 for each task: try
`--config.train.learning_rate`. MNLI is scored on the matched part of its validation split;
`--config.data.test=tfds:glue/mnli:validation_mismatched` takes the other one.

Never run: TensorFlow Datasets downloads GLUE, which could not be reached from where this was
written; what was tested is that columns and labels are those of its builders. The paper's scores of
BERT-base, on hidden test sets: CoLA 52.1 (Matthews), SST-2 93.5, MRPC 88.9 (F1), QQP 71.2 (F1),
STS-B 85.8 (Spearman; ours is Pearson), MNLI 84.6 and 83.4, QNLI 90.5, RTE 66.4. The labels of
GLUE's test splits are hidden, so this config's test split is GLUE's validation split.
"""

from ml_collections import ConfigDict

from tfzoo.binaries.config import default_config
from tfzoo.errors import ConfigError

TEXTS = {
    "cola": ("sentence", None),
    "sst2": ("sentence", None),
    "mrpc": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "stsb": ("sentence1", "sentence2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
}


def get_config(task: str = "mrpc") -> ConfigDict:
    if task not in TEXTS:
        raise ConfigError(f"{task!r} is no task of GLUE; choose one of {', '.join(TEXTS)}.")
    config = default_config()
    config.preset = "bert_base_en_uncased"
    config.task = "BertClassifier"
    config.model.sequence_length = 128
    if task == "stsb":
        config.model.problem_type = "regression"

    config.data.train = f"tfds:glue/{task}:train"
    config.data.test = f"tfds:glue/{task}:validation" + ("_matched" if task == "mnli" else "")
    config.data.fractions = (0.9, 0.05, 0.05)  # nothing goes to test, which has its own source
    config.data.text, config.data.text_pair = TEXTS[task]

    config.train.epochs = 3
    config.train.batch_size = 32
    config.train.learning_rate = 3e-5
    return config
