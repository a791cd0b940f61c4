"""What is fuzzed: the road from a stranger's folder or archive to a model that answers."""

from pathlib import Path

TEXTS = ["a good film ."]


def load(folder: Path) -> None:
    """Does all that a user of published weights does.

    Args:
        folder: holds either the files of a format, or one archive.

    Raises:
        TfzooError: the input is refused. Anything else is a finding.
    """
    from tfzoo import Backbone, Classifier
    from tfzoo.weights.archive import is_archive
    from tfzoo.weights.resolve import resolve

    archives = [path for path in folder.iterdir() if is_archive(path.name)]
    weights = resolve(archives[0] if len(archives) == 1 else folder)
    Backbone.from_preset(weights)
    model = Classifier.from_preset(weights)
    if model.preprocessor is not None:
        model(model.preprocessor(TEXTS))
