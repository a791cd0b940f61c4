"""A tiny preset, and a function that trains a task of any kind from it."""

import json
from types import SimpleNamespace

import pytest

from tfzoo import BertMaskedLM
from tfzoo.binaries import experiment
from tfzoo.binaries.config import default_config


@pytest.fixture(scope="module")
def config_of(tiny_bert, preprocessor, tmp_path_factory):
    """A function from a task and its training data to a configuration that is quick to run."""
    preset = tmp_path_factory.mktemp("preset") / "preset"
    BertMaskedLM(tiny_bert(num_layers=1), preprocessor).save_to_preset(preset)

    def config_of(task, train):
        config = default_config()
        config.preset, config.task, config.data.train = str(preset), task, str(train)
        config.model.sequence_length = 16
        config.train.epochs, config.train.learning_rate = 6, 1e-2
        config.precision = "float32"
        return config

    return config_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function that runs an experiment: its workdir, and what lies in metrics.json."""

    def trained(config):
        workdir = tmp_path_factory.mktemp("workdir")
        experiment.train(config, str(workdir))
        metrics = json.loads((workdir / "metrics.json").read_text())
        return SimpleNamespace(best=str(workdir / "best"), export=workdir / "export", **metrics)

    return trained
