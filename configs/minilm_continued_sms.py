"""Goes on with the pre-training of MiniLM on text messages, then fine-tunes it to tell spam.

  python -m tfzoo.train --config=configs/minilm_continued_sms.py:pretrain --workdir=runs/sms
  python -m tfzoo.train --config=configs/minilm_continued_sms.py:finetune --workdir=runs/sms_spam

The first command predicts masked tokens of the texts, without their labels; the second is
configs/bert_sms_spam.py, and starts from what the first made best. Both split the file alike, so
that neither trains on the test split.

On two cores that did other work too: 3 min 2 s for the first command, masked-LM accuracy 0.2842 on
the test split (MiniLM has no head for it); 2 min 18 s for the second, accuracy 0.9912, F1 of
spam 0.9677, which is what fine-tuning alone reaches: 3,586 texts add nothing that this task lacks.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from tfzoo.errors import ConfigError


def get_config(stage: str = "pretrain") -> ConfigDict:
    config = runpy.run_path(Path(__file__).with_name("bert_sms_spam.py"))["get_config"]()
    if stage == "finetune":
        config.preset = "runs/sms/best"
        return config
    if stage != "pretrain":
        raise ConfigError(f"{stage!r} is no stage; choose pretrain, then finetune.")
    config.task = "BertMaskedLM"
    del config.model.class_names
    config.data.label = None

    config.train.epochs = 4
    config.train.learning_rate = 2e-4

    config.export.texts = (
        "Sorry, I'll [MASK] you later.",
        "URGENT! Your mobile [MASK] has won a prize.",
    )
    return config
