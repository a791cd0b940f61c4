"""Trains a task as a config file says, scores it on the test split and exports it.

  python -m tfzoo.train --config=configs/bert_sms_spam.py --workdir=runs/spam

Any field of the config can be overridden, and a misspelt one is an error:

  ... --config.train.epochs=2 --config.model.dropout=0.2 --config.precision=float32

What comes to lie in the workdir, in place of an earlier run's:

  config.json    the config with its overrides
  best           the preset with the lowest validation loss, kept up to date while training;
                 tfzoo.evaluate, tfzoo.predict, tfzoo.export and from_preset take it
  metrics.json   its scores
  export         a SavedModel in float32, which takes strings and needs no tfzoo
"""

from absl import flags

from tfzoo.binaries.config import define_config
from tfzoo.binaries.experiment import train
from tfzoo.binaries.run import require, run


def define_flags(values: flags.FlagValues) -> None:
    define_config(values)
    flags.DEFINE_string("workdir", None, "folder for the results", values)
    require(values, config="configs/bert_sms_spam.py", workdir="runs/spam")


def main(values: flags.FlagValues) -> None:
    train(values.config, values.workdir)


if __name__ == "__main__":
    run(main, define_flags)
