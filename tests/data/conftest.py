"""Datasets of TFDS that are made on the spot."""

import pytest


@pytest.fixture
def local_dataset(tmp_path, monkeypatch):
    """A function from the features and the rows of a dataset to its handle but for the split."""
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path))

    def local_dataset(features, rows):
        class LocalSet(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")
            BUILDER_CONFIGS = (tfds.core.BuilderConfig(name="plain"),)

            def _info(self):
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, _):
                return {"train": self._generate_examples()}

            def _generate_examples(self):
                yield from enumerate(rows)

        return "tfds:local_set/plain"

    yield local_dataset
    tfds.core.registered._DATASET_REGISTRY.pop("local_set", None)
