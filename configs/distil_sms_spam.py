"""Distils the spam classifier of configs/bert_sms_spam.py, 6 layers, into 2.

  python -m tfzoo.train --config=configs/bert_sms_spam.py --workdir=runs/spam
  python -m tfzoo.train --config=configs/distil_sms_spam.py --workdir=runs/small_spam

The student starts from the teacher's third and last layer. Test split, as in bert_sms_spam.py:
accuracy 0.9912 and F1 of spam 0.9677 with seeds 0 and 1, in float32, which are the teacher's.
`python benchmarks/distillation.py` compares it with its teacher, and with the same model trained
without a teacher.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = runpy.run_path(Path(__file__).with_name("bert_sms_spam.py"))["get_config"]()
    config.preset = "runs/spam/best"  # the teacher
    config.distil.num_layers = 2
    config.train.epochs = 6
    config.train.learning_rate = 1e-4
    return config
