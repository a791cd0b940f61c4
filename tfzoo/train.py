"""Trains a task as a config file says, scores it on the test split and exports it.

  python -m tfzoo.train --config=configs/bert_sms_spam.py --workdir=runs/spam

Any field of the config can be overridden, and a misspelt one is an error:

  ... --config.train.epochs=2 --config.model.dropout=0.2 --config.precision=float32

The task, config.task, decides what the data are: columns of texts and labels, pairs, sentences in
CoNLL's columns, questions in SQuAD's JSON, choices in JSON lines, rows of tfzoo.prepare. configs/
has examples.

What comes to lie in the workdir, in place of an earlier run's:

  config.json    the config with its overrides
  metrics.jsonl  loss, learning rate and speed every few steps, metrics every epoch
  curves.png     a picture of them; tensorboard has them for TensorBoard
  best           the preset with the lowest validation loss, kept up to date while training;
                 tfzoo.evaluate, tfzoo.predict, tfzoo.export and from_preset take it
  metrics.json   its scores
  export         a SavedModel in float32, which takes strings and needs no tfzoo; pre-training
                 ends without one
  checkpoints    what a run goes on from; gone when it is complete

The same command goes on with a run that was stopped or killed, and trains a complete one anew.
SIGTERM writes a checkpoint and gives the status 75, which means: start the same command again. A
mistake, a loss that is no number and a lost worker give 1, Ctrl-C 130. With another config, a run
goes on only with --allow_changes; --restart begins it anew.

Several devices or machines train together with --strategy=mirrored or multi_worker; auto takes all
there are. TF_CONFIG or Slurm tells each process who the workers are, and all have to see the same
workdir; the first one writes there, and scores and exports alone in the end.

  python -m tfzoo.launch --num_workers=2 -- \\
      python -m tfzoo.train --config=configs/bert_sms_spam.py --workdir=runs/spam
"""

from absl import flags

from tfzoo.binaries.config import define_config
from tfzoo.binaries.experiment import train
from tfzoo.binaries.run import require, run
from tfzoo.training.strategies import STRATEGIES, get_strategy


def define_flags(values: flags.FlagValues) -> None:
    define_config(values)
    flags.DEFINE_string("workdir", None, "folder for the results", values)
    require(values, config="configs/bert_sms_spam.py", workdir="runs/spam")
    # No field of the config: the same experiment may go on with other devices.
    flags.DEFINE_enum("strategy", "auto", STRATEGIES, "which devices train", values)
    flags.DEFINE_bool("restart", False, "begin anew where a run could go on", values)
    flags.DEFINE_bool("allow_changes", False, "go on with a run of another config", values)


def main(values: flags.FlagValues) -> None:
    strategy = get_strategy(values.strategy)  # before any other work with TensorFlow
    train(values.config, values.workdir, strategy, values.restart, values.allow_changes)


if __name__ == "__main__":
    run(main, define_flags)
